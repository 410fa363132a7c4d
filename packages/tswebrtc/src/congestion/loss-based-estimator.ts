/**
 * The rate that losses allow, by maximum likelihood: each candidate rate explains the losses seen at the rates sent lately
 * by a part that is always lost on this path (a radio link) and a part that is lost because more was sent than fits. The
 * candidate that explains them best wins. This is the idea of libwebrtc's second loss-based estimator, and the reason for
 * it: the older rule (draft-ietf-rmcat-gcc-02 §6) cuts the rate at 10 % loss whoever caused it and so collapses on a lossy
 * but empty path, while below that it lets a short queue overflow for ever.
 */
import type { PacketResults } from './packet-results.ts';

/** An observation covers at least this time of sending, ms; the last so many are weighed, each by this much less than the next. */
const OBSERVATION_TIME = 250;
const OBSERVATIONS = 20;
const OBSERVATION_WEIGHT = 0.9;
/** Nothing is said before so many. */
const MIN_OBSERVATIONS = 3;
/** Candidates: the present rate times these, the throughput, and the delay-based estimate. */
const CANDIDATE_FACTORS: readonly number[] = [1.02, 1, 0.95];
const INITIAL_INHERENT_LOSS = 0.01;
const MIN_INHERENT_LOSS = 0.001;
/**
 * The most that is taken for inherent loss: this and, at small rates where few packets make noisy figures, more. The balances
 * are twice libwebrtc's: to a radio link that loses a tenth of everything they allow 3 Mbit/s rather than 1.5.
 */
const MAX_INHERENT_LOSS_OFFSET = 0.05;
const INHERENT_LOSS_BALANCE = 150_000;
/** One damped Newton step on the likelihood a candidate and observation. */
const NEWTON_STEP = 0.75;
/** Preference for higher rates, linear (per kbit/s) and logarithmic; fades where the average loss nears the threshold. */
const HIGH_RATE_BIAS = 0.0002;
const HIGH_RATE_LOG_BIAS = 0.02;
const HIGH_RATE_LOSS_THRESHOLD = 0.15;
const HIGH_RATE_SMOOTHING = 0.002;
/** Loss beyond the offset bounds the rate at once: balance / (loss - offset). */
const INSTANT_LOSS_OFFSET = 0.05;
const INSTANT_BALANCE = 150_000;
/** After a decrease the rate grows by no more than this factor in this time, ms. */
const MAX_INCREASE = 1.3;
const INCREASE_WINDOW = 300;

export type LossState = 'none' | 'decreasing' | 'increasing';

interface Candidate {
  bitrate: number;
  inherentLoss: number;
}

export class LossBasedEstimator {
  /** Rings of observations: packets, lost packets, rate at which they were sent (bit/s). */
  readonly #packets = new Float64Array(OBSERVATIONS);
  readonly #lost = new Float64Array(OBSERVATIONS);
  readonly #rates = new Float64Array(OBSERVATIONS);
  #observations = 0;
  /** The observation under way. */
  #nowPackets = 0;
  #nowLost = 0;
  #nowBytes = 0;
  #nowFirst = Number.POSITIVE_INFINITY;
  #nowLast = Number.NEGATIVE_INFINITY;
  #best: Candidate;
  readonly #candidate: Candidate = { bitrate: 0, inherentLoss: 0 };
  #state: LossState = 'none';
  #min: number;
  #max: number;
  #increaseWindowEnd = Number.NEGATIVE_INFINITY;
  #increaseLimit = Number.POSITIVE_INFINITY;
  #averageLoss = 0;

  constructor(min: number, max: number) {
    this.#min = min;
    this.#max = max;
    this.#best = { bitrate: Number.POSITIVE_INFINITY, inherentLoss: INITIAL_INHERENT_LOSS };
  }

  /** bit/s; infinite while losses say nothing. */
  get bitrate(): number {
    return this.#observations < MIN_OBSERVATIONS || this.#state === 'none' ? Number.POSITIVE_INFINITY : this.#best.bitrate;
  }

  /** Which way the rate goes while losses limit it. */
  get state(): LossState {
    return this.#state;
  }

