/**
 * Sees the queue that stands. The trend of the delay is blind to it: once a tail-drop queue is full its delay is constant,
 * and the trendline says `normal` while every packet waits as long as packets can. So the height of the delay over the
 * least seen lately is watched too, and a queue that neither drains nor grows is drained by decreases. Where several of
 * them change nothing, somebody else keeps it full (TCP): then this flow stops giving way to delay, for it would only
 * starve, and lets losses alone tell it to slow down, as its rival does. From time to time it tries to drain again.
 *
 * Not in libwebrtc; the idea of switching between a delay-keeping and a competing mode is Copa's (Arun and Balakrishnan,
 * NSDI 2018, §2.2) and, for media, NADA's (RFC 8698 §4.2).
 */
import type { PacketResults } from './packet-results.ts';

/** A queue below this is no matter, ms. */
const LIMIT = 80;
/** A queue that was higher for so long stands, ms. */
const STANDING_TIME = 150;
/** A queue that shrank by this part since the last look drains by itself. */
const DRAINING = 0.1;
/** A decrease that works counts against so many that did not. */
const EFFECT_WEIGHT = 2;
/** A decrease after which the queue is not lower by this was in vain, ms. */
const EFFECT = 10;
/** So many decreases in vain, over at least this time (ms), mean competition: a fall of the capacity is over by then. */
const MAX_VAIN = 4;
const MIN_VAIN_TIME = 5000;
/** Competition is believed for so long after the last decrease in vain, ms; and this is how long the queue must stay low for it to be over sooner, ms. */
const COMPETING_TIME = 20_000;
const EMPTY = 25;
const CLEAR_TIME = 1000;
/** A queue that stays empty for so long is nobody's but ours, ms. */
const REST_TIME = 700;
/** Competition that ended so short a time ago is believed sooner: after so many decreases in vain, over this time, ms. */
const MEMORY = 30_000;
const MAX_VAIN_AGAIN = 2;
const MIN_VAIN_TIME_AGAIN = 1000;
/** The least delay is remembered for one to two of these, ms: routes change and clocks drift. */
const BASE_WINDOW = 20_000;

/** Nothing to see; hold the rate, the queue drains; lower it, the queue does not; a rival keeps it full. */
export type QueueVerdict = 'clear' | 'hold' | 'drain' | 'competing';

export class QueueMonitor {
  /** Least one-way delay, up to the unknown offset of the clocks, in this window and in the one before. */
  #newer = Number.POSITIVE_INFINITY;
  #older = Number.POSITIVE_INFINITY;
  #windowStart = Number.NEGATIVE_INFINITY;
  #queue = 0;
  #highSince: number | undefined;
  #emptySince: number | undefined;
  #lookedAt = 0;
  #lookedQueue = 0;
  /** The decrease whose effect is waited for, and the delay it met. */
  #judged = Number.NEGATIVE_INFINITY;
  #pending: number | undefined;
  #pendingQueue = 0;
  #vain = 0;
  #vainSince = 0;
  #competingUntil = Number.NEGATIVE_INFINITY;

  /** ms that the least delayed packet of the last feedback waited. */
  get queueDelay(): number {
    return this.#queue;
  }

  /** One feedback message. `interval`: ms that a decrease takes to show; `lastDecrease`: when there was one, ms. */
  update(results: PacketResults, interval: number, lastDecrease: number | undefined, now: number): QueueVerdict {
    if (results.received > 0) this.#queue = this.#measure(results, now);
    this.#judge(interval, lastDecrease, now);
    if (this.#queue > EMPTY) this.#emptySince = undefined;
    else this.#emptySince ??= now;
    if (this.#emptySince !== undefined && now - this.#emptySince >= REST_TIME) this.#vain = 0;
    if (this.#emptySince !== undefined && now - this.#emptySince >= CLEAR_TIME) this.#competingUntil = Number.NEGATIVE_INFINITY;
    if (this.#queue < LIMIT) {
      this.#highSince = undefined;
    } else if (this.#highSince === undefined) {
      this.#highSince = now;
      this.#look(now);
    }
    if (now < this.#competingUntil) return 'competing';
    if (this.#highSince === undefined || now - this.#highSince < STANDING_TIME) return 'clear';
    if (now - Math.max(this.#lookedAt, lastDecrease ?? Number.NEGATIVE_INFINITY) < interval) return 'hold';
    const draining = this.#queue < this.#lookedQueue * (1 - DRAINING);
    this.#look(now);
    return draining ? 'hold' : 'drain';
  }

  /** Forgets what the queue did, as after silence. */
  reset(): void {
    this.#queue = 0;
    this.#highSince = undefined;
    this.#pending = undefined;
    this.#vain = 0;
    this.#competingUntil = Number.NEGATIVE_INFINITY;
  }

  /** Whether decreases have an effect. */
  #judge(interval: number, lastDecrease: number | undefined, now: number): void {
    if (this.#pending !== undefined && now - this.#pending >= interval) {
      if (this.#queue > this.#pendingQueue - EFFECT) {
        if (this.#vain++ === 0) this.#vainSince = this.#pending;
      } else {
        this.#vain = Math.max(0, this.#vain - EFFECT_WEIGHT);
      }
      this.#pending = undefined;
      const again = now - this.#competingUntil < MEMORY;
      if (
        this.#vain >= (again ? MAX_VAIN_AGAIN : MAX_VAIN) &&
        now - this.#vainSince >= (again ? MIN_VAIN_TIME_AGAIN : MIN_VAIN_TIME)
      ) {
        this.#vain = 0;
        this.#competingUntil = now + COMPETING_TIME;
      }
    }
    if (this.#pending === undefined && lastDecrease !== undefined && lastDecrease > this.#judged) {
      this.#judged = lastDecrease;
      this.#pending = lastDecrease;
      this.#pendingQueue = this.#queue;
    }
  }

  #look(now: number): void {
    this.#lookedAt = now;
    this.#lookedQueue = this.#queue;
  }

  #measure(results: PacketResults, now: number): number {
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < results.received; i++) {
      const row = results.order[i]!;
      const delay = results.arrivalTimes[row]! - results.sendTimes[row]!;
      if (delay < least) least = delay;
    }
    if (now - this.#windowStart >= BASE_WINDOW) {
      this.#older = this.#newer;
      this.#newer = Number.POSITIVE_INFINITY;
      this.#windowStart = now;
    }
    if (least < this.#newer) this.#newer = least;
    return least - Math.min(this.#newer, this.#older);
  }
}
