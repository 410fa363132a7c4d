/**
 * `congestion-control=homegrown` (reference section 2.8): two simple controllers, one by loss and one by delay, the lower
 * of which counts. Two defects of the original are mended (reference section 10.4, K2 and K3): each controller scales its
 * own target, so that losses do not undo what delay decided and the reverse; and a session without a controllable encoder
 * divides by nothing, since the controller knows no encoders.
 */
import { FeedbackAdapter } from './feedback-adapter.ts';
import { initialTarget } from './initial-target.ts';
import { PACING_FACTOR } from './pacer.ts';
import type { PacketResults } from './packet-results.ts';
import { RttTracker } from './rtt-tracker.ts';
import type { ArrivalFeedback, BitrateLimits, CongestionControl, ProbeCluster, Target } from './types.ts';

/** Statistics are over this time of feedback, ms. */
const WINDOW = 300;
/** The delay controller steps this often, ms. */
const INTERVAL = 100;
/** Loss in percent: above the first the rate falls, above the second it stays. */
const HIGH_LOSS = 10;
const LOW_LOSS = 2;
const GROWTH = 1.05;
/** Part of what was sent that did not come out at the other end in time: above the first the rate falls, above the second fast. */
const BACKLOG = 0.1;
const LARGE_BACKLOG = 0.64;
/** Mean growth of the delay from packet to packet that counts as congestion, ms. */
const DELAY_GROWTH = 1;
const DELAY_DECREASE = 0.97;
const DELAY_INCREASE = 1.03;
/** Within so many standard deviations of the rates at which it fell, the rate grows additively. */
const SIGMAS = 7;
const AVERAGE_WEIGHT = 0.75;
const VARIANCE_WEIGHT = 0.25;
/** The additive step assumes so many frames a second and packets of so many bits. */
const FRAME_RATE = 30;
const PACKET_BITS = 9600;
const MIN_STEP = 1000;
/** Neither target runs further ahead of the other than this: it would take long to come into force. */
const MAX_LEAD = 1.5;

export class HomegrownController implements CongestionControl {
  readonly #adapter = new FeedbackAdapter();
  readonly #rtt = new RttTracker();
  readonly #window = new FeedbackWindow();
  readonly #target: Target;
  #min: number;
  #max: number;
  #delayTarget: number;
  #lossTarget: number;
  #average: number | undefined;
  #variance = 0;
  #lastStep: number;
  #lastFeedback = Number.NEGATIVE_INFINITY;

