/**
 * Ctrl-C and its like. The first asks the command to end in peace; a second within a second is npm forwarding the same key
 * press to its child and is ignored; a later one ends the process at once.
 */
import type { EventEmitter } from 'node:events';
import { EXIT_FAILURE } from './exit.ts';

/** ms. */
const ECHO = 1000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Interrupts {
  /** Aborted at the first interrupt, or by `stop`. */
  readonly signal: AbortSignal;
  /** Ends the command from inside, as an interrupt would. */
  stop(): void;
  /** Gives the signals back. */
  dispose(): void;
}

export function catchInterrupts({
  source = process,
  now = () => performance.now(),
  onForced = () => process.exit(EXIT_FAILURE),
}: {
  source?: Pick<EventEmitter, 'on' | 'off'>;
  /** ms. */
  now?: () => number;
  onForced?: () => void;
} = {}): Interrupts {
  const abort = new AbortController();
  let first: number | undefined;
  const onSignal = (): void => {
    const time = now();
    if (first !== undefined && time - first > ECHO) onForced();
    first ??= time;
    abort.abort();
  };
  for (const name of SIGNALS) source.on(name, onSignal);
  return {
    signal: abort.signal,
    stop: () => abort.abort(),
    dispose: () => {
      for (const name of SIGNALS) source.off(name, onSignal);
    },
  };
}

/** Resolves when `signal` is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** Waits for `work`, but no longer than `limit` ms. Says whether it came to its end; rejects when `work` does. */
export async function within(limit: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  try {
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), limit);
    });
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
