/**
 * What runs in each of the engine's threads. The media library is loaded here and never in the main thread: a thread that is
 * loaded and has no role yet is kept in reserve, so that a viewer does not wait for it.
 */
import { parentPort } from 'node:worker_threads';
import type { FromWorker } from './messages.ts';

type Resolvers<T> = { promise: Promise<T>; resolve: (value: T) => void; reject: (reason: unknown) => void };

/** The media library expects `Promise.withResolvers`, which Node 20 lacks. */
function addWithResolvers(): void {
  const promise = Promise as unknown as { withResolvers?: <T>() => Resolvers<T> };
  promise.withResolvers ??= <T>(): Resolvers<T> => {
    let resolve!: Resolvers<T>['resolve'];
    let reject!: Resolvers<T>['reject'];
    const made = new Promise<T>((yes, no) => {
      resolve = yes as Resolvers<T>['resolve'];
      reject = no;
    });
    return { promise: made, resolve, reject };
  };
}

const port = parentPort;
if (port) {
  addWithResolvers();
  let first: FromWorker;
  try {
    const { takeRole } = await import('./roles.ts');
    takeRole(port);
    first = { type: 'ready' };
  } catch (error) {
    first = { type: 'unavailable', message: error instanceof Error ? error.message : String(error) };
  }
  port.postMessage(first);
}
