/**
 * When to probe, and at what rate: at the start, while results keep rising, after a large drop, on leaving or within the
 * application-limited region, and when the application raises its bounds. Rules and figures of libwebrtc; where one is ours
 * it says so.
 */
import type { ProbeCluster } from './types.ts';

/** The first two probes, as multiples of the start bitrate. */
const FIRST_FACTOR = 3;
const SECOND_FACTOR = 6;
/** A result above this part of the probe calls for a further one, at this multiple of the estimate. */
const FURTHER_THRESHOLD = 0.7;
const FURTHER_FACTOR = 2;
/** A probe without a result for so long has none, ms. */
const RESULT_TIMEOUT = 1000;
/**
 * Ours: a probe of the start in which a busy machine was the limit says nothing, and growth alone takes seconds. It is sent
 * again so much later, ms, so many times.
 */
const RETRY_DELAY = 250;
const MAX_RETRIES = 3;
/** Later than this, ms, it is another probe that was spoilt. */
const START_TIME = 2000;
/** A train lasts this long at its rate, ms, and has so many packets. */
const TRAIN_DURATION = 15;
const TRAIN_PACKETS = 5;
/**
 * Ours: while the path is quiet (see `setQuiet`), a probe so often, ms (up to this part later, so that flows that share a
 * path do not probe in step), at this multiple of the estimate. Growth alone needs 16 s from a quarter of the capacity to
 * 0.8 of it; libwebrtc closes the gap by its estimate of the network's state, which is not public.
 */
const QUIET_INTERVAL = 3000;
const QUIET_SPREAD = 0.5;
const QUIET_FACTOR = 1.75;
/**
 * After one that found room, so soon again, ms: time for the media to take the room, and for the queue to tell. One probe
 * after another would climb on what a token bucket lets through at once, far beyond what the path carries.
 */
const QUIET_CONTINUATION = 700;
/** Its train is longer, ms, for on a path in use a short one measures the jitter; and so much of its result is believed. */
const QUIET_DURATION = 45;
const QUIET_TRUST = 0.85;
/** In the application-limited region: a probe so often, ms, at this multiple of the estimate. */
const ALR_INTERVAL = 5000;
const ALR_FACTOR = 2;
/** The region counts as just left for so long, ms. */
const ALR_ENDED_TIMEOUT = 3000;
/** An estimate below this part of the one before is a large drop. */
const LARGE_DROP = 0.66;
/** A drop may be probed away so long after it, ms, no more often than this, ms, at this part of the rate before. */
const DROP_TIMEOUT = 5000;
const MIN_RECOVERY_INTERVAL = 5000;
const RECOVERY_FACTOR = 0.85;
/** A recovery probe within this part of the present estimate is worth it. */
const RECOVERY_UNCERTAINTY = 0.05;
/** While losses hold the rate down but let it grow, a probe goes no further than this multiple. */
const LOSS_LIMITED_FACTOR = 1.5;
/** Nobody probes for more than this multiple of what the media can use. */
const ALLOCATED_FACTOR = 2;

/** A probe and what part of its result is to be believed, since others may use the path as well. */
export interface PlannedProbe extends ProbeCluster {
  readonly trust: number;
}

type ProbeState = 'initial' | 'waiting' | 'complete';

export class ProbeController {
  #state: ProbeState = 'initial';
  #estimate = 0;
  #max: number;
  #allocated = Number.POSITIVE_INFINITY;
  #lastProbe = 0;
  /** A result above this calls for a further probe; infinite where none is wanted. */
  #furtherAbove = Number.POSITIVE_INFINITY;
  #beforeDrop = 0;
  #dropTime = Number.NEGATIVE_INFINITY;
  #lastRecovery = Number.NEGATIVE_INFINITY;
  #alrSince: number | undefined;
  #quiet = false;
  /** The probe under way measures a path in full use. */
  #inUse = false;
  #alrEnded = Number.NEGATIVE_INFINITY;
  #loss: 'none' | 'decreasing' | 'increasing' = 'none';
  #started = Number.NEGATIVE_INFINITY;
  #retries = 0;
  #retryAt = Number.POSITIVE_INFINITY;
  #nextId = 1;
  readonly #pending: PlannedProbe[] = [];
  #seed = 1;
  /** The first one comes soon: what the probes of the start found is not believed in full. */
  #quietInterval = QUIET_CONTINUATION;

  /** `max`: bit/s. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Path and bounds are known: the first two probes. `seed`: of the spread of later ones, any number. */
  start(startBitrate: number, seed: number, now: number): void {
    this.#seed = seed;
    this.#started = now;
    this.#estimate = startBitrate;
    this.#probe([FIRST_FACTOR * startBitrate, SECOND_FACTOR * startBitrate], true, now);
  }

  /** The next probe to be sent; each is given once. */
  take(): PlannedProbe | undefined {
    return this.#pending.shift();
  }