  /** Weighted part of the packets lost lately, 0..1. */
  get averageLoss(): number {
    return this.#averageLoss;
  }

  /** Part of the packets that is lost whatever the rate, 0..1. */
  get inherentLoss(): number {
    return this.#best.inherentLoss;
  }

  setLimits(min: number, max: number): void {
    this.#min = min;
    this.#max = max;
  }

  /** Starts over at a rate that another estimate found. */
  reset(): void {
    this.#observations = 0;
    this.#nowPackets = 0;
    this.#nowLost = 0;
    this.#nowBytes = 0;
    this.#nowFirst = Number.POSITIVE_INFINITY;
    this.#nowLast = Number.NEGATIVE_INFINITY;
    this.#best = { bitrate: Number.POSITIVE_INFINITY, inherentLoss: INITIAL_INHERENT_LOSS };
    this.#state = 'none';
    this.#averageLoss = 0;
  }

  /** One feedback message. `delayBased`: the delay-based estimate; `throughput`: what gets through, if known; both bit/s. */
  update(
    results: PacketResults,
    delayBased: number,
    throughput: number | undefined,
    applicationLimited: boolean,
    now: number,
  ): void {
    if (this.#state === 'none') this.#best.bitrate = delayBased;
    if (!this.#observe(results)) return;
    if (this.#observations < MIN_OBSERVATIONS) return;
    this.#averageLoss = this.#weightedLoss();
    const before = this.#best.bitrate;
    const best = this.#choose(delayBased, throughput, applicationLimited);
    let bitrate = best.bitrate;
    // Losses that the model cannot yet tell from congestion are no ground for more.
    if (bitrate > before && this.#state !== 'none' && best.inherentLoss < this.#averageLoss) bitrate = before;
    if (this.#state !== 'none' && now < this.#increaseWindowEnd) bitrate = Math.min(bitrate, this.#increaseLimit);
    bitrate = Math.min(bitrate, this.#instantLimit());
    bitrate = Math.max(this.#min, Math.min(this.#max, bitrate));
    this.#best.inherentLoss = best.inherentLoss;
    this.#conclude(bitrate, before, delayBased, now);
  }

  #conclude(bitrate: number, before: number, delayBased: number, now: number): void {
    if (bitrate >= delayBased) {
      this.#best.bitrate = delayBased;
      this.#state = 'none';
      return;
    }
    this.#best.bitrate = bitrate;
    if (bitrate < before || this.#state === 'none') this.#state = 'decreasing';
    else if (bitrate > before) this.#state = 'increasing';
    if (now >= this.#increaseWindowEnd || bitrate < before) {
      this.#increaseWindowEnd = now + INCREASE_WINDOW;
      this.#increaseLimit = Math.max(this.#min, bitrate) * MAX_INCREASE;
    }
  }

  /** Adds results to the observation under way; returns whether it is complete. */
  #observe(results: PacketResults): boolean {
    for (let i = 0; i < results.count; i++) {
      const late = results.late[i] === 1;
      const lost = Number.isNaN(results.arrivalTimes[i]!);
      if (late) {
        // Counted already, as lost.
        if (this.#nowLost > 0) this.#nowLost--;
        continue;
      }
      this.#nowPackets++;
      if (lost) this.#nowLost++;
      this.#nowBytes += results.sizes[i]!;
      const sent = results.sendTimes[i]!;
      if (sent < this.#nowFirst) this.#nowFirst = sent;
      if (sent > this.#nowLast) this.#nowLast = sent;
    }
    const duration = this.#nowLast - this.#nowFirst;
    if (!(duration >= OBSERVATION_TIME)) return false;
    const at = this.#observations % OBSERVATIONS;
    this.#packets[at] = this.#nowPackets;
    this.#lost[at] = this.#nowLost;
    this.#rates[at] = (this.#nowBytes * 8000) / duration;
    this.#observations++;
    this.#nowPackets = 0;
    this.#nowLost = 0;
    this.#nowBytes = 0;
    this.#nowFirst = this.#nowLast;
    this.#nowLast = Number.NEGATIVE_INFINITY;
    return true;
  }

  #choose(delayBased: number, throughput: number | undefined, applicationLimited: boolean): Candidate {
    const present = this.#best;
    let bestValue = Number.NEGATIVE_INFINITY;
    const best = { bitrate: present.bitrate, inherentLoss: present.inherentLoss };
    const consider = (bitrate: number): void => {
      const candidate = this.#candidate;
      candidate.bitrate = Math.max(this.#min, bitrate);
      candidate.inherentLoss = this.#fitInherentLoss(candidate.bitrate, present.inherentLoss);
      const value = this.#likelihood(candidate);
      if (value > bestValue) {
        bestValue = value;
        best.bitrate = candidate.bitrate;
        best.inherentLoss = candidate.inherentLoss;
      }
    };
    for (const factor of CANDIDATE_FACTORS) consider(Math.min(present.bitrate * factor, Math.max(delayBased, present.bitrate)));
    if (throughput !== undefined && !applicationLimited && throughput < present.bitrate) consider(throughput);
    if (delayBased > present.bitrate) consider(delayBased);
    return best;
  }

  #fitInherentLoss(bitrate: number, start: number): number {
    let first = 0;
    let second = 0;
    const count = Math.min(this.#observations, OBSERVATIONS);
    for (let i = 0; i < count; i++) {
      const weight = this.#weight(i);
      const lost = this.#lost[i]!;
      const received = this.#packets[i]! - lost;
      const p = lossProbability(start, bitrate, this.#rates[i]!);
      first += weight * (lost / p - received / (1 - p));
      second -= weight * (lost / (p * p) + received / ((1 - p) * (1 - p)));
    }
    const fitted = second === 0 ? start : start - (NEWTON_STEP * first) / second;
    const upper = Math.min(1, MAX_INHERENT_LOSS_OFFSET + INHERENT_LOSS_BALANCE / bitrate);
    return Math.min(upper, Math.max(MIN_INHERENT_LOSS, fitted));
  }

  #likelihood({ bitrate, inherentLoss }: Candidate): number {
    const kbit = bitrate / 1000;
    const headroom = HIGH_RATE_LOSS_THRESHOLD - this.#averageLoss;
    const fade = headroom / (Math.abs(headroom) + HIGH_RATE_SMOOTHING);
    const bias = fade * (HIGH_RATE_BIAS * kbit + HIGH_RATE_LOG_BIAS * Math.log(1 + kbit));
    let value = 0;
    const count = Math.min(this.#observations, OBSERVATIONS);
    for (let i = 0; i < count; i++) {
      const lost = this.#lost[i]!;
      const packets = this.#packets[i]!;
      const p = lossProbability(inherentLoss, bitrate, this.#rates[i]!);
      value += this.#weight(i) * (lost * Math.log(p) + (packets - lost) * Math.log(1 - p) + bias * packets);
    }
    return value;
  }

  #instantLimit(): number {
    const excess = this.#averageLoss - INSTANT_LOSS_OFFSET;
    return excess > 0 ? INSTANT_BALANCE / excess : Number.POSITIVE_INFINITY;
  }

  #weightedLoss(): number {
    let lost = 0;
    let packets = 0;
    const count = Math.min(this.#observations, OBSERVATIONS);
    for (let i = 0; i < count; i++) {
      const weight = this.#weight(i);
      lost += weight * this.#lost[i]!;
      packets += weight * this.#packets[i]!;
    }
    return packets > 0 ? lost / packets : 0;
  }

  /** By age: 1 for the newest observation. `index`: place in the ring. */
  #weight(index: number): number {
    const newest = (this.#observations - 1) % OBSERVATIONS;
    return WEIGHTS[(newest - index + OBSERVATIONS) % OBSERVATIONS]!;
  }
}

const WEIGHTS = Float64Array.from({ length: OBSERVATIONS }, (_, age) => OBSERVATION_WEIGHT ** age);

/** Of a packet sent at `rate` on a path that carries `bitrate` and loses `inherent` in any case. */
function lossProbability(inherent: number, bitrate: number, rate: number): number {
  const excess = rate > bitrate ? (1 - inherent) * ((rate - bitrate) / rate) : 0;
  return Math.min(1 - 1e-6, Math.max(1e-6, inherent + excess));
}
