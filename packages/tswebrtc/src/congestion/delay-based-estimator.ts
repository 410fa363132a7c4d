/**
 * The delay-based half of Google congestion control (draft-ietf-rmcat-gcc-02 §5): packet groups, trend of their delay,
 * rate control.
 */
import { AimdRateControl } from './aimd-rate-control.ts';
import { InterArrival } from './inter-arrival.ts';
import type { PacketResults } from './packet-results.ts';
import { TrendlineEstimator } from './trendline-estimator.ts';
import type { NetworkState } from './types.ts';

/** Silence after which earlier delays say nothing of the path any more, ms (libwebrtc). */
const STREAM_TIMEOUT = 2000;

export class DelayBasedEstimator {
  readonly rate: AimdRateControl;
  readonly #interArrival = new InterArrival();
  readonly #trendline = new TrendlineEstimator();
  #lastFeedback = Number.NEGATIVE_INFINITY;

  constructor(bitrate: number, min: number, max: number) {
    this.rate = new AimdRateControl(bitrate, min, max);
  }

  /** bit/s. */
  get bitrate(): number {
    return this.rate.bitrate;
  }

  get state(): NetworkState {
    return this.#trendline.state;
  }

  /**
   * One feedback message. `throughput`: bit/s, undefined while unknown; `probe`: result of a probe, bit/s. Returns whether
   * the queue has just drained after an overuse, which is a good time to probe.
   */
  update(
    results: PacketResults,
    throughput: number | undefined,
    probe: number | undefined,
    applicationLimited: boolean,
    now: number,
  ): boolean {
    if (results.received === 0) return false;
    if (now - this.#lastFeedback > STREAM_TIMEOUT) {
      this.#interArrival.reset();
      this.#trendline.reset();
    }
    this.#lastFeedback = now;
    let recovered = false;
    for (let i = 0; i < results.received; i++) {
      const row = results.order[i]!;
      if (!this.#interArrival.packet(results.sendTimes[row]!, results.arrivalTimes[row]!, now)) continue;
      const before = this.#trendline.state;
      const { arrival, send, arrivalTime } = this.#interArrival.delta;
      this.#trendline.update(arrival, send, arrivalTime);
      recovered ||= before === 'underuse' && this.#trendline.state === 'normal';
    }
    this.#steer(throughput, probe, applicationLimited, now);
    return recovered;
  }

  #steer(throughput: number | undefined, probe: number | undefined, applicationLimited: boolean, now: number): void {
    const { rate } = this;
    if (this.#trendline.state === 'overuse') {
      if (throughput !== undefined) {
        if (rate.mayDecrease(throughput, now)) rate.update('overuse', throughput, applicationLimited, now);
      } else if (rate.mayDecrease(rate.bitrate, now)) {
        // Overused before the throughput is known: the start was far too high.
        rate.setBitrate(rate.bitrate / 2, now);
      }
    } else if (probe !== undefined) {
      rate.setBitrate(probe, now);
    } else {
      rate.update(this.#trendline.state, throughput, applicationLimited, now);
    }
  }
}
