/**
 * A media flow from encoder to feedback: encoder, pacer, prober with padding, and at the other end a receiver that sends
 * transport-wide feedback as libwebrtc's does. Any congestion control can be plugged in.
 */
import { CongestionController } from '../congestion-controller.ts';
import { Pacer } from '../pacer.ts';
import { Prober } from '../prober.ts';
import { type ArrivalFeedback, type CongestionControl, NOT_RECEIVED } from '../types.ts';
import type { Clock } from './clock.testing.ts';
import { Encoder, FRAME_INTERVAL } from './encoder.testing.ts';
import type { FlowEnd, Link, Packet } from './link.testing.ts';
import type { Random } from './random.testing.ts';
import { TimeSeries } from './time-series.testing.ts';

export const MIN_BITRATE = 150_000;
export const MAX_BITRATE = 1_500_000;
const START_BITRATE = 300_000;
/** On the path: RTP header, extensions, SRTP tag, UDP and IP. */
const OVERHEAD = 12 + 8 + 10 + 28;
const MAX_PAYLOAD = 1200 - 12 - 8;
const PADDING_PAYLOAD = 224;
/** libwebrtc: feedback takes a twentieth of the receiving rate, in messages no closer and no further apart than this, ms. */
const FEEDBACK_PART = 0.05;
const MIN_FEEDBACK_INTERVAL = 50;
const MAX_FEEDBACK_INTERVAL = 250;
/** Timers are late by up to this, ms. */
const TIMER_LATENESS = 2;

export interface MediaFlowOptions {
  readonly name?: string;
  readonly forward: Link;
  readonly backward: Link;
  /** One-way, each direction, ms. */
  readonly propagation: number;
  /** ms. */
  readonly start: number;
  readonly stop?: number;
  /** No media between these times, ms. */
  readonly pause?: { readonly from: number; readonly to: number };
  readonly control?: (now: number) => CongestionControl;
  readonly startBitrate?: number;
  readonly minBitrate?: number;
  readonly maxBitrate?: number;
  /** What the source can give, bit/s, where less than `maxBitrate`. */
  readonly sourceBitrate?: (now: number) => number;
  /** Whether a feedback message is lost on the way, beyond what the link loses. */
  readonly loseFeedback?: (now: number) => boolean;
}

export class MediaFlow {
  readonly name: string;
  readonly sent = new TimeSeries();
  readonly received = new TimeSeries();
  readonly lost = new TimeSeries();
  /** Target in bit/s, sampled every 100 ms. */
  readonly targets: { time: number; bitrate: number }[] = [];
  packets = 0;
  losses = 0;
  readonly options: MediaFlowOptions;
  readonly propagation: number;
  readonly jitter = true;
  control: CongestionControl | undefined;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #encoder: Encoder;
  #pacer: Pacer;
  readonly #prober = new Prober();
  /** Sizes of packets that wait. */
  readonly #queue: number[] = [];
  #queuedBytes = 0;
  #sequence: number;
  #wake = Number.POSITIVE_INFINITY;
  // The receiver.
  #base: number | undefined;
  #highest = 0;
  readonly #arrivals = new Map<number, number>();
  #receivedBytes = 0;
  #lastFeedback = 0;
  #lastKeyframeRequest = 0;
  readonly #feedbackEnd: FlowEnd;

  constructor(clock: Clock, random: Random, options: MediaFlowOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#sequence = Math.floor(random.uniform(60_000, 65_536));
    this.options = options;
    this.name = options.name ?? 'media';
    this.propagation = options.propagation;
    const minBitrate = options.minBitrate ?? MIN_BITRATE;
    const maxBitrate = options.maxBitrate ?? MAX_BITRATE;
    const startBitrate = options.startBitrate ?? START_BITRATE;
    this.#encoder = new Encoder(random, { minBitrate, maxBitrate, startBitrate });
    this.#pacer = new Pacer(startBitrate, options.start);
    this.#feedbackEnd = {
      propagation: options.propagation,
      jitter: true,
      arrived: (packet, now) => this.control?.feedback(packet.data as ArrivalFeedback, now),
    };
    clock.at(options.start, () => {
      this.control =
        options.control?.(clock.now) ?? new CongestionController({ startBitrate, minBitrate, maxBitrate, now: clock.now });
      this.#frame();
      this.#tick();
      this.#sample();
      clock.after(MIN_FEEDBACK_INTERVAL, () => this.#feedback());
    });
  }

  /** Whether it sends media at `time`. */
  active(time: number): boolean {
    const { start, stop = Number.POSITIVE_INFINITY, pause } = this.options;
    return time >= start && time < stop && !(pause && time >= pause.from && time < pause.to);
  }

