/**
 * The file descriptor of a `dgram` socket. Node keeps it in private fields, which may change: then there is none, and packets
 * leave by the socket's own `send`.
 */
import type { Socket } from 'node:dgram';

interface SocketState {
  readonly handle?: { readonly fd?: unknown } | null;
}

/** Undefined where the socket is closed or not yet bound, or where Node does not tell. */
export function descriptorOf(socket: Socket): number | undefined {
  try {
    for (const symbol of Object.getOwnPropertySymbols(socket)) {
      if (symbol.description !== 'state symbol') continue;
      const state = (socket as unknown as Record<symbol, SocketState | undefined>)[symbol];
      const descriptor = state?.handle?.fd;
      if (typeof descriptor === 'number' && descriptor >= 0) return descriptor;
    }
  } catch {
    // Not what it was: as if it were not there.
  }
  return undefined;
}