  constructor(options: {
    readonly startBitrate: number;
    readonly minBitrate: number;
    readonly maxBitrate: number;
    readonly now: number;
  }) {
    this.#min = Math.min(options.minBitrate, options.maxBitrate);
    this.#max = options.maxBitrate;
    const bitrate = Math.max(this.#min, Math.min(this.#max, options.startBitrate));
    this.#delayTarget = bitrate;
    this.#lossTarget = bitrate;
    this.#lastStep = options.now;
    this.#target = initialTarget(bitrate);
  }

  get target(): Readonly<Target> {
    return this.#target;
  }

  packetSent(sequenceNumber: number, size: number, now: number): void {
    this.#adapter.packetSent(sequenceNumber, size, now, 0);
  }

  feedback(feedback: ArrivalFeedback, now: number): void {
    const results = this.#adapter.feedback(feedback, now);
    if (results.count === 0) return;
    this.#rtt.feedback(this.#adapter.propagationRtt, now);
    this.#lastFeedback = now;
    this.#window.add(results, now);
    const loss = this.#window.lossPercent;
    this.#target.lossFraction = loss / 100;
    if (loss > HIGH_LOSS) {
      const factor = Math.min(0.98, Math.max(0.7, (100 - 0.5 * loss) / 100));
      this.#lossTarget = Math.min(this.#lossTarget, this.#target.bitrate) * factor;
    } else if (loss <= LOW_LOSS) {
      this.#lossTarget *= GROWTH;
    }
    this.#conclude();
  }

  roundTripTime(ms: number, now: number): void {
    this.#rtt.report(ms, now);
    this.#target.rtt = this.#rtt.rtt;
  }

  remb(_bitrate: number, _now: number): void {}

  lossReport(_fraction: number, _packets: number, _now: number): void {}

  setLimits(limits: BitrateLimits, _now: number): void {
    this.#min = Math.min(limits.min, limits.max);
    this.#max = limits.max;
    if (limits.start !== undefined) {
      this.#delayTarget = limits.start;
      this.#lossTarget = limits.start;
    }
    this.#conclude();
  }

  setAllocated(_bitrate: number, _now: number): void {}

  process(now: number): number | undefined {
    if (now - this.#lastStep >= INTERVAL) {
      // Without news there is no step: the original repeats the last one for ever.
      if (now - this.#lastFeedback < WINDOW) this.#step(Math.min(now - this.#lastStep, WINDOW));
      this.#lastStep = now;
      this.#conclude();
    }
    return this.#lastStep + INTERVAL;
  }

  takeProbe(_now: number): ProbeCluster | undefined {
    return undefined;
  }

  #step(elapsed: number): void {
    const window = this.#window;
    const target = Math.min(this.#delayTarget, this.#lossTarget);
    const backlog = Math.max(0, window.sentBitrate - window.receivedBitrate) / target;
    this.#target.state = 'normal';
    if (backlog >= LARGE_BACKLOG) this.#decrease(target, Math.min(0.96, Math.max(0.8, backlog ** 0.25)));
    else if (backlog > BACKLOG) this.#decrease(target, 0.96);
    else if (window.delayGrowth > DELAY_GROWTH) this.#decrease(target, DELAY_DECREASE);
    else this.#increase(elapsed);
  }

  #decrease(target: number, factor: number): void {
    this.#target.state = 'overuse';
    this.#delayTarget = Math.max(this.#min, target * factor);
    if (this.#average === undefined) {
      this.#average = this.#delayTarget;
      this.#variance = 0;
      return;
    }
    const difference = this.#delayTarget - this.#average;
    this.#average += AVERAGE_WEIGHT * difference;
    this.#variance = VARIANCE_WEIGHT * (this.#variance + AVERAGE_WEIGHT * difference * difference);
  }

  #increase(elapsed: number): void {
    const target = this.#delayTarget;
    const spread = SIGMAS * Math.sqrt(this.#variance);
    if (this.#average !== undefined && target > this.#average + spread) this.#average = undefined;
    if (this.#average === undefined || target < this.#average - spread) {
      this.#delayTarget *= DELAY_INCREASE;
      return;
    }
    const frameBits = target / FRAME_RATE;
    const packetBits = frameBits / Math.max(1, Math.ceil(frameBits / PACKET_BITS));
    const part = 0.5 * Math.min(elapsed / (100 + this.#rtt.rttOr(0)), 1);
    this.#delayTarget += Math.max(MIN_STEP, part * packetBits);
  }

  #conclude(): void {
    const clamp = (bitrate: number): number => Math.max(this.#min, Math.min(this.#max, bitrate));
    const least = Math.min(this.#delayTarget, this.#lossTarget);
    this.#delayTarget = clamp(Math.min(this.#delayTarget, MAX_LEAD * least));
    this.#lossTarget = clamp(Math.min(this.#lossTarget, MAX_LEAD * least));
    const bitrate = Math.min(this.#delayTarget, this.#lossTarget);
    this.#target.bitrate = bitrate;
    this.#target.stableBitrate = Math.min(bitrate, this.#average ?? bitrate);
    this.#target.pacingRate = bitrate * PACING_FACTOR;
    this.#target.rtt = this.#rtt.rtt;
  }
}

interface Message {
  readonly time: number;
  readonly bytes: number;
  readonly receivedBytes: number;
  readonly packets: number;
  readonly lost: number;
  /** Of the last packet that arrived, ms. */
  readonly send: number;
  readonly arrival: number;
}

/** What the last feedback messages say together: rates, loss, growth of delay. */
class FeedbackWindow {
  readonly #messages: Message[] = [];
  sentBitrate = 0;
  receivedBitrate = 0;
  lossPercent = 0;
  /** Mean growth of the delay from packet to packet, ms. */
  delayGrowth = 0;

  add(results: PacketResults, now: number): void {
    let bytes = 0;
    let receivedBytes = 0;
    for (let i = 0; i < results.count; i++) {
      bytes += results.sizes[i]!;
      if (!Number.isNaN(results.arrivalTimes[i]!)) receivedBytes += results.sizes[i]!;
    }
    const last = results.received > 0 ? results.order[results.received - 1]! : undefined;
    const previous = this.#messages.at(-1);
    this.#messages.push({
      time: now,
      bytes,
      receivedBytes,
      packets: results.count,
      lost: results.count - results.received,
      send: last === undefined ? (previous?.send ?? Number.NaN) : results.sendTimes[last]!,
      arrival: last === undefined ? (previous?.arrival ?? Number.NaN) : results.arrivalTimes[last]!,
    });
    while (this.#messages.length > 2 && now - this.#messages[0]!.time > WINDOW) this.#messages.shift();
    this.#summarise();
  }

  /** The first message only marks where the window begins: rates and growth are between its last packet and the newest. */
  #summarise(): void {
    let bytes = 0;
    let receivedBytes = 0;
    let packets = 0;
    let lost = 0;
    for (let i = 1; i < this.#messages.length; i++) {
      const message = this.#messages[i]!;
      bytes += message.bytes;
      receivedBytes += message.receivedBytes;
      packets += message.packets;
      lost += message.lost;
    }
    if (packets === 0) return;
    this.lossPercent = (100 * lost) / packets;
    const first = this.#messages[0]!;
    const last = this.#messages.at(-1)!;
    const sendTime = last.send - first.send;
    const arrivalTime = last.arrival - first.arrival;
    if (!(sendTime > 0 && arrivalTime > 0)) return;
    this.sentBitrate = (bytes * 8000) / sendTime;
    this.receivedBitrate = (receivedBytes * 8000) / arrivalTime;
    this.delayGrowth = (arrivalTime - sendTime) / packets;
  }
}
