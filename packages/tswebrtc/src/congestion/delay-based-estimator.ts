/**
 * The delay-based half of Google congestion control (draft-ietf-rmcat-gcc-02 §5): packet groups, trend of their delay,
 * rate control.
 */
import { AimdRateControl } from './aimd-rate-control.ts';
import { bottleneckRate } from './bottleneck-rate.ts';
import { InterArrival } from './inter-arrival.ts';
import type { PacketResults } from './packet-results.ts';
import { QueueMonitor, type QueueVerdict } from './queue-monitor.ts';
import { TrendlineEstimator } from './trendline-estimator.ts';
import type { NetworkState } from './types.ts';

/** Silence after which earlier delays say nothing of the path any more, ms (libwebrtc). */
const STREAM_TIMEOUT = 2000;
/** A decrease shows after a round trip and this, ms. */
const REACTION_TIME = 200;

/**
 * Ours: where the capacity is known, a probe of a path in use raises the rate to this part of it, or by this factor beyond;
 * the media itself then shows whether it has grown. What a token bucket lets through at once would be believed otherwise.
 */
const KNOWN_CAPACITY_PART = 0.9;
const BEYOND_CAPACITY_FACTOR = 1.2;

/**
 * Ours: so long after the beginning, ms, no probe raises the rate beyond this multiple of the start bitrate or of what is known
 * to get through: a short train says little, and an encoder that follows it at once floods a path that let it through by chance.
 */
const START_TIME = 3000;
const START_FACTOR = 2.2;

export class DelayBasedEstimator {
  readonly rate: AimdRateControl;
  readonly #interArrival = new InterArrival();
  readonly #trendline = new TrendlineEstimator();
  readonly #queue = new QueueMonitor();
  #verdict: QueueVerdict = 'clear';
  readonly #start: number;
  #firstFeedback: number | undefined;
  #lastFeedback = Number.NEGATIVE_INFINITY;

  constructor(bitrate: number, min: number, max: number) {
    this.#start = bitrate;
    this.rate = new AimdRateControl(bitrate, min, max);
  }

  /** bit/s. */
  get bitrate(): number {
    return this.rate.bitrate;
  }

  /** ms that packets wait in queues now, as far as known. */
  get queueDelay(): number {
    return this.#queue.queueDelay;
  }

  /** Whether a rival was found to keep the queue full, so that delay is not heeded. */
  get competing(): boolean {
    return this.#verdict === 'competing';
  }

  get state(): NetworkState {
    return this.#trendline.state;
  }

  /**
   * One feedback message. `throughput`: bit/s, undefined while unknown; `probe`: result of a probe, bit/s; `rtt`: ms. Returns whether
   * the queue has just drained after an overuse, which is a good time to probe.
   */
  update(
    results: PacketResults,
    throughput: number | undefined,
    probe: number | undefined,
    applicationLimited: boolean,
    rtt: number,
    now: number,
  ): boolean {
    if (results.received === 0) return false;
    if (now - this.#lastFeedback > STREAM_TIMEOUT) {
      this.#interArrival.reset();
      this.#trendline.reset();
      this.#queue.reset();
    }
    this.#lastFeedback = now;
    this.#firstFeedback ??= now;
    let recovered = false;
    const bottleneck = bottleneckRate(results);
    if (bottleneck !== undefined && throughput !== undefined) throughput = Math.min(throughput, bottleneck);
    for (let i = 0; i < results.received; i++) {
      const row = results.order[i]!;
      if (!this.#interArrival.packet(results.sendTimes[row]!, results.arrivalTimes[row]!, now)) continue;
      const before = this.#trendline.state;
      const { arrival, send, arrivalTime } = this.#interArrival.delta;
      this.#trendline.update(arrival, send, arrivalTime);
      recovered ||= before === 'underuse' && this.#trendline.state === 'normal';
    }
    const { rate } = this;
    this.#verdict = this.#queue.update(results, rtt + REACTION_TIME, rate.lastDecrease, now);
    rate.queueDelay = this.competing ? 0 : this.queueDelay;
    if (this.#verdict === 'clear') this.#steer(throughput, probe, applicationLimited, now);
    else if (this.#verdict === 'competing') rate.compete(results.count > results.received, throughput ?? rate.bitrate, now);
    else if (this.#trendline.state === 'overuse') this.#steer(throughput, undefined, applicationLimited, now);
    else rate.update(this.#verdict === 'drain' ? 'overuse' : 'underuse', throughput, applicationLimited, now);
    return recovered;
  }

  /** How far a probe of a path in use may raise the rate, bit/s. */
  #probeLimit(throughput: number | undefined, now: number): number {
    const { capacity, bitrate } = this.rate;
    const fresh = now - (this.#firstFeedback ?? now) < START_TIME;
    const proven = fresh ? START_FACTOR * Math.max(throughput ?? 0, this.#start) : Number.POSITIVE_INFINITY;
    if (!capacity.known) return Math.max(bitrate, proven);
    return Math.min(proven, Math.max(KNOWN_CAPACITY_PART * capacity.estimate, BEYOND_CAPACITY_FACTOR * bitrate));
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
      rate.setBitrate(applicationLimited ? probe : Math.min(probe, this.#probeLimit(throughput, now)), now);
    } else {
      rate.update(this.#trendline.state, throughput, applicationLimited, now);
    }
  }
}
