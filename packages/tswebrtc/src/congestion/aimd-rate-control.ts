/**
 * The rate that the delay allows: down to a part of what got through when a queue grows, held while it drains, up again in
 * steps that are large far from the known capacity and small near it (draft-ietf-rmcat-gcc-02 §5.5).
 */
import { LinkCapacity } from './link-capacity.ts';
import type { NetworkState } from './types.ts';

/** What is kept of the throughput when the path is overused (draft §5.5, β). */
const BETA = 0.85;
/** Ours: a queue so long that β would drain it later than in this time, ms, is drained faster, at this part at the least. */
const DRAIN_TIME = 1000;
const LEAST_PART = 0.5;
/** Taken off in addition, so that a small rate too leaves the queue room to drain (libwebrtc), bit/s. */
const EXTRA_BACKOFF = 5000;
/** Growth a second where the capacity is unknown or far (draft §5.5). */
const MULTIPLICATIVE_GROWTH = 1.08;
/** The rate may exceed what is known to get through by this much (draft §5.5). */
const THROUGHPUT_FACTOR = 1.5;
const THROUGHPUT_MARGIN = 10_000;
/** Least growth a second near capacity, bit/s (libwebrtc). */
const MIN_ADDITIVE_GROWTH = 4000;
/** Least multiplicative step, bit/s (libwebrtc). */
const MIN_MULTIPLICATIVE_STEP = 1000;
/** The additive step is one packet per response time; a frame lasts this long and a packet is this large (draft §5.5). */
const FRAME_INTERVAL = 1 / 30;
const PACKET_SIZE = 1200;
/** Time that detection takes beyond the round trip, ms (draft §5.5). */
const DETECTION_TIME = 100;
/** Assumed until measured, ms (libwebrtc). */
const DEFAULT_RTT = 200;
/** Two decreases are apart by a round trip, within these bounds, ms (libwebrtc). */
const MIN_DECREASE_INTERVAL = 10;
const MAX_DECREASE_INTERVAL = 200;

/** For so long after a probe raised the rate, what gets through says nothing of it yet, ms. */
const RAISE_TIME = 500;

type RateState = 'hold' | 'increase' | 'decrease';

export class AimdRateControl {
  #bitrate: number;
  #min: number;
  #max: number;
  #rtt = DEFAULT_RTT;
  #queue = 0;
  #state: RateState = 'hold';
  #lastChange: number | undefined;
  #lastDecrease: number | undefined;
  /** What the rate was before a probe raised it, and when that was. */
  #beforeRaise = 0;
  #raiseTime = Number.NEGATIVE_INFINITY;
  readonly capacity = new LinkCapacity();

  /** All in bit/s. */
  constructor(bitrate: number, min: number, max: number) {
    this.#min = min;
    this.#max = max;
    this.#bitrate = this.#clamp(bitrate);
  }

  /** bit/s. */
  get bitrate(): number {
    return this.#bitrate;
  }

  /** When the rate was last cut, ms; undefined before. */
  get lastDecrease(): number | undefined {
    return this.#lastDecrease;
  }

  /** ms. */
  set rtt(value: number) {
    this.#rtt = value;
  }

  /** ms that packets wait now. */
  set queueDelay(value: number) {
    this.#queue = value;
  }

  setLimits(min: number, max: number): void {
    this.#min = min;
    this.#max = max;
    this.#bitrate = this.#clamp(this.#bitrate);
  }

