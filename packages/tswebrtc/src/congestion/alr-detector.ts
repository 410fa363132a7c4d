/**
 * Whether the media leaves the rate unused ("application limited region"): the estimate then rests on nothing and is kept
 * fresh by probes. A budget fills at a part of the estimate and is emptied by what is sent (libwebrtc's rule and figures).
 */

/** Sending less than this part of the estimate counts as unused. */
const USAGE = 0.65;
/** Level of the budget, as a part of what it holds, at which the state begins and ends. */
const START_LEVEL = 0.8;
const END_LEVEL = 0.5;
/** What the budget holds, in time, ms. */
const WINDOW = 500;

export class AlrDetector {
  #bitrate: number;
  /** Bytes not used; negative where more was sent. */
  #budget = 0;
  #last: number | undefined;
  #since: number | undefined;

  constructor(bitrate: number) {
    this.#bitrate = bitrate;
  }

  /** The estimate, bit/s. */
  set bitrate(value: number) {
    this.#bitrate = value;
  }

  /** When the state began, ms; undefined outside of it. */
  get since(): number | undefined {
    return this.#since;
  }

  /** `bytes` were sent; 0 lets time pass. */
  sent(bytes: number, now: number): void {
    const perMs = (this.#bitrate * USAGE) / 8000;
    const most = perMs * WINDOW;
    const elapsed = Math.max(0, now - (this.#last ?? now));
    this.#last = now;
    this.#budget = Math.max(-most, Math.min(most, this.#budget + elapsed * perMs - bytes));
    const level = this.#budget / most;
    if (this.#since === undefined && level > START_LEVEL) this.#since = now;
    else if (this.#since !== undefined && level < END_LEVEL) this.#since = undefined;
  }
}
