/**
 * An allocation on a TURN server (RFC 8656). werift speaks the protocol; the sockets, the refreshing and the end are ours: its
 * own leave a timer of minutes and requests of seconds behind after closing, keep the allocation on the server, and let a
 * socket's error out of the process.
 */
import { Message, StunOverTurnProtocol, TurnProtocol } from 'werift';
import type { TurnServer } from './ice-servers.ts';
import { StreamPort } from './stream-port.ts';
import { type Address, UdpPort } from './udp-port.ts';

const REFRESH_METHOD = 0x0004;
const REQUEST_CLASS = 0;
/** Seconds: what is asked for, and for how little a server may grant us. */
const LIFETIME = 600;
const SHORTEST_LIFETIME = 30;
/** Of the lifetime, when to refresh: a lost request has time to be repeated. */
const REFRESH_AFTER = 5 / 6;
/** Seconds. Binding a channel again keeps the permission alive too, which lasts for 300 (RFC 8656 §9). */
const BIND_AGAIN = 240;

/** What of werift's client is not in its type declarations. */
interface TurnInternals {
  refresh(lifetime: number): void;
}

/**
 * Allocates a relay on the server at `address`. Closing the protocol, at any time, deletes it and leaves nothing behind; so does
 * the abort of `signal`. Rejects when the server is not reached or refuses.
 */
export async function allocateRelay(server: TurnServer, address: Address, signal: AbortSignal): Promise<StunOverTurnProtocol> {
  const transport =
    server.transport === 'udp'
      ? await UdpPort.bind('0.0.0.0')
      : await StreamPort.connect(server.transport, address, server.host, signal);
  const turn = new TurnProtocol(address, server.username, server.credential, LIFETIME, transport as never, {
    channelRefreshTime: BIND_AGAIN,
  });
  const end = endOf(turn);
  signal.addEventListener('abort', end);
  turn.close = async () => {
    signal.removeEventListener('abort', end);
    await end();
  };
  try {
    signal.throwIfAborted();
    await Promise.race([turn.connectionMade(), aborted(signal)]);
    if (!turn.relayedAddress) throw new Error('the TURN server named no relayed address');
    return new StunOverTurnProtocol(turn);
  } catch (error) {
    await turn.close();
    throw error;
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('closed before the TURN server answered')), { once: true });
  });
}

/** Takes the refreshing over; returns what ends the allocation. */
function endOf(turn: TurnProtocol): () => Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let ended: Promise<void> | undefined;
  let allocated = false;
  const { request } = turn;
  turn.request = (...args) => (ended ? Promise.reject(new Error('the relay is closed')) : request.apply(turn, args));

  // A message of its own each time: werift does not sign one again properly after a stale nonce, but remembers the new one.
  const refresh = (lifetime: number): Promise<[Message, unknown]> =>
    turn.requestWithRetry(new Message(REFRESH_METHOD, REQUEST_CLASS).setAttribute('LIFETIME', lifetime), turn.server);
  const schedule = (granted: unknown): void => {
    allocated = true;
    if (ended) return;
    const lifetime = typeof granted === 'number' ? Math.min(Math.max(granted, SHORTEST_LIFETIME), LIFETIME) : LIFETIME;
    timer = setTimeout(
      () => {
        refresh(LIFETIME)
          .catch(() => refresh(LIFETIME))
          .then(
            ([response]) => schedule(response.getAttributeValue('LIFETIME')),
            () => schedule(SHORTEST_LIFETIME),
          );
      },
      lifetime * 1000 * REFRESH_AFTER,
    );
  };
  (turn as unknown as TurnInternals).refresh = schedule;

  const free = async (): Promise<void> => {
    clearTimeout(timer);
    // RFC 8656 §8: a lifetime of 0 deletes it. Nobody waits for the answer; when it is lost the server learns by itself.
    if (allocated) refresh(0).catch(() => {});
    // werift sends what it is given after some turns of the microtask queue.
    await new Promise(setImmediate);
    for (const transaction of Object.values(turn.transactions)) transaction.cancel();
    await turn.transport.close();
  };
  return () => (ended ??= free());
}
