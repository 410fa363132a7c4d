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
const STANDING_TIME = 300;
/** A queue that shrank by this part since the last look drains by itself. */
const DRAINING = 0.1;
/** So many decreases in vain mean competition. */
const MAX_DECREASES = 5;
/** Competition is believed for so long, ms; and this is how long the queue must stay low for it to be over sooner, ms. */
const COMPETING_TIME = 20_000;
const CLEAR_TIME = 1000;
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
  #lowSince: number | undefined;
  #lookedAt = 0;
  #lookedQueue = 0;
  #lastDecrease: number | undefined;
  #decreases = 0;
  #competingUntil = Number.NEGATIVE_INFINITY;

  /** ms that the least delayed packet of the last feedback waited. */
  get queueDelay(): number {
    return this.#queue;
  }

  /** One feedback message. `interval`: ms that a decrease takes to show; `lastDecrease`: when there was one, ms. */
  update(results: PacketResults, interval: number, lastDecrease: number | undefined, now: number): QueueVerdict {
    if (results.received > 0) this.#queue = this.#measure(results, now);
    const competing = now < this.#competingUntil;
    if (this.#queue < LIMIT) {
      this.#lowSince ??= now;
      if (!competing || now - this.#lowSince >= CLEAR_TIME) this.#clear();
      return now < this.#competingUntil ? 'competing' : 'clear';
    }
    this.#lowSince = undefined;
    if (this.#highSince === undefined) {
      this.#highSince = now;
      this.#look(now);
    }
    if (competing) return 'competing';
    if (lastDecrease !== undefined && lastDecrease !== this.#lastDecrease && lastDecrease > this.#highSince) {
      this.#lastDecrease = lastDecrease;
      this.#decreases++;
    }
    if (now - this.#highSince < STANDING_TIME) return 'clear';
    if (now - Math.max(this.#lookedAt, lastDecrease ?? Number.NEGATIVE_INFINITY) < interval) return 'hold';
    const draining = this.#queue < this.#lookedQueue * (1 - DRAINING);
    this.#look(now);
    if (draining) return 'hold';
    if (this.#decreases < MAX_DECREASES) return 'drain';
    this.#decreases = 0;
    this.#competingUntil = now + COMPETING_TIME;
    return 'competing';
  }

  /** Forgets what the queue did, as after silence. */
  reset(): void {
    this.#queue = 0;
    this.#clear();
  }

  #clear(): void {
    this.#highSince = undefined;
    this.#decreases = 0;
    this.#competingUntil = Number.NEGATIVE_INFINITY;
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
