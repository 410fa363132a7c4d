/** Frames of the last second, as the W3C statistics count `framesPerSecond`. */
const WINDOW = 1000;

export class FrameRateMeter {
  readonly #times: number[] = [];

  /** A frame at `now`, ms. */
  count(now: number): void {
    this.#times.push(now);
    this.#forget(now);
  }

  /** Frames in the second before `now`. */
  rate(now: number): number {
    this.#forget(now);
    return this.#times.length;
  }

  #forget(now: number): void {
    while (this.#times.length > 0 && this.#times[0]! <= now - WINDOW) this.#times.shift();
  }
}
