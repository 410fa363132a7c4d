/**
 * Notices when the addresses of this host change: Node tells nobody, so they are looked at, which takes a fraction of a
 * millisecond, once for all connections of a thread and only while there are any.
 */
import { localAddresses } from './candidate.ts';

const PERIOD = 2000;

type Listener = (added: readonly string[], removed: readonly string[]) => void;

const listeners = new Set<Listener>();
let known: readonly string[] = [];
let timer: NodeJS.Timeout | undefined;

/** Calls `listener` after every change until the returned function is called. */
export function watchAddresses(listener: Listener): () => void {
  // Of its own each time, so that one may be given twice.
  const own: Listener = (...change) => listener(...change);
  listeners.add(own);
  if (!timer) {
    known = localAddresses(false);
    timer = setInterval(look, PERIOD);
    timer.unref();
  }
  return () => {
    listeners.delete(own);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

function look(): void {
  const current = localAddresses(false);
  const added = current.filter((address) => !known.includes(address));
  const removed = known.filter((address) => !current.includes(address));
  known = current;
  if (added.length > 0 || removed.length > 0) for (const listener of [...listeners]) listener(added, removed);
}
