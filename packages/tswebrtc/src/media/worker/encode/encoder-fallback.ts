/** Which encoder goes on when one breaks while it runs. Sans-IO: time in ms. */

/** Failures further apart than this have nothing to do with each other. */
const WINDOW = 10_000;

export class EncoderFallback {
  #order: readonly string[];
  #failures: number[] = [];

  /** `candidates`: those that may be used, best first. */
  constructor(candidates: readonly string[]) {
    this.#order = candidates;
  }

  /** Those to try, in turn: one that broke comes last. */
  get order(): readonly string[] {
    return this.#order;
  }

  /** Those that do not open are not tried again. */
  drop(implementations: readonly string[]): void {
    this.#order = this.#order.filter((candidate) => !implementations.includes(candidate));
  }

  /** `implementation` broke; false when it is time to give up: each had its chance lately, and the last of them another. */
  failed(implementation: string, now: number): boolean {
    this.#order = [...this.#order.filter((candidate) => candidate !== implementation), implementation];
    this.#failures = [...this.#failures.filter((time) => now - time < WINDOW), now];
    return this.#failures.length <= this.#order.length + 1;
  }
}
