/**
 * Google congestion control at the sender (draft-ietf-rmcat-gcc-02, brought to what libwebrtc does today): the rate is the
 * least of what delay, losses and the receiver allow, and probes find out what growth alone would take long to find.
 * Sans-IO: it reads no clock and sends nothing; `process` says when it wants to be called next.
 */
import { AcknowledgedBitrate } from './acknowledged-bitrate.ts';
import { AlrDetector } from './alr-detector.ts';
import { CongestionWindow } from './congestion-window.ts';
import { DelayBasedEstimator } from './delay-based-estimator.ts';
import { FeedbackAdapter } from './feedback-adapter.ts';
import { FeedbackTimeout } from './feedback-timeout.ts';
import { initialTarget } from './initial-target.ts';
import { LossBasedEstimator } from './loss-based-estimator.ts';
import { PACING_FACTOR } from './pacer.ts';
import { ProbeBitrateEstimator, type ProbeResult } from './probe-bitrate-estimator.ts';
import { ProbeController } from './probe-controller.ts';
import { ReportBasedEstimator } from './report-based-estimator.ts';
import { RttTracker } from './rtt-tracker.ts';
import { StableBitrate } from './stable-bitrate.ts';
import type { ArrivalFeedback, BitrateLimits, CongestionControl, ProbeCluster, Target } from './types.ts';

export interface CongestionControllerOptions {
  /** bit/s. */
  readonly startBitrate: number;
  readonly minBitrate: number;
  readonly maxBitrate: number;
  /** ms, on the clock of every later call. */
  readonly now: number;
  /** Lower the encoders' rate when far more is in flight than path and queue should hold. Default false. */
  readonly congestionWindow?: boolean;
}

/** A probe that finds less than gets through already found something else: it lowers the rate no further than to this part. */
const PROBE_THROUGHPUT_FLOOR = 0.85;
/** Reports steer again when transport-wide feedback has been absent for so long, ms. */
const FEEDBACK_ABSENT = 5000;
/** `process` wants to be called at least so often while packets flow, ms. */
const PROCESS_INTERVAL = 200;
/** The path counts as quiet so long after a decrease, ms, with no more queue than this, ms. */
const QUIET_TIME = 2000;
const QUIET_QUEUE = 30;
/** A REMB holds for so long, ms: browsers repeat it every second, servers that forward as seldom as every five. */
const REMB_TIMEOUT = 12_000;

export class CongestionController implements CongestionControl {
  readonly #adapter = new FeedbackAdapter();
  readonly #acknowledged = new AcknowledgedBitrate();
  readonly #delay: DelayBasedEstimator;
  readonly #loss: LossBasedEstimator;
  readonly #reports: ReportBasedEstimator;
  readonly #alr: AlrDetector;
  readonly #probes: ProbeController;
  readonly #probeResults = new ProbeBitrateEstimator();
  readonly #timeout = new FeedbackTimeout();
  readonly #rtt = new RttTracker();
  readonly #stable: StableBitrate;
  readonly #window: CongestionWindow | undefined;
  readonly #target: Target;
  #min: number;
  #max: number;
  #remb = Number.POSITIVE_INFINITY;
  #rembTime = Number.NEGATIVE_INFINITY;
  #lastFeedback = Number.NEGATIVE_INFINITY;
  #started = false;
  #wasLimited = false;

  constructor(options: CongestionControllerOptions) {
    const { startBitrate, now } = options;
    const { min, max } = orderly(options.minBitrate, options.maxBitrate);
    const bitrate = Math.max(min, Math.min(max, startBitrate));
    this.#min = min;
    this.#max = max;
    this.#delay = new DelayBasedEstimator(bitrate, min, max);
    this.#loss = new LossBasedEstimator(min, max);
    this.#reports = new ReportBasedEstimator(bitrate, min, max);
    this.#alr = new AlrDetector(bitrate);
    this.#probes = new ProbeController(max);
    this.#stable = new StableBitrate(bitrate, now);
    this.#window = options.congestionWindow ? new CongestionWindow() : undefined;
    this.#target = initialTarget(bitrate);
  }

  get target(): Readonly<Target> {
    return this.#target;
  }

  /** What is known to get through, bit/s; undefined before the first feedback. */
  get acknowledgedBitrate(): number | undefined {
    return this.#acknowledged.bitrate;
  }

  /** Bytes that no feedback has told about yet. */
  get bytesInFlight(): number {
    return this.#adapter.history.bytesInFlight;
  }

  packetSent(sequenceNumber: number, size: number, now: number, probeClusterId = 0): void {
    if (!this.#started) {
      // The first packet shows that the path is up and that there is something to probe with.
      this.#started = true;
      this.#probes.start(this.#target.bitrate, sequenceNumber, now);
    }
    this.#adapter.packetSent(sequenceNumber, size, now, probeClusterId);
    this.#alr.sent(size, now);
    this.#timeout.sent(now);
  }