  /** Since when the rate is not used, ms; undefined when it is. */
  setApplicationLimited(since: number | undefined, now: number): void {
    if (this.#alrSince !== undefined && since === undefined) this.#alrEnded = now;
    this.#alrSince = since;
  }

  /** Whether for a while neither delay nor loss has held the rate down, and the queue is empty. */
  setQuiet(quiet: boolean): void {
    this.#quiet = quiet;
  }

  setLossState(state: 'none' | 'decreasing' | 'increasing'): void {
    this.#loss = state;
  }

  /** The application's bound, bit/s. Raised above an estimate that it held down, it is probed. */
  setMax(max: number, now: number): void {
    const raised = max > this.#max && this.#state === 'complete' && this.#estimate >= 0.9 * this.#max;
    this.#max = max;
    if (raised) {
      this.#inUse = false;
      this.#probe([max], false, now);
    }
  }

  /** The most that the media can use, bit/s. Raised while the rate lies idle, it is probed. */
  setAllocated(allocated: number, now: number): void {
    const raised = allocated > this.#allocated && this.#state === 'complete' && this.#estimate < allocated;
    this.#allocated = allocated;
    if (!raised || this.#alrSince === undefined) return;
    this.#inUse = false;
    this.#probe([allocated, ALLOCATED_FACTOR * allocated], true, now);
  }

  /** The estimate changed, by a probe's result or otherwise; bit/s. */
  setEstimate(estimate: number, now: number): void {
    if (estimate < LARGE_DROP * this.#estimate) {
      this.#beforeDrop = this.#estimate;
      this.#dropTime = now;
    }
    this.#estimate = estimate;
    if (this.#state !== 'waiting' || estimate <= this.#furtherAbove) return;
    if (this.#inUse) {
      this.#state = 'complete';
      this.#furtherAbove = Number.POSITIVE_INFINITY;
      this.#quietInterval = QUIET_CONTINUATION;
    } else this.#probe([FURTHER_FACTOR * estimate], true, now);
  }

  /** The queue has drained after an overuse: if the drop was large and recent, see whether it was one. */
  recover(now: number): void {
    const limited = this.#alrSince !== undefined || now - this.#alrEnded < ALR_ENDED_TIMEOUT;
    if (!limited || this.#state !== 'complete') return;
    const suggested = RECOVERY_FACTOR * this.#beforeDrop;
    const worthIt = (1 - RECOVERY_UNCERTAINTY) * suggested > this.#estimate;
    if (!worthIt || now - this.#dropTime > DROP_TIMEOUT || now - this.#lastRecovery < MIN_RECOVERY_INTERVAL) return;
    this.#lastRecovery = now;
    this.#inUse = false;
    this.#probe([suggested], false, now);
  }

  /** A probe could not be sent or received at its rate. */
  retry(now: number): void {
    if (now - this.#started > START_TIME || this.#retries >= MAX_RETRIES || this.#retryAt !== Number.POSITIVE_INFINITY) return;
    this.#retries++;
    this.#retryAt = now + RETRY_DELAY;
  }

  /** Lets time pass; returns when to be called next, infinite when never. */
  process(now: number): number {
    if (now >= this.#retryAt) {
      this.#retryAt = Number.POSITIVE_INFINITY;
      if (this.#estimate < this.#max) {
        this.#inUse = false;
        this.#probe([FIRST_FACTOR * this.#estimate, SECOND_FACTOR * this.#estimate], true, now);
      }
    }
    return Math.min(this.#retryAt, this.#processState(now));
  }

  #processState(now: number): number {
    if (this.#state === 'waiting') {
      const end = this.#lastProbe + RESULT_TIMEOUT;
      if (now < end) return end;
      this.#state = 'complete';
      this.#furtherAbove = Number.POSITIVE_INFINITY;
    }
    if (this.#state !== 'complete') return Number.POSITIVE_INFINITY;
    if (this.#alrSince === undefined) {
      if (this.#quiet && now - this.#lastProbe >= this.#quietInterval) {
        this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
        this.#quietInterval = QUIET_INTERVAL * (1 + QUIET_SPREAD * (this.#seed / 0x100000000));
        this.#inUse = true;
        this.#probe([QUIET_FACTOR * this.#estimate], true, now);
      }
      return Number.POSITIVE_INFINITY;
    }
    const next = Math.max(this.#alrSince, this.#lastProbe) + ALR_INTERVAL;
    if (now < next) return next;
    this.#inUse = false;
    this.#probe([ALR_FACTOR * this.#estimate], true, now);
    return now + RESULT_TIMEOUT;
  }

  #probe(bitrates: readonly number[], further: boolean, now: number): void {
    // What holds the rate down is loss: no probe can tell how much more would fit.
    if (this.#loss === 'decreasing') return;
    const trust = this.#inUse ? QUIET_TRUST : 1;
    const cap = Math.min(
      // What is believed of it must be able to reach the bound.
      this.#max / trust,
      ALLOCATED_FACTOR * this.#allocated,
      this.#loss === 'increasing' ? LOSS_LIMITED_FACTOR * this.#estimate : Number.POSITIVE_INFINITY,
    );
    // Where the rate is in use and at its bound there is nothing to find. Where it is not in use, it may have become too high.
    if (this.#inUse && this.#state === 'complete' && cap * trust <= this.#estimate) {
      this.#lastProbe = now;
      return;
    }
    let wanted = further;
    let last = 0;
    for (const bitrate of bitrates) {
      const capped = Math.min(bitrate, cap);
      this.#pending.push({
        clusterId: this.#nextId++,
        bitrate: capped,
        minBytes: Math.ceil((capped * (this.#inUse ? QUIET_DURATION : TRAIN_DURATION)) / 8000),
        minPackets: TRAIN_PACKETS,
        trust,
      });
      last = capped;
      if (bitrate >= cap) {
        wanted = false;
        break;
      }
    }
    this.#lastProbe = now;
    this.#state = 'waiting';
    this.#furtherAbove = wanted ? FURTHER_THRESHOLD * last : Number.POSITIVE_INFINITY;
  }
}
