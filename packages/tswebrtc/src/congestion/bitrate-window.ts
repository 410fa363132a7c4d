/** Bit rate over the last second, in buckets of 100 ms: what was really sent, as statistics and control want it. */
const BUCKET = 100;
const BUCKETS = 10;

export class BitrateWindow {
  readonly #bytes = new Float64Array(BUCKETS + 1);
  #current = -1;
  #first = -1;

  /** `bytes` were sent at `now`, ms. */
  add(bytes: number, now: number): void {
    this.#advance(now);
    this.#bytes[this.#current % this.#bytes.length]! += bytes;
  }

  /** Bit/s over the second before `now`, or over the time since the first packet when that is shorter. */
  bitrate(now: number): number {
    if (this.#current < 0) return 0;
    this.#advance(now);
    const full = Math.min(BUCKETS, this.#current - this.#first);
    const part = (now % BUCKET) / BUCKET;
    let sum = 0;
    for (let i = 0; i <= full; i++) {
      // The oldest bucket counts for the part of it that is not older than a second.
      const weight = i === BUCKETS ? 1 - part : 1;
      sum += weight * this.#bytes[(this.#current - i) % this.#bytes.length]!;
    }
    const duration = full === BUCKETS ? BUCKETS * BUCKET : Math.max(BUCKET, full * BUCKET + (now % BUCKET));
    return (sum * 8000) / duration;
  }

  #advance(now: number): void {
    const bucket = Math.floor(now / BUCKET);
    if (this.#current < 0) this.#first = this.#current = bucket;
    if (bucket - this.#current > BUCKETS) {
      this.#bytes.fill(0);
      this.#current = bucket;
    }
    while (this.#current < bucket) {
      this.#current++;
      this.#bytes[this.#current % this.#bytes.length] = 0;
    }
  }
}
