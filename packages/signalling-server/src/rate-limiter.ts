/**
 * How fast a peer may speak. Each kind of message has a leaky bucket of its own, so that a flood of one kind does not take the
 * room of another, and each peer has its own buckets, so that it takes nobody else's.
 */

/**
 * What is counted together. Messages of sessions (`peer`, and the ends of sessions) count against a bucket that grows with the
 * number of those it is in session with: a producer with a thousand consumers has a thousand times as much to say.
 */
export type RateKind = 'peer' | 'startSession' | 'setPeerStatus' | 'list' | 'invalid' | 'ping';

export type RateLimits = Readonly<Record<RateKind, number>>;

/** Messages a second. */
export const DEFAULT_RATES: RateLimits = { peer: 50, startSession: 50, setPeerStatus: 20, list: 20, invalid: 10, ping: 10 };

/** A burst may be this many seconds' worth. */
const BURST = 4;

const KIND_OF: Readonly<Record<string, RateKind>> = {
  peer: 'peer',
  endSession: 'peer',
  endSessionV1_1: 'peer',
  startSession: 'startSession',
  setPeerStatus: 'setPeerStatus',
  setProtocolVersion: 'setPeerStatus',
  list: 'list',
  listConsumers: 'list',
  iceServers: 'list',
};

/** The kind of a message by its `type`. */
export function rateKind(type: string): RateKind {
  return KIND_OF[type] ?? 'invalid';
}

interface Bucket {
  level: number;
  /** What the level may not exceed, when it was last looked at. */
  capacity: number;
  /** Time (ms) at which `level` was true. */
  at: number;
}

/** However many it is in session with: more is a load that no peer may be to a server. */
const MOST_PARTNERS = 1_000;

export class RateLimiter {
  readonly #limits: RateLimits;
  readonly #buckets: Partial<Record<RateKind, Bucket>> = {};

  constructor(limits: RateLimits) {
    this.#limits = limits;
  }

  /**
   * Counts a message at time `now` (ms). False when it is one too many.
   * @param partners asked with how many others the peer is in session, where that matters
   */
  take(kind: RateKind, now: number, partners: () => number): boolean {
    const least = this.#limits[kind];
    const bucket = (this.#buckets[kind] ??= { level: 0, capacity: least * BURST, at: now });
    // One session's worth is everybody's: for most messages nobody has to count.
    const isPlain = kind !== 'peer' || (bucket.level + 1 <= least * BURST && bucket.capacity === least * BURST);
    const rate = isPlain ? least : least * (1 + Math.min(partners(), MOST_PARTNERS));
    const capacity = rate * BURST;
    // Whose sessions have ended is held to account for what it said in those that are left.
    if (capacity < bucket.capacity) bucket.level *= capacity / bucket.capacity;
    bucket.capacity = capacity;
    bucket.level = Math.max(0, bucket.level - ((now - bucket.at) / 1000) * rate);
    bucket.at = now;
    if (bucket.level + 1 > capacity) return false;
    bucket.level++;
    return true;
  }

  /** Counts what a message has cost besides, in messages; that may exceed the limit, and is to be waited for. */
  charge(kind: RateKind, messages: number): void {
    const bucket = this.#buckets[kind];
    if (bucket) bucket.level += messages;
  }
}
