/**
 * The SCTP association under the data channels (RFC 9260 over DTLS, RFC 8261). werift keeps the protocol; this keeps its
 * exceptions from leaving, bounds what an unfinished message may hold, and mends its partial reliability (RFC 3758).
 */
import { Event, RTCSctpTransport } from 'werift';
import type { Logger } from '../../common/logger.ts';

const PORT = 5000;
/** Data of unfinished messages that a peer may leave with us, beyond the window we announce. */
const MOST_UNFINISHED = 8 << 20;
const LAST_FRAGMENT = 1;
const FIRST_FRAGMENT = 2;

type Sctp = RTCSctpTransport['sctp'];
type SctpConstructor = new (transport: SctpTransport, port: number) => Sctp;

interface SctpTransport {
  onData?: ((packet: Buffer) => void) | undefined;
  send(packet: Buffer): Promise<void>;
  close(): void;
}

interface OutboundChunk {
  flags: number;
  readonly streamId: number;
  bookSize: number;
  sentCount: number;
  readonly maxRetransmits?: number;
  /** Seconds since the Unix epoch. */
  readonly expiry?: number;
  abandoned: boolean;
  retransmit: boolean;
  acked: boolean;
}

/** What of werift's association is not in its type declarations. */
interface SctpInternals {
  handleData(packet: Buffer): Promise<void>;
  maybeAbandon(chunk: OutboundChunk): boolean;
  advertisedRwnd: number;
  sentQueue: OutboundChunk[];
  outboundQueue: OutboundChunk[];
  flightSizeDecrease(chunk: OutboundChunk): void;
}

export interface SctpHandler {
  established(): void;
  message(streamId: number, payloadProtocolId: number, data: Buffer): void;
  /** The peer closed these streams, or confirmed that we did. */
  streamsReset(streamIds: readonly number[]): void;
  closed(): void;
}

/** How one message is to be delivered; of the two limits at most one is given. */
export interface Reliability {
  readonly ordered: boolean;
  /** ms. */
  readonly maxPacketLifeTime?: number | undefined;
  readonly maxRetransmits?: number | undefined;
}

export class SctpAssociation {
  readonly #sctp: Sctp;
  readonly #internals: SctpInternals;
  readonly #handler: SctpHandler;
  readonly #log: Logger;
  #closed = false;

  /** `client`: whether we send the INIT. `send` takes packets for the DTLS association. */
  constructor(options: { client: boolean; send: (packet: Buffer) => void; logger: Logger }, handler: SctpHandler) {
    this.#log = options.logger;
    this.#handler = handler;
    const sctp = new (sctpConstructor())({ send: async (packet) => options.send(packet), close: () => {} }, PORT);
    sctp.isServer = !options.client;
    sctp.onReceive.subscribe((streamId, protocol, data) => handler.message(streamId, protocol, data));
    sctp.onReconfigStreams.subscribe((streamIds) => handler.streamsReset(streamIds));
    sctp.stateChanged.connected.subscribe(() => handler.established());
    sctp.stateChanged.closed.subscribe(() => this.#end());
    this.#sctp = sctp;
    this.#internals = sctp as unknown as SctpInternals;
    this.#internals.maybeAbandon = (chunk) => this.#maybeAbandon(chunk);
  }

  /** Call once the DTLS association is up. */
  start(): void {
    this.#sctp.start(PORT).catch((error) => this.#log.debug({ error: String(error) }, 'SCTP could not start'));
  }

  receive(packet: Buffer): void {
    if (this.#closed) return;
    this.#internals
      .handleData(packet)
      .catch((error) => this.#log.debug({ error: String(error) }, 'an SCTP packet could not be handled'));
    if (this.#internals.advertisedRwnd < -MOST_UNFINISHED) {
      this.#log.warn({}, 'the peer leaves too many data channel messages unfinished; its data channels are closed');
      void this.close();
    }
  }

  /** Resolves when the whole message has been handed to the network for the first time. */
  async send(streamId: number, payloadProtocolId: number, data: Buffer, { ordered, ...limits }: Reliability): Promise<void> {
    if (this.#closed) return;
    // werift multiplies none of this: expiry is compared with the time in seconds.
    const expiry = limits.maxPacketLifeTime === undefined ? undefined : (Date.now() + limits.maxPacketLifeTime) / 1000;
    await this.#sctp.send(streamId, payloadProtocolId, data, {
      ordered,
      ...(expiry === undefined ? {} : { expiry }),
      ...(limits.maxRetransmits === undefined ? {} : { maxRetransmits: limits.maxRetransmits }),
    });
  }

  /** Closes our side of a stream (RFC 6525, RFC 8831 §6.7). */
  reset(streamId: number): void {
    if (this.#closed || this.#sctp.reconfigQueue.includes(streamId)) return;
    this.#sctp.reconfigQueue.push(streamId);
    this.#sctp.transmitReconfigRequest().catch((error) => this.#log.debug({ error: String(error) }, 'a stream was not reset'));
  }

  /** Sends an ABORT and stops all timers. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    await this.#sctp.stop().catch(() => {});
    this.#end();
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#handler.closed();
  }

  /**
   * RFC 3758 §3.5: gives up a message whose limit is passed, all fragments of it. werift gives up the oldest message in
   * flight instead of this one, takes zero retransmissions for no limit, and forgets to free the window.
   */
  #maybeAbandon(chunk: OutboundChunk): boolean {
    if (chunk.abandoned) return true;
    const spent = chunk.maxRetransmits !== undefined && chunk.sentCount > chunk.maxRetransmits;
    const expired = chunk.expiry !== undefined && chunk.expiry < Date.now() / 1000;
    if (!spent && !expired) return false;
    const { sentQueue, outboundQueue } = this.#internals;
    const at = sentQueue.indexOf(chunk);
    let first = at;
    while (first > 0 && (sentQueue[first]!.flags & FIRST_FRAGMENT) === 0) first--;
    let last = at;
    while (last < sentQueue.length - 1 && (sentQueue[last]!.flags & LAST_FRAGMENT) === 0) last++;
    for (let i = first; i <= last; i++) this.#abandon(sentQueue[i]!, sentQueue[i] !== chunk);
    // Fragments that were never sent have their numbers already, so the peer must be told to skip them too.
    let end = sentQueue[last];
    while (end && (end.flags & LAST_FRAGMENT) === 0 && outboundQueue.length > 0) {
      end = outboundQueue.shift()!;
      this.#abandon(end, false);
      sentQueue.push(end);
    }
    return true;
  }

  #abandon(chunk: OutboundChunk, inFlight: boolean): void {
    if (inFlight && !chunk.abandoned && !chunk.acked && !chunk.retransmit) this.#internals.flightSizeDecrease(chunk);
    chunk.abandoned = true;
    chunk.retransmit = false;
  }
}

let constructorOfSctp: SctpConstructor | undefined;

/** werift does not export its association, only an object that makes one. */
function sctpConstructor(): SctpConstructor {
  if (!constructorOfSctp) {
    const holder = new RTCSctpTransport(PORT);
    holder.setDtlsTransport({ id: '', onStateChange: new Event(), iceTransport: { role: 'controlled' } } as never);
    constructorOfSctp = holder.sctp.constructor as SctpConstructor;
  }
  return constructorOfSctp;
}
