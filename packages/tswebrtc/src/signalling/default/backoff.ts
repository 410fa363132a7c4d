/**
 * How long to wait before the next attempt to reach a server: twice as long after every failure, up to a limit, and a random
 * part of it, so that the clients of a server that was restarted do not come back in one moment.
 */
export interface BackoffOptions {
  /** Longest wait before the first retry, in ms; 1,000 by default. */
  readonly initial?: number;
  /** Longest wait of all, in ms; 30,000 by default. */
  readonly max?: number;
  /** Source of chance, in [0, 1); `Math.random` by default. */
  readonly random?: () => number;
}

export class Backoff {
  readonly #initial: number;
  readonly #max: number;
  readonly #random: () => number;
  #failures = 0;

  constructor(options: BackoffOptions = {}) {
    this.#initial = options.initial ?? 1_000;
    this.#max = options.max ?? 30_000;
    this.#random = options.random ?? Math.random;
  }

  /** The wait before the next attempt, in ms: between half of the step and the whole of it. */
  next(): number {
    const step = Math.min(this.#max, this.#initial * 2 ** Math.min(this.#failures++, 30));
    return step * (0.5 + this.#random() / 2);
  }

  /** The server was reached: start anew. */
  reset(): void {
    this.#failures = 0;
  }
}
