/**
 * How long to wait before the next attempt to reach the signalling server: exponential back-off with jitter, so that a
 * restarted server is found soon and thousands of pages do not knock in the same instant.
 */
export class ReconnectPolicy {
  readonly #initial: number;
  readonly #maximum: number;
  readonly #random: () => number;
  #failures = 0;

  /**
   * @param initial longest first delay in ms; ≤ 0 means never
   * @param maximum longest delay in ms
   * @param random numbers in [0, 1)
   */
  constructor(initial: number, maximum: number, random: () => number = Math.random) {
    this.#initial = initial;
    this.#maximum = Math.max(initial, maximum);
    this.#random = random;
  }

  /** Attempts that failed in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** Counts a failure; returns the delay in ms before the next attempt, or undefined for none. */
  next(): number | undefined {
    if (this.#initial <= 0) return undefined;
    // 2 ** 30 already exceeds any maximum that makes sense; more would only overflow.
    const delay = Math.min(this.#initial * 2 ** Math.min(this.#failures, 30), this.#maximum);
    this.#failures += 1;
    return Math.round(delay * (1 - this.#random() / 2));
  }

  /** To be called once the server has been reached. */
  reset(): void {
    this.#failures = 0;
  }
}
