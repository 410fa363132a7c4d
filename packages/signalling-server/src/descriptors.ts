/** How many files and sockets this process may have open: what bounds a server with many peers first. */
import { readdirSync, readFileSync } from 'node:fs';

/** The limit, where the system tells it (Linux); Node has raised it as far as it may at its start. */
function descriptorLimit(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}

/** Descriptors that are kept for everything that is no connection. */
const OTHER_DESCRIPTORS = 64;

/** For how many connections there are descriptors; infinite where the system does not tell. */
export function mostConnections(): number {
  const limit = descriptorLimit();
  return limit === undefined ? Number.POSITIVE_INFINITY : Math.max(1, limit - OTHER_DESCRIPTORS);
}

/** How many are open, where the system tells it; 0 elsewhere. */
export function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}
