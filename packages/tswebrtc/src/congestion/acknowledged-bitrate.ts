/**
 * What gets through, from the sizes and arrival times of acknowledged packets. A Bayesian filter over samples of 150 ms, as
 * in libwebrtc: a sample far from the estimate is believed less, unless several say the same.
 */

/** A sample covers this time, ms; the first one longer, since nothing is there to hold it against. */
const WINDOW = 150;
const INITIAL_WINDOW = 500;
/** How much a sample's distance from the estimate counts against it. */
const UNCERTAINTY_SCALE = 10;
const INITIAL_VARIANCE = 50;
/** The estimate ages: added to its variance at each sample. */
const PROCESS_VARIANCE = 5;
/**
 * Ours: two samples in a row above this multiple of the estimate show that it is behind, since so much did arrive. The filter
 * takes a second to believe them, and an overuse meanwhile would bring the rate down to what was idle.
 */
const LEAP_FACTOR = 1.5;
/** Added when the rate is about to leap for a reason we know. */
const LEAP_VARIANCE = 200;

export class AcknowledgedBitrate {
  /** kbit/s; -1 before the first sample. */
  #estimate = -1;
  #variance = INITIAL_VARIANCE;
  #bytes = 0;
  #windowTime = 0;
  #last = -1;
  readonly #recent = new Float64Array(3);
  #samples = 0;

  /** bit/s; undefined before the first sample. */
  get bitrate(): number | undefined {
    return this.#estimate < 0 ? undefined : this.#estimate * 1000;
  }

  /** Rate over the last samples, bit/s: rougher and faster, for a path whose capacity just fell; undefined before the first. */
  get recent(): number | undefined {
    if (this.#estimate < 0) return undefined;
    const [a, b, c] = this.#recent;
    return Math.min(this.#estimate, (a! + b! + c!) / 3) * 1000;
  }

  /** A packet arrived at `arrival`, ms, in order of arrival. */
  packet(size: number, arrival: number): void {
    const window = this.#estimate < 0 ? INITIAL_WINDOW : WINDOW;
    let sample = -1;
    if (this.#last >= 0) {
      const gap = arrival - this.#last;
      if (gap < 0) {
        this.#bytes = 0;
        this.#windowTime = 0;
      } else {
        this.#windowTime += gap;
        if (gap > window) {
          // A pause is no sign of what the path carries; the window begins anew, whole (libwebrtc keeps a part of it).
          this.#bytes = 0;
          this.#windowTime = 0;
        }
      }
    }
    this.#last = arrival;
    if (this.#windowTime >= window) {
      sample = (8 * this.#bytes) / window;
      this.#windowTime -= window;
      this.#bytes = 0;
    }
    this.#bytes += size;
    if (sample >= 0) this.#update(sample);
  }

  /** The sending rate is about to change for a reason we know: believe the next samples sooner. */
  expectChange(): void {
    this.#variance += LEAP_VARIANCE;
  }

  #update(sample: number): void {
    const previous = this.#recent[(this.#samples + this.#recent.length - 1) % this.#recent.length]!;
    this.#recent[this.#samples++ % this.#recent.length] = sample;
    if (this.#estimate < 0) {
      this.#recent.fill(sample);
      this.#estimate = sample;
      return;
    }
    const proven = Math.min(sample, previous);
    if (proven > LEAP_FACTOR * this.#estimate) {
      this.#estimate = proven;
      this.#recent.fill(proven);
      return;
    }
    const uncertainty = (UNCERTAINTY_SCALE * Math.abs(this.#estimate - sample)) / Math.max(1, this.#estimate);
    const sampleVariance = uncertainty * uncertainty;
    const predicted = this.#variance + PROCESS_VARIANCE;
    this.#estimate = (sampleVariance * this.#estimate + predicted * sample) / (sampleVariance + predicted);
    this.#variance = (sampleVariance * predicted) / (sampleVariance + predicted);
  }
}
