/**
 * How fast a peer may speak. Each kind of message has a leaky bucket of its own, so that a flood of one kind does not take the
 * room of another, and each peer has its own buckets, so that it takes nobody else's.
 */

/**
 * What is counted together. Messages of sessions (`peer`, and the ends of sessions) count against a bucket that grows with the
 * number of sessions: a producer with a thousand consumers has a thousand times as much to say.
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
  /** Time (ms) at which `level` was true. */
  at: number;
}

export class RateLimiter {
  readonly #limits: RateLimits;
  readonly #buckets: Partial<Record<RateKind, Bucket>> = {};

  constructor(limits: RateLimits) {
    this.#limits = limits;
  }

  /**
   * Counts a message at time `now` (ms). False when it is one too many.
   * @param sessions asked in how many sessions the peer is, where that matters
   */
  take(kind: RateKind, now: number, sessions: () => number): boolean {
    const bucket = (this.#buckets[kind] ??= { level: 0, at: now });
    let rate = this.#limits[kind];
    // One session's worth is everybody's: for most messages nobody has to count sessions.
    if (kind === 'peer' && bucket.level + 1 > rate * BURST) rate *= sessions() + 1;
    // Full at most: whose sessions have ended is not held to account for what it said in them.
    bucket.level = Math.min(Math.max(0, bucket.level - ((now - bucket.at) / 1000) * rate), rate * BURST);
    bucket.at = now;
    if (bucket.level + 1 > rate * BURST) return false;
    bucket.level++;
    return true;
  }
}
