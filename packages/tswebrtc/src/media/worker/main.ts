/**
 * What runs in each of the engine's threads. The media library is loaded here and never in the main thread: a thread that is
 * loaded and has no role yet is kept in reserve, so that a viewer does not wait for it.
 */
import { parentPort } from 'node:worker_threads';
import type { FromWorker } from './messages.ts';
import { addWithResolvers } from './with-resolvers.ts';

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
