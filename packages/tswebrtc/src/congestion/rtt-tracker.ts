/**
 * The round-trip time: from feedback where there is any, since it is fresher, else from receiver reports.
 */

/** Smoothing of samples (RFC 6298 §2, α). */
const WEIGHT = 1 / 8;
/** Reports count when feedback has been absent for so long, ms. */
const FEEDBACK_ABSENT = 5000;
/** The least of this time is the path's own, ms; kept in two halves. */
const MINIMUM_WINDOW = 10_000;

export class RttTracker {
  #rtt: number | undefined;
  #lastFeedback = Number.NEGATIVE_INFINITY;
  #older = Number.POSITIVE_INFINITY;
  #newer = Number.POSITIVE_INFINITY;
  #halfStart = Number.NEGATIVE_INFINITY;

  /** ms, smoothed; undefined until known. */
  get rtt(): number | undefined {
    return this.#rtt;
  }

  /** ms, the least seen in the last seconds; undefined until known. */
  get minimum(): number | undefined {
    const least = Math.min(this.#older, this.#newer);
    return Number.isFinite(least) ? least : undefined;
  }

  rttOr(fallback: number): number {
    return this.#rtt ?? fallback;
  }

  /** A sample from feedback, ms; NaN is ignored. */
  feedback(sample: number, now: number): void {
    if (Number.isNaN(sample)) return;
    this.#lastFeedback = now;
    this.#add(sample, now);
  }

  /** A sample from a receiver report, ms. */
  report(sample: number, now: number): void {
    if (now - this.#lastFeedback >= FEEDBACK_ABSENT) this.#add(sample, now);
  }

  #add(sample: number, now: number): void {
    this.#rtt = this.#rtt === undefined ? sample : this.#rtt + WEIGHT * (sample - this.#rtt);
    if (now - this.#halfStart >= MINIMUM_WINDOW / 2) {
      this.#older = this.#newer;
      this.#newer = Number.POSITIVE_INFINITY;
      this.#halfStart = now;
    }
    if (sample < this.#newer) this.#newer = sample;
  }
}
