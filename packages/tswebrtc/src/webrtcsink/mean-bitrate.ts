/** The bitrate of frames that nobody here encodes: a mean over a few seconds, in which keyframes make no peak. Sans-IO: ms. */

/** What is so old counts for a third, ms. */
const MEMORY = 4000;
/** Before so much is known of it nothing is said of it, ms. */
const LEAST = 500;

export class MeanBitrate {
  #bits = 0;
  #weight = 0;
  #last: number | undefined;
  #first = 0;

  add(bytes: number, now: number): void {
    if (this.#last === undefined) this.#first = now;
    const passed = now - (this.#last ?? now);
    const kept = Math.exp(-passed / MEMORY);
    this.#bits = this.#bits * kept + bytes * 8;
    this.#weight = this.#weight * kept + MEMORY * (1 - kept);
    this.#last = now;
  }

  /** bit/s; undefined while it is not known. */
  get bitrate(): number | undefined {
    if (this.#last === undefined || this.#last - this.#first < LEAST) return undefined;
    return (1000 * this.#bits) / this.#weight;
  }
}
