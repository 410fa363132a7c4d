/**
 * The rate that receiver reports allow: the loss rule of draft-ietf-rmcat-gcc-02 §6. It steers only where the peer sends no
 * transport-wide feedback, since a fraction of packets lost every second or so tells no more than this.
 */

/** Below this loss the rate grows, above that it falls, between it stays (draft §6). */
const LOW_LOSS = 0.02;
const HIGH_LOSS = 0.1;
/** Growth a report (draft §6). */
const GROWTH = 1.05;
/** The rate falls by this part of the loss (draft §6). */
const LOSS_WEIGHT = 0.5;
/** Growth is by the second, however often reports come, ms. */
const INCREASE_INTERVAL = 1000;
/** Two decreases are apart by this and a round trip, ms (libwebrtc). */
const DECREASE_INTERVAL = 300;
/** Fewer packets make no fraction: they are kept for the next report (libwebrtc). */
const MIN_PACKETS = 20;

export class ReportBasedEstimator {
  #bitrate: number;
  #min: number;
  #max: number;
  #lastIncrease = Number.NEGATIVE_INFINITY;
  #lastDecrease = Number.NEGATIVE_INFINITY;
  #packets = 0;
  #lost = 0;
  #loss = 0;

  constructor(bitrate: number, min: number, max: number) {
    this.#bitrate = bitrate;
    this.#min = min;
    this.#max = max;
  }

  /** bit/s. */
  get bitrate(): number {
    return this.#bitrate;
  }

  set bitrate(value: number) {
    this.#bitrate = Math.max(this.#min, Math.min(this.#max, value));
  }

  /** 0..1, of the last report that counted. */
  get loss(): number {
    return this.#loss;
  }

  setLimits(min: number, max: number): void {
    this.#min = min;
    this.#max = max;
    this.bitrate = this.#bitrate;
  }

  /** `fraction` (0..1) of `packets` were lost. `rtt`: ms. */
  report(fraction: number, packets: number, rtt: number, now: number): void {
    this.#packets += packets;
    this.#lost += fraction * packets;
    if (this.#packets < MIN_PACKETS) return;
    this.#loss = this.#lost / this.#packets;
    this.#packets = 0;
    this.#lost = 0;
    if (this.#loss <= LOW_LOSS) {
      if (now - this.#lastIncrease < INCREASE_INTERVAL) return;
      this.#lastIncrease = now;
      this.bitrate = this.#bitrate * GROWTH + 1000;
    } else if (this.#loss > HIGH_LOSS && now - this.#lastDecrease >= DECREASE_INTERVAL + rtt) {
      this.#lastDecrease = now;
      this.bitrate = this.#bitrate * (1 - LOSS_WEIGHT * this.#loss);
    }
  }
}
