/** Time that passes when a test says so, and chance with a seed: every scenario can be repeated exactly. */
export class VirtualTime {
  #now = 0;
  readonly #due: { at: number; action: () => void }[] = [];

  /** ms. */
  get now(): number {
    return this.#now;
  }

  readonly schedule = (delay: number, action: () => void): void => {
    const at = this.#now + delay;
    // Behind what is due at the same time.
    const index = this.#due.findLastIndex((other) => other.at <= at) + 1;
    this.#due.splice(index, 0, { at, action });
  };

  /** Calls `action` every `interval` ms until it returns false. */
  every(interval: number, action: () => boolean): void {
    this.schedule(interval, () => {
      if (action()) this.every(interval, action);
    });
  }

  advance(duration: number): void {
    const end = this.#now + duration;
    while (this.#due.length > 0 && this.#due[0]!.at <= end) {
      const { at, action } = this.#due.shift()!;
      this.#now = at;
      action();
    }
    this.#now = end;
  }
}

/** Uniform in [0, 1): mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x100000000;
  };
}