  /** Sets the rate to what a probe, a restart or another estimate says. */
  setBitrate(bitrate: number, now: number): void {
    const previous = this.#bitrate;
    this.#bitrate = this.#clamp(bitrate);
    this.#lastChange = now;
    if (this.#bitrate < previous) this.#lastDecrease = now;
    else if (this.#bitrate > previous && now - this.#raiseTime > RAISE_TIME) {
      this.#beforeRaise = previous;
      this.#raiseTime = now;
    }
  }

  /**
   * Whether a decrease at this throughput (bit/s) may follow the last one now: not before that can have shown its effect.
   * libwebrtc counts from the last change in either direction, and so lets a queue grow for a round trip more.
   */
  mayDecrease(throughput: number, now: number): boolean {
    const interval = Math.min(MAX_DECREASE_INTERVAL, Math.max(MIN_DECREASE_INTERVAL, this.#rtt));
    return this.#lastDecrease === undefined || now - this.#lastDecrease >= interval || throughput < this.#bitrate / 2;
  }

  /**
   * One step. `throughput`: what gets through now, bit/s, undefined while unknown. `applicationLimited`: the rate is not
   * used in full, so nothing is learnt from its being harmless, and it does not grow.
   */
  update(state: NetworkState, throughput: number | undefined, applicationLimited: boolean, now: number): void {
    if (state === 'overuse') this.#state = 'decrease';
    else if (state === 'underuse') this.#state = 'hold';
    else if (this.#state === 'hold') {
      this.#lastChange = now;
      this.#state = 'increase';
    }
    if (this.#state === 'increase') this.#increase(throughput ?? this.#bitrate, applicationLimited, now);
    else if (this.#state === 'decrease') this.#decrease(throughput ?? this.#bitrate, now);
  }

  /**
   * One step against a rival that heeds losses only: up by a packet a round trip in every round trip as TCP's congestion
   * avoidance does (RFC 5681 §3.1), down as usual when a packet was `lost`.
   */
  compete(lost: boolean, throughput: number, now: number): void {
    const seconds = Math.min(1, Math.max(0, now - (this.#lastChange ?? now)) / 1000);
    const settled = this.#lastDecrease === undefined || now - this.#lastDecrease >= this.#rtt + DETECTION_TIME;
    if (lost) {
      if (settled) this.#decrease(throughput, now);
      return;
    }
    const rtt = Math.max(this.#rtt, DETECTION_TIME) / 1000;
    const limit = THROUGHPUT_FACTOR * throughput + THROUGHPUT_MARGIN;
    const step = ((PACKET_SIZE * 8) / (rtt * rtt)) * seconds;
    if (this.#bitrate < limit) this.#bitrate = this.#clamp(Math.min(this.#bitrate + step, limit));
    this.#lastChange = now;
  }

  #increase(throughput: number, applicationLimited: boolean, now: number): void {
    if (throughput > this.capacity.upperBound) this.capacity.reset();
    const limit = applicationLimited ? this.#bitrate : THROUGHPUT_FACTOR * throughput + THROUGHPUT_MARGIN;
    const seconds = Math.min(1, Math.max(0, now - (this.#lastChange ?? now)) / 1000);
    if (this.#bitrate < limit) {
      const step = this.capacity.known
        ? this.additiveGrowth * seconds
        : Math.max(MIN_MULTIPLICATIVE_STEP, this.#bitrate * (MULTIPLICATIVE_GROWTH ** seconds - 1));
      this.#bitrate = this.#clamp(Math.min(this.#bitrate + step, limit));
    }
    this.#lastChange = now;
  }

  #decrease(throughput: number, now: number): void {
    const part = Math.max(LEAST_PART, Math.min(BETA, 1 - this.#queue / DRAIN_TIME));
    let reduced = part * throughput;
    if (reduced > EXTRA_BACKOFF) reduced -= EXTRA_BACKOFF;
    // The throughput lags behind the rate; where it still says more than the rate, the known capacity is the better guide.
    if (reduced > this.#bitrate && this.capacity.known) reduced = BETA * this.capacity.estimate;
    if (throughput < this.capacity.lowerBound) this.capacity.reset();
    this.capacity.overuse(throughput);
    // A rate that a probe has just raised is not in use: so the throughput is low without being a bound, and a queue that
    // grows at first takes back what the probe gave, no more. Where it goes on growing the path itself has changed.
    if (now - this.#raiseTime < RAISE_TIME) {
      reduced = Math.max(reduced, BETA * this.#beforeRaise);
      this.#raiseTime = Number.NEGATIVE_INFINITY;
    }
    this.#bitrate = this.#clamp(Math.min(reduced, this.#bitrate));
    this.#state = 'hold';
    this.#lastChange = now;
    this.#lastDecrease = now;
  }

  /** Growth near capacity, bit/s per s: one average packet in two response times. */
  get additiveGrowth(): number {
    const frameBits = this.#bitrate * FRAME_INTERVAL;
    const packetBits = frameBits / Math.max(1, Math.ceil(frameBits / (PACKET_SIZE * 8)));
    const responseTime = (2 * (this.#rtt + DETECTION_TIME)) / 1000;
    return Math.max(MIN_ADDITIVE_GROWTH, packetBits / responseTime);
  }

  #clamp(bitrate: number): number {
    return Math.max(this.#min, Math.min(this.#max, bitrate));
  }
}
