/** HTTP below the WebSockets: how the server listens, and how it answers who gets none. */
import { type IncomingMessage, type Server, ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Admission } from './admission.ts';
import { SignallingServerError } from './errors.ts';

/** How long, in ms, somebody who is refused has to take the answer. */
const REFUSAL_TIMEOUT = 2_000;

/**
 * True where the request wants a WebSocket. Other protocols are only offered (HTTP/2): such a request is answered by `server` as
 * if there were no offer.
 */
export function wantsWebSocket(server: Server, request: IncomingMessage, socket: Duplex): boolean {
  if (/^websocket$/i.test(request.headers.upgrade ?? '')) return true;
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket as Socket);
  response.once('finish', () => socket.end());
  server.emit('request', request, response);
  return false;
}

/** One short response (RFC 9110), in which no value comes from the request but what was checked. */
export function refuseUpgrade(socket: Duplex, { status, details }: Extract<Admission, { isAdmitted: false }>): void {
  const body = `${details}\n`;
  const more = status === 401 ? ['WWW-Authenticate: Bearer'] : status === 429 || status === 503 ? ['Retry-After: 5'] : [];
  // A side that ours has ended is the client's to end; whoever does not, does not keep its descriptor.
  const timer = setTimeout(() => socket.destroy(), REFUSAL_TIMEOUT);
  socket.once('close', () => clearTimeout(timer));
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Content-Type: text/plain; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      ...more,
      '',
      body,
    ].join('\r\n'),
  );
}

/** Rejects with `ADDRESS_IN_USE` or `LISTEN_FAILED`. */
export async function listen(server: Server, { host, port }: { readonly host: string; readonly port: number }): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException): void => reject(listenError(cause, host, port));
    server.once('error', fail);
    server.listen({ host, port, backlog: 4096 }, () => {
      server.off('error', fail);
      resolve();
    });
  });
}

function listenError(cause: NodeJS.ErrnoException, host: string, port: number): SignallingServerError {
  if (cause.code === 'EADDRINUSE')
    return new SignallingServerError(
      'ADDRESS_IN_USE',
      `The port ${port} on ${host} is in use: stop the other server or choose another port.`,
      { cause },
    );
  const reason =
    cause.code === 'EACCES'
      ? 'that needs more rights'
      : cause.code === 'EADDRNOTAVAIL'
        ? 'this machine has no such address'
        : cause.message;
  return new SignallingServerError(
    'LISTEN_FAILED',
    `The signalling server cannot listen on ${host} port ${port} (${reason}): choose another host or port.`,
    { cause },
  );
}