  #frame(): void {
    const { now } = this.#clock;
    if (now >= (this.options.stop ?? Number.POSITIVE_INFINITY)) return;
    this.#clock.after(FRAME_INTERVAL, () => this.#frame());
    const { pause } = this.options;
    if (!this.active(now)) {
      if (pause && now >= pause.to - 2 * FRAME_INTERVAL) this.#encoder.requestKeyframe();
      return;
    }
    const target = this.control!.target.bitrate;
    this.#encoder.setBitrate(Math.min(target, this.options.sourceBitrate?.(now) ?? target), now);
    // The target counts what is on the path: headers are taken from it.
    const bytes = this.#encoder.frame(now);
    const count = Math.max(1, Math.ceil(bytes / (MAX_PAYLOAD + OVERHEAD)));
    for (let i = 0; i < count; i++) {
      const size = Math.floor(bytes / count) + (i < bytes % count ? 1 : 0);
      this.#queue.push(size);
      this.#queuedBytes += size;
    }
    this.#send();
  }

  /** Process and pace, as timers of a busy machine do. */
  #tick(): void {
    const { now } = this.#clock;
    if (now >= (this.options.stop ?? Number.POSITIVE_INFINITY)) return;
    this.control!.process(now);
    this.#send();
    this.#clock.after(25, () => this.#tick());
  }

  #send(): void {
    const { now } = this.#clock;
    const control = this.control!;
    for (let probe = control.takeProbe(now); probe; probe = control.takeProbe(now)) this.#prober.add(probe, now);
    this.#pacer.bitrate = control.target.bitrate;
    this.#pacer.advance(now, this.#queuedBytes);
    if (this.active(now)) {
      let due = this.#prober.due(now);
      while (due > 0) {
        const cluster = this.#prober.current;
        if (!cluster) break;
        const size = this.#queue.shift() ?? 0;
        const bytes = size > 0 ? size : PADDING_PAYLOAD + OVERHEAD;
        if (size > 0) this.#queuedBytes -= size;
        due -= bytes;
        this.#pacer.spend(bytes);
        this.#prober.sent(bytes, now);
        this.#transmit(bytes, cluster.clusterId);
      }
    }
    // While a train is under way all that leaves belongs to it: it would be measured short otherwise.
    while (this.#queue.length > 0 && this.#prober.current === undefined && this.#pacer.canSend()) {
      const size = this.#queue.shift()!;
      this.#queuedBytes -= size;
      this.#pacer.spend(size);
      this.#transmit(size, 0);
    }
    let delay = this.#queue.length > 0 ? this.#pacer.delay : Number.POSITIVE_INFINITY;
    if (this.active(now)) delay = Math.min(delay, this.#prober.delay(now) ?? Number.POSITIVE_INFINITY);
    if (delay === Number.POSITIVE_INFINITY) return;
    const wake = now + Math.max(1, delay) + this.#random.uniform(0, TIMER_LATENESS);
    if (this.#wake > now && this.#wake <= wake) return;
    this.#wake = wake;
    this.#clock.at(wake, () => {
      if (this.#wake === wake) {
        this.#wake = Number.POSITIVE_INFINITY;
        this.#send();
      }
    });
  }

  #transmit(size: number, cluster: number): void {
    const { now } = this.#clock;
    const number = this.#sequence++;
    this.packets++;
    this.sent.add(now, size);
    this.control!.packetSent(number & 0xffff, size, now, cluster);
    this.options.forward.send({ size, flow: this, sent: now, number, queued: 0 });
  }

  #sample(): void {
    const { now } = this.#clock;
    if (now >= (this.options.stop ?? Number.POSITIVE_INFINITY)) return;
    this.targets.push({ time: now, bitrate: this.control!.target.bitrate });
    this.#clock.after(100, () => this.#sample());
  }

  /** A packet reached the receiver. */
  arrived(packet: Packet, now: number): void {
    this.received.add(now, packet.size);
    this.#receivedBytes += packet.size;
    this.#base ??= packet.number;
    if (packet.number > this.#highest) this.#highest = packet.number;
    if (packet.number < this.#base) this.#base = packet.number;
    this.#arrivals.set(packet.number, now);
  }

  #feedback(): void {
    const { now } = this.#clock;
    const elapsed = Math.max(1, now - this.#lastFeedback);
    const bitrate = (this.#receivedBytes * 8000) / elapsed;
    this.#lastFeedback = now;
    this.#receivedBytes = 0;
    let size = 60 + 28;
    if (this.#arrivals.size > 0 && this.#base !== undefined) {
      const message = this.#message(this.#base);
      size = 28 + 20 + 14 + message.arrivals.length * 1.5;
      if (!this.options.loseFeedback?.(now)) {
        this.options.backward.send({
          size: Math.round(size),
          flow: this.#feedbackEnd,
          sent: now,
          number: 0,
          queued: 0,
          data: message,
        });
      }
    }
    const interval = (size * 8000) / Math.max(1, FEEDBACK_PART * bitrate);
    this.#clock.after(Math.min(MAX_FEEDBACK_INTERVAL, Math.max(MIN_FEEDBACK_INTERVAL, interval)), () => this.#feedback());
  }

  #message(base: number): ArrivalFeedback {
    const count = this.#highest - base + 1;
    const arrivals = new Int32Array(count).fill(NOT_RECEIVED);
    // A clock of its own: it began long before ours, and wraps.
    const epoch = 0xfffe00 * 64;
    const first = Math.min(...this.#arrivals.values());
    const referenceTime = Math.floor((first + epoch) / 64);
    for (const [number, time] of this.#arrivals) {
      arrivals[number - base] = Math.round((time + epoch - referenceTime * 64) * 4);
    }
    for (const arrival of arrivals) if (arrival === NOT_RECEIVED) this.#lose();
    this.#arrivals.clear();
    this.#base = this.#highest + 1;
    return { baseSequence: base & 0xffff, arrivals, referenceTime: referenceTime & 0xffffff };
  }

  #lose(): void {
    const { now } = this.#clock;
    this.losses++;
    this.lost.add(now, 1);
    // What the receiver would ask for; retransmission itself is left out.
    if (now - this.#lastKeyframeRequest < 3000) return;
    this.#lastKeyframeRequest = now;
    this.#clock.after(this.propagation, () => this.#encoder.requestKeyframe());
  }
}
