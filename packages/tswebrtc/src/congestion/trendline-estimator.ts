/**
 * Whether a queue grows: the slope of the accumulated one-way delay over the last packet groups, compared with a threshold
 * that adapts so that flows which fill the queue (TCP) do not starve this one. Slope by linear regression as in libwebrtc;
 * threshold and its two rates of change from draft-ietf-rmcat-gcc-02 §5.4 and Carlucci et al., "Analysis and Design of the
 * Google Congestion Control for WebRTC" (MMSys 2016).
 */
import type { NetworkState } from './types.ts';

/** Groups in the regression (libwebrtc). */
const WINDOW_SIZE = 20;
/** Exponential smoothing of the accumulated delay (libwebrtc). */
const SMOOTHING = 0.9;
/** The slope is multiplied by this to be comparable to the threshold in ms (libwebrtc). */
const THRESHOLD_GAIN = 4;
/** The slope counts in full once so many groups were seen (libwebrtc). */
const FULL_WEIGHT_GROUPS = 60;
const INITIAL_THRESHOLD = 12.5;
const MIN_THRESHOLD = 6;
const MAX_THRESHOLD = 600;
/** A slope this far above the threshold is a spike (a route change, a stalled link): no reason to tolerate more, ms. */
const MAX_ADAPT_OFFSET = 15;
/** How fast the threshold follows a slope above it, per ms (libwebrtc; the draft has 0.01). */
const K_UP = 0.0087;
/**
 * How fast it returns to a slope below it, per ms (libwebrtc). The draft's 0.00018 holds its own against TCP, but lets flows of
 * ours fill the queue between them; competition is the business of `QueueMonitor` here.
 */
const K_DOWN = 0.039;
/** The threshold never moves by more than this time's worth at once, ms. */
const MAX_TIME_DELTA = 100;
/** The slope must have been above the threshold for this long, ms (draft §5.4). */
const OVERUSE_TIME = 10;

export class TrendlineEstimator {
  #state: NetworkState = 'normal';
  /** Ring of arrival time since the first (ms) and smoothed delay (ms). */
  readonly #times = new Float64Array(WINDOW_SIZE);
  readonly #delays = new Float64Array(WINDOW_SIZE);
  #groups = 0;
  #firstArrival = 0;
  #accumulated = 0;
  #smoothed = 0;
  #trend = 0;
  #previousTrend = 0;
  #threshold = INITIAL_THRESHOLD;
  #thresholdUpdated = -1;
  /** ms above the threshold, -1 when not. */
  #timeOver = -1;
  #overCount = 0;

  get state(): NetworkState {
    return this.#state;
  }

  /** Slope of the delay, ms per ms, as last seen. */
  get trend(): number {
    return this.#trend;
  }

  /** ms. */
  get threshold(): number {
    return this.#threshold;
  }

  /** A group of packets arrived `arrivalDelta` after the one before, was sent `sendDelta` after it, at `arrivalTime`; all ms. */
  update(arrivalDelta: number, sendDelta: number, arrivalTime: number): void {
    if (this.#groups === 0) this.#firstArrival = arrivalTime;
    this.#accumulated += arrivalDelta - sendDelta;
    this.#smoothed = SMOOTHING * this.#smoothed + (1 - SMOOTHING) * this.#accumulated;
    const at = this.#groups % WINDOW_SIZE;
    this.#times[at] = arrivalTime - this.#firstArrival;
    this.#delays[at] = this.#smoothed;
    this.#groups++;
    if (this.#groups >= WINDOW_SIZE) this.#trend = this.#slope();
    this.#detect(sendDelta, arrivalTime);
  }

  /** Forgets all delays, as after silence: the threshold too. */
  reset(): void {
    this.#state = 'normal';
    this.#groups = 0;
    this.#accumulated = 0;
    this.#smoothed = 0;
    this.#trend = 0;
    this.#previousTrend = 0;
    this.#threshold = INITIAL_THRESHOLD;
    this.#thresholdUpdated = -1;
    this.#timeOver = -1;
    this.#overCount = 0;
  }

  /** Least squares; the old slope where all groups arrived at once. */
  #slope(): number {
    let meanTime = 0;
    let meanDelay = 0;
    for (let i = 0; i < WINDOW_SIZE; i++) {
      meanTime += this.#times[i]!;
      meanDelay += this.#delays[i]!;
    }
    meanTime /= WINDOW_SIZE;
    meanDelay /= WINDOW_SIZE;
    let numerator = 0;
    let denominator = 0;
    for (let i = 0; i < WINDOW_SIZE; i++) {
      const time = this.#times[i]! - meanTime;
      numerator += time * (this.#delays[i]! - meanDelay);
      denominator += time * time;
    }
    return denominator === 0 ? this.#trend : numerator / denominator;
  }

  #detect(sendDelta: number, now: number): void {
    if (this.#groups < 2) return;
    const trend = Math.min(this.#groups, FULL_WEIGHT_GROUPS) * this.#trend * THRESHOLD_GAIN;
    if (trend > this.#threshold) {
      // The first time we cannot know when within the group it began: half of it.
      this.#timeOver = this.#timeOver < 0 ? sendDelta / 2 : this.#timeOver + sendDelta;
      this.#overCount++;
      if (this.#timeOver > OVERUSE_TIME && this.#overCount > 1 && this.#trend >= this.#previousTrend) {
        this.#timeOver = 0;
        this.#overCount = 0;
        this.#state = 'overuse';
      }
    } else {
      this.#timeOver = -1;
      this.#overCount = 0;
      this.#state = trend < -this.#threshold ? 'underuse' : 'normal';
    }
    this.#previousTrend = this.#trend;
    this.#adaptThreshold(trend, now);
  }

  #adaptThreshold(trend: number, now: number): void {
    if (this.#thresholdUpdated < 0) this.#thresholdUpdated = now;
    const elapsed = Math.min(Math.max(0, now - this.#thresholdUpdated), MAX_TIME_DELTA);
    this.#thresholdUpdated = now;
    const size = Math.abs(trend);
    if (size > this.#threshold + MAX_ADAPT_OFFSET) return;
    const k = size < this.#threshold ? K_DOWN : K_UP;
    // Groups that are far apart must not carry the threshold beyond the slope that it follows.
    this.#threshold += Math.min(1, k * elapsed) * (size - this.#threshold);
    this.#threshold = Math.min(MAX_THRESHOLD, Math.max(MIN_THRESHOLD, this.#threshold));
  }
}