  feedback(feedback: ArrivalFeedback, now: number): void {
    const results = this.#adapter.feedback(feedback, now);
    this.#timeout.feedback(now);
    if (results.count === 0) return;
    this.#lastFeedback = now;
    this.#rtt.feedback(this.#adapter.propagationRtt, now);
    this.#delay.rate.rtt = this.#rtt.rttOr(this.#delay.rate.rtt);
    const limited = this.#updateApplicationLimit(now);
    for (let i = 0; i < results.received; i++) {
      const row = results.order[i]!;
      this.#acknowledged.packet(results.sizes[row]!, results.arrivalTimes[row]!);
    }
    const throughput = this.#acknowledged.bitrate;
    const result = this.#probeResults.update(results, now);
    const probe = result && this.#believe(result, throughput, limited);
    if (result?.hampered && probe === undefined && this.#delay.state === 'normal') this.#probes.retry(now);
    const recovered = this.#delay.update(results, this.#acknowledged.recent, probe, limited, this.#rtt.rttOr(0), now);
    this.#loss.update(results, this.#delay.bitrate, throughput, limited, now);
    this.#conclude(now);
    if (recovered) this.#probes.recover(now);
  }

  roundTripTime(ms: number, now: number): void {
    if (ms >= 0) this.#rtt.report(ms, now);
  }

  remb(bitrate: number, now: number): void {
    if (!(bitrate > 0)) return;
    this.#remb = bitrate;
    this.#rembTime = now;
    this.#conclude(now);
  }

  lossReport(fraction: number, packets: number, now: number): void {
    if (!(fraction >= 0 && fraction <= 1 && packets > 0)) return;
    this.#reports.report(fraction, packets, this.#rtt.rttOr(0), now);
    if (now - this.#lastFeedback < FEEDBACK_ABSENT) return;
    this.#delay.rate.setBitrate(this.#reports.bitrate, now);
    this.#conclude(now);
  }

  setLimits(limits: BitrateLimits, now: number): void {
    const { min, max } = orderly(limits.min, limits.max);
    this.#min = min;
    this.#max = max;
    this.#delay.rate.setLimits(min, max);
    this.#loss.setLimits(min, max);
    this.#reports.setLimits(min, max);
    if (limits.start !== undefined) {
      this.#delay.rate.setBitrate(limits.start, now);
      this.#loss.reset();
      this.#reports.bitrate = limits.start;
    }
    this.#probes.setMax(max, now);
    this.#conclude(now);
  }

  setAllocated(bitrate: number, now: number): void {
    this.#probes.setAllocated(bitrate, now);
  }

  process(now: number): number | undefined {
    if (!this.#started) return undefined;
    this.#alr.sent(0, now);
    this.#updateApplicationLimit(now);
    const factor = this.#timeout.backoff(this.#rtt.rttOr(0), now);
    if (factor < 1) {
      this.#delay.rate.setBitrate(this.#target.bitrate * factor, now);
      this.#conclude(now);
    }
    this.#probes.setQuiet(this.#isQuiet(now));
    return Math.min(now + PROCESS_INTERVAL, this.#probes.process(now));
  }

  takeProbe(now: number): ProbeCluster | undefined {
    const probe = this.#probes.take();
    if (probe) this.#probeResults.expect(probe, now);
    return probe;
  }

  /** The estimate to take from what a probe found, bit/s, if any. */
  #believe({ bitrate, hampered }: ProbeResult, throughput: number | undefined, limited: boolean): number | undefined {
    if (bitrate >= this.#delay.bitrate) return bitrate;
    // While the rate is in full use it has proved itself; a short train that found less was disturbed.
    if (hampered || !limited) return undefined;
    // Half-way, since one train says little: where the capacity did fall the next one will say so too.
    return Math.max((bitrate + this.#delay.bitrate) / 2, (throughput ?? 0) * PROBE_THROUGHPUT_FLOOR);
  }

  #isQuiet(now: number): boolean {
    const { rate, state, queueDelay, competing } = this.#delay;
    return (
      !competing &&
      state === 'normal' &&
      queueDelay < QUIET_QUEUE &&
      this.#loss.state === 'none' &&
      now - (rate.lastDecrease ?? Number.NEGATIVE_INFINITY) >= QUIET_TIME &&
      now - this.#lastFeedback < PROCESS_INTERVAL * 2
    );
  }

  #updateApplicationLimit(now: number): boolean {
    const { since } = this.#alr;
    const limited = since !== undefined;
    if (this.#wasLimited && !limited) this.#acknowledged.expectChange();
    this.#wasLimited = limited;
    this.#probes.setApplicationLimited(since, now);
    this.#target.applicationLimited = limited;
    return limited;
  }

  #conclude(now: number): void {
    const target = this.#target;
    const remb = now - this.#rembTime < REMB_TIMEOUT ? this.#remb : Number.POSITIVE_INFINITY;
    const estimate = Math.max(this.#min, Math.min(this.#delay.bitrate, this.#loss.bitrate, remb, this.#max));
    const absent = now - this.#lastFeedback >= FEEDBACK_ABSENT;
    if (!absent) this.#reports.bitrate = estimate;
    this.#alr.bitrate = estimate;
    this.#probes.setLossState(this.#loss.state);
    this.#probes.setEstimate(estimate, now);
    const { minimum } = this.#rtt;
    target.bitrate =
      this.#window && minimum !== undefined
        ? Math.max(this.#min, this.#window.apply(estimate, this.bytesInFlight, minimum))
        : estimate;
    target.pacingRate = estimate * PACING_FACTOR;
    target.stableBitrate = this.#stable.update(target.bitrate, now);
    target.lossFraction = absent ? this.#reports.loss : this.#loss.averageLoss;
    target.rtt = this.#rtt.rtt;
    target.state = this.#delay.state;
  }
}

/** An application that sets min above max means max. */
function orderly(min: number, max: number): { min: number; max: number } {
  const upper = Math.max(1, max);
  return { min: Math.max(1, Math.min(min, upper)), max: upper };
}
