/**
 * Optional pushback: when far more is in flight than path and queue should hold, the encoders get less than the estimate
 * until it drains, sooner than feedback can say so (libwebrtc's congestion window).
 */

/** What may wait in queues beyond the bare round trip, ms. */
const QUEUE_TIME = 350;
const MIN_WINDOW = 2 * 1500;
/** Steps of the encoders' part, by how full the window is (libwebrtc). */
const STEEP_FULLNESS = 1.5;
const STEEP_FACTOR = 0.9;
const FULL_FACTOR = 0.95;
const RECOVER_FACTOR = 1.05;
const EMPTY_FULLNESS = 0.1;
/** Pushed back no further than this, bit/s. */
const MIN_PUSHBACK_BITRATE = 30_000;

export class CongestionWindow {
  #ratio = 1;

  /** The rate for the encoders, bit/s. `minRtt`: the least round-trip time seen lately, ms. Once a feedback message. */
  apply(bitrate: number, bytesInFlight: number, minRtt: number): number {
    const window = Math.max(MIN_WINDOW, (bitrate * (minRtt + QUEUE_TIME)) / 8000);
    const fullness = bytesInFlight / window;
    if (fullness > STEEP_FULLNESS) this.#ratio *= STEEP_FACTOR;
    else if (fullness > 1) this.#ratio *= FULL_FACTOR;
    else if (fullness < EMPTY_FULLNESS) this.#ratio = 1;
    else this.#ratio = Math.min(1, this.#ratio * RECOVER_FACTOR);
    const pushed = bitrate * this.#ratio;
    return pushed < MIN_PUSHBACK_BITRATE ? Math.min(bitrate, MIN_PUSHBACK_BITRATE) : pushed;
  }
}
