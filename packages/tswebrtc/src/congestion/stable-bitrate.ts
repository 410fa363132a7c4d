/**
 * The rate without its short swings: follows a fall at once and a rise slowly, so that decisions that are costly to undo
 * (another resolution, another rung) are taken on what will last. In the spirit of libwebrtc's stable target rate.
 */

/** Time constant of a rise, ms. */
const RISE_TIME = 5000;

export class StableBitrate {
  #bitrate: number;
  #last: number;

  /** bit/s, ms. */
  constructor(bitrate: number, now: number) {
    this.#bitrate = bitrate;
    this.#last = now;
  }

  /** Takes the present rate, returns the stable one; bit/s. */
  update(bitrate: number, now: number): number {
    const elapsed = Math.max(0, now - this.#last);
    this.#last = now;
    if (bitrate < this.#bitrate) this.#bitrate = bitrate;
    else this.#bitrate += (1 - Math.exp(-elapsed / RISE_TIME)) * (bitrate - this.#bitrate);
    return this.#bitrate;
  }
}
