/**
 * What a peer asked to have again and has not got yet (RFC 4585 generic NACK): which packets of the history are to leave, in
 * order, and which are not worth it. Sans-IO: time in ms is an argument.
 */
import type { PacketArena } from './packet-arena.ts';
import type { PacketHistory } from './packet-history.ts';
import { RetransmissionBudget } from './retransmission-budget.ts';

/** A packet that was sent again so often is given up, as libwebrtc's receivers give up asking. */
const MOST_RETRANSMISSIONS = 10;

/** Without a round-trip time: how long a packet sent again is given before it is sent once more, ms. */
const DEFAULT_RESEND_INTERVAL = 100;
/** On a short path a receiver may ask twice before the first answer is through its own queues, ms. */
const SHORTEST_RESEND_INTERVAL = 5;

export class RetransmissionQueue {
  /** Of the packet that `take` returned last. */
  sequenceNumber = 0;
  readonly #history: PacketHistory;
  /** Sequence numbers, a ring. */
  readonly #pending: Uint16Array;
  #head = 0;
  #count = 0;
  /** What was sent before, ms, is not sent again. */
  #obsoleteBefore = Number.NEGATIVE_INFINITY;
  #budget: RetransmissionBudget | undefined;
  #percentage = -1;

  /** `size`: how many may wait. */
  constructor(history: PacketHistory, size: number) {
    this.#history = history;
    this.#pending = new Uint16Array(size);
  }

  /** Packets that wait; some may turn out to be too old. */
  get count(): number {
    return this.#count;
  }

  /** Most that retransmissions may take of the bytes sent, per cent; -1 sets no bound. */
  get percentage(): number {
    return this.#percentage;
  }

  set percentage(percentage: number) {
    if (percentage === this.#percentage) return;
    this.#percentage = percentage;
    this.#budget = percentage < 0 ? undefined : new RetransmissionBudget(percentage);
  }

  /** A packet of so many bytes was sent for the first time: a part of it may be spent here. */
  sent(length: number, now: number): void {
    this.#budget?.sent(length, now);
  }

  /**
   * Queues packets, except those sent again less than `roundTripTime` (ms; undefined = not known) ago, whose answer may
   * still be on its way, and those sent again so often that they are given up.
   */
  request(sequenceNumbers: readonly number[], now: number, roundTripTime: number | undefined): void {
    const interval = Math.max(roundTripTime ?? DEFAULT_RESEND_INTERVAL, SHORTEST_RESEND_INTERVAL);
    const history = this.#history;
    const pending = this.#pending;
    for (const sequenceNumber of sequenceNumbers) {
      if (this.#count === pending.length) return;
      const slot = history.find(sequenceNumber, now);
      if (slot < 0 || history.queued[slot] === 1 || now - history.resentAt[slot]! < interval) continue;
      if (history.resentCounts[slot]! >= MOST_RETRANSMISSIONS || history.sentAt[slot]! < this.#obsoleteBefore) continue;
      history.queued[slot] = 1;
      pending[(this.#head + this.#count++) % pending.length] = sequenceNumber;
    }
  }

  /** The slot in the history of the next packet to send, which counts as sent; -1 where none is left that may be sent. */
  take(arena: PacketArena, now: number): number {
    const history = this.#history;
    while (this.#count > 0) {
      const sequenceNumber = this.#shift();
      const slot = history.find(sequenceNumber, now, arena);
      if (slot < 0 || history.queued[slot] === 0) continue;
      history.queued[slot] = 0;
      if (this.#budget && !this.#budget.take(history.lengths[slot]!, now)) continue;
      history.resentAt[slot] = now;
      history.resentCounts[slot]!++;
      this.sequenceNumber = sequenceNumber;
      return slot;
    }
    return -1;
  }

  /** Forgets what waits, and refuses what was sent before `now`. */
  clear(now: number): void {
    this.#obsoleteBefore = now;
    while (this.#count > 0) {
      const slot = this.#history.slotOf(this.#shift());
      if (slot >= 0) this.#history.queued[slot] = 0;
    }
  }

  #shift(): number {
    const sequenceNumber = this.#pending[this.#head]!;
    this.#head = (this.#head + 1) % this.#pending.length;
    this.#count--;
    return sequenceNumber;
  }
}
