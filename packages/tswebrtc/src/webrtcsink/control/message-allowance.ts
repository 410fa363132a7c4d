/**
 * How many messages a consumer may send: a mouse reports a thousand times a second at most, and what is more than that is no work
 * of hands. Sans-IO: time is an argument.
 */

/** Messages per second in the long run. */
const RATE = 1000;
/** Messages at once. */
const BURST = 2000;

export class MessageAllowance {
  #left = BURST;
  #at = 0;
  #refused = 0;

  /** Whether one more message is allowed at `now`, ms. */
  take(now: number): boolean {
    this.#left = Math.min(BURST, this.#left + (Math.max(0, now - this.#at) * RATE) / 1000);
    this.#at = now;
    if (this.#left < 1) {
      this.#refused++;
      return false;
    }
    this.#left--;
    return true;
  }

  /** Messages refused since it was last asked. */
  takeRefused(): number {
    const refused = this.#refused;
    this.#refused = 0;
    return refused;
  }
}
