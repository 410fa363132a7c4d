/**
 * How much a consumer may send: a mouse reports a thousand times a second at most, and what is more than that is no work of hands.
 * Nor are long messages without end, each of which takes its time to read. Sans-IO: time is an argument.
 */

/** Messages per second in the long run, and at once. */
const RATE = 1000;
const BURST = 2000;
/** Bytes per second in the long run, and at once: a navigation event has about 200. */
const BYTE_RATE = 512 << 10;
const BYTE_BURST = 1 << 20;
/** ms between two words on what was refused. */
const TELL_INTERVAL = 1000;

export class MessageAllowance {
  #messages = BURST;
  #bytes = BYTE_BURST;
  #at = 0;
  #refused = 0;
  #told = Number.NEGATIVE_INFINITY;

  /** Whether one more message of `size` bytes is allowed at `now`, ms. */
  take(now: number, size: number): boolean {
    const seconds = Math.max(0, now - this.#at) / 1000;
    this.#messages = Math.min(BURST, this.#messages + seconds * RATE);
    this.#bytes = Math.min(BYTE_BURST, this.#bytes + seconds * BYTE_RATE);
    this.#at = now;
    if (this.#messages < 1 || this.#bytes < size) {
      this.#refused++;
      return false;
    }
    this.#messages--;
    this.#bytes -= size;
    return true;
  }

  /** Counts a message that is refused whatever is allowed. */
  refuse(): false {
    this.#refused++;
    return false;
  }

  /** Messages refused since it was last told; 0 also where that is not long ago. */
  takeRefused(now: number): number {
    const refused = this.#refused;
    if (refused === 0 || now - this.#told < TELL_INTERVAL) return 0;
    this.#told = now;
    this.#refused = 0;
    return refused;
  }
}
