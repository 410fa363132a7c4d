/**
 * What goes out to peers: in order for each of them, bounded for those who do not read, and so that news for thousands does not
 * hold up what a few have to say to each other.
 */
import { encodeServerMessage, type ServerMessage } from '@tswebrtc/protocol';
import type { Outgoing } from './hub.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import type { PeerSocket } from './peer-socket.ts';
import { textFrame } from './text-frame.ts';

/** How many messages are sent in one turn of the event loop on account of one event. */
const SLICE = 200;
/** How many messages may wait at a peer; then it has its turn at once. */
const MOST_WAITING = 256;
/** RFC 6455, registry of close codes: try again later. */
const TRY_AGAIN_LATER = 1013;

export class Outbox {
  readonly #peers: ReadonlyMap<string, PeerSocket>;
  readonly #maxBacklog: number;
  readonly #metrics: Metrics;
  readonly #logger: Logger;
  readonly #queue: Outgoing[] = [];
  #isDelivering = false;
  /** Peers for whom something waits. */
  readonly #postponed = new Set<PeerSocket>();
  #nextSlice: NodeJS.Immediate | undefined;
  /** Lists are the same objects until they change, and may be long. */
  readonly #encodedLists = new WeakMap<ServerMessage, Buffer>();

  /** `maxBacklog`: how much may wait in a peer's socket, bytes. */
  constructor(peers: ReadonlyMap<string, PeerSocket>, maxBacklog: number, metrics: Metrics, logger: Logger) {
    this.#peers = peers;
    this.#maxBacklog = maxBacklog;
    this.#metrics = metrics;
    this.#logger = logger;
  }

  /**
   * Sends in order. Sending can end a connection, which makes more to send: that goes behind what is already queued, so
   * that every peer sees the events in one order.
   *
   * What exceeds the first slice waits, each message at its peer, for later turns of the event loop; a peer that is sent something
   * else meanwhile gets what waits for it first.
   * @returns how many bytes that makes for all of them
   */
  deliver(outgoing: readonly Outgoing[]): number {
    for (const one of outgoing) this.#queue.push(one);
    if (this.#isDelivering) return 0;
    this.#isDelivering = true;
    let size = 0;
    let encoded: ServerMessage | undefined;
    let frame: Buffer | undefined;
    try {
      for (let next = 0; next < this.#queue.length; next++) {
        const { to, message } = this.#queue[next]!;
        const peer = this.#peers.get(to);
        if (!peer?.isOpen) continue;
        if (!frame || encoded !== message) frame = this.#encode((encoded = message));
        size += frame.length;
        if (next < SLICE) {
          this.sendWaiting(peer);
          this.#send(peer, message.type, frame);
        } else this.#postpone(peer, message.type, frame);
      }
    } finally {
      // Whatever fails with one message, the next event is to find its way.
      this.#queue.length = 0;
      this.#isDelivering = false;
    }
    return size;
  }

  /** Sends what waits for the peer; says how many messages that were. */
  sendWaiting(peer: PeerSocket): number {
    const { waiting } = peer;
    if (!waiting) return 0;
    peer.waiting = undefined;
    this.#postponed.delete(peer);
    for (const { type, frame } of waiting) this.#send(peer, type, frame);
    return waiting.length;
  }

  /** The peer is gone. */
  forget(peer: PeerSocket): void {
    peer.waiting = undefined;
    this.#postponed.delete(peer);
  }

  #postpone(peer: PeerSocket, type: string, frame: Buffer): void {
    (peer.waiting ??= []).push({ type, frame });
    this.#postponed.add(peer);
    if (peer.waiting.length > MOST_WAITING) this.sendWaiting(peer);
    this.#nextSlice ??= setImmediate(() => this.#sendSlice());
  }

  #sendSlice(): void {
    let sent = 0;
    for (const peer of this.#postponed) {
      if (sent >= SLICE) break;
      sent += this.sendWaiting(peer);
    }
    this.#nextSlice = this.#postponed.size > 0 ? setImmediate(() => this.#sendSlice()) : undefined;
  }

  #encode(message: ServerMessage): Buffer {
    if (message.type !== 'list' && message.type !== 'listConsumers') return textFrame(encodeServerMessage(message));
    let frame = this.#encodedLists.get(message);
    if (!frame) this.#encodedLists.set(message, (frame = textFrame(encodeServerMessage(message))));
    return frame;
  }

  #send(peer: PeerSocket, type: string, frame: Buffer): void {
    if (!peer.isOpen) return;
    // What is larger than the bound by itself, as a list may be, goes to who has read everything else.
    const backlog = peer.bufferedAmount;
    if (backlog > 0 && backlog + frame.length > this.#maxBacklog) {
      this.#metrics.limitExceeded('backlog');
      this.#logger.warn({ peerId: peer.peerId, backlog }, 'A peer does not read; it is given up.');
      peer.close(TRY_AGAIN_LATER, 'Too much is waiting to be read.');
      return;
    }
    this.#metrics.sent(type);
    peer.sendFrame(frame);
  }
}
