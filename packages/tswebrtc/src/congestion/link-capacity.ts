/**
 * Where the path's capacity lies, learnt from the rates at which it was found full. As long as throughput stays near it,
 * the rate grows in small steps only (draft-ietf-rmcat-gcc-02 §5.5; constants as in libwebrtc).
 */

/** Weight of a new sample taken when the queue was found to grow. */
const OVERUSE_WEIGHT = 0.05;
/** Weight of a probe's result, which measured the capacity itself. */
const PROBE_WEIGHT = 0.5;
/** Bounds of the variance, as a multiple of the estimate in kbit/s: a link never looks steadier or wilder than this. */
const MIN_DEVIATION = 0.4;
const MAX_DEVIATION = 2.5;
/** What lies this many standard deviations off means another capacity. */
const SIGMAS = 3;

export class LinkCapacity {
  /** kbit/s; -1 for none. */
  #estimate = -1;
  #deviation = MIN_DEVIATION;

  get known(): boolean {
    return this.#estimate >= 0;
  }

  /** bit/s; only while `known`. */
  get estimate(): number {
    return this.#estimate * 1000;
  }

  /** bit/s; infinite while not `known`. */
  get upperBound(): number {
    return this.known ? (this.#estimate + this.#spread()) * 1000 : Number.POSITIVE_INFINITY;
  }

  /** bit/s; 0 while not `known`. */
  get lowerBound(): number {
    return this.known ? Math.max(0, this.#estimate - this.#spread()) * 1000 : 0;
  }

  /** The path was found full at a throughput of `bitrate`. */
  overuse(bitrate: number): void {
    this.#update(bitrate / 1000, OVERUSE_WEIGHT);
  }

  probe(bitrate: number): void {
    this.#update(bitrate / 1000, PROBE_WEIGHT);
  }

  reset(): void {
    this.#estimate = -1;
  }

  #update(sample: number, weight: number): void {
    this.#estimate = this.known ? (1 - weight) * this.#estimate + weight * sample : sample;
    const error = this.#estimate - sample;
    const deviation = (1 - weight) * this.#deviation + (weight * error * error) / Math.max(this.#estimate, 1);
    this.#deviation = Math.min(MAX_DEVIATION, Math.max(MIN_DEVIATION, deviation));
  }

  #spread(): number {
    return SIGMAS * Math.sqrt(this.#deviation * this.#estimate);
  }
}
