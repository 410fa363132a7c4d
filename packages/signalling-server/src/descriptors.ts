/** How many files and sockets this process may have open: what bounds a server with many peers first. */
import { readdirSync, readFileSync } from 'node:fs';

/** The limit, where the system tells it (Linux); Node has raised it as far as it may at its start. */
export function descriptorLimit(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}

/** How many are open, where the system tells it; 0 elsewhere. */
export function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}
