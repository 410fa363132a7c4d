/**
 * How many bytes a session may send now. A leaky bucket that budgets by elapsed time and never counts ticks, because timers
 * are late: what a late tick missed, it may send at once. It follows the pacing of draft-ietf-rmcat-gcc-02 §4, with a
 * rate above the target so that a large frame leaves within a frame's time or two.
 */

/** A frame that came in one piece may leave this much faster than the target. */
export const PACING_FACTOR = 2.5;
/** Below this target at most two packets leave back to back. */
const SMALL_LINK_BITRATE = 2_000_000;
const SMALL_LINK_BURST_BYTES = 2 * 1200;
/** Above it, as much as the pacing rate carries in this many ms. */
const BURST_TIME = 5;
/** The queue is never planned to take longer than this, ms: beyond it the rate is raised instead. */
const MAX_QUEUE_TIME = 250;
/** A tick later than this is a stall, and not all of it is made up for, ms. */
const MAX_ELAPSED = 50;

export class Pacer {
  #bitrate: number;
  #credit: number;
  #backlog = 0;
  #last: number;

  /** `bitrate`: target in bit/s. `now`: ms. */
  constructor(bitrate: number, now: number) {
    this.#bitrate = bitrate;
    this.#last = now;
    this.#credit = this.#burst();
  }

  /** Target, bit/s. */
  get bitrate(): number {
    return this.#bitrate;
  }

  set bitrate(value: number) {
    this.#bitrate = value;
  }

  /** Lets time pass: to be called before asking `canSend`. `backlog`: bytes waiting to be sent. */
  advance(now: number, backlog: number): void {
    const elapsed = Math.min(Math.max(0, now - this.#last), MAX_ELAPSED);
    this.#last = Math.max(now, this.#last);
    // Idle time earns no more than one burst; time during which something waited is owed in full.
    const idle = this.#backlog === 0;
    this.#credit += elapsed * this.#rate(backlog);
    if (idle) this.#credit = Math.min(this.#credit, this.#burst());
    this.#backlog = backlog;
  }

  /** Whether a packet may leave now, whatever its size: the next ones pay for it. */
  canSend(): boolean {
    return this.#credit > 0;
  }

  /** A packet of `bytes` left. Audio is spent too, though it does not ask. */
  spend(bytes: number): void {
    this.#credit -= bytes;
    this.#backlog = Math.max(0, this.#backlog - bytes);
  }

  /** ms from the last `advance` until `canSend` becomes true. */
  get delay(): number {
    return this.#credit > 0 ? 0 : (1 - this.#credit) / this.#rate(this.#backlog);
  }

  /** Bytes per ms. */
  #rate(backlog: number): number {
    return Math.max((this.#bitrate * PACING_FACTOR) / 8000, backlog / MAX_QUEUE_TIME);
  }

  #burst(): number {
    return this.#bitrate < SMALL_LINK_BITRATE
      ? SMALL_LINK_BURST_BYTES
      : Math.max(SMALL_LINK_BURST_BYTES, this.#rate(0) * BURST_TIME);
  }
}
