/**
 * Brings the timestamps of an application onto the monotonic clock. They may count from anywhere: the first one is taken for now,
 * and all tracks that share the clock share the relation, so that sound and picture stay together. Where they leap (an
 * application that stood still, a film that starts over) the relation begins anew.
 */

/** Timestamps further ahead of time than this leap, µs: no frame waits longer. */
const MAX_AHEAD = 5_000_000;
/** And those further behind, µs. */
const MAX_BEHIND = 1_000_000;

export class PushClock {
  #offset: number | undefined;

  /** When `timestamp` is due; `now` and the result on the monotonic clock, all in µs. */
  due(timestamp: number, now: number): number {
    this.#offset ??= now - timestamp;
    const ahead = timestamp + this.#offset - now;
    if (ahead > MAX_AHEAD || ahead < -MAX_BEHIND) this.#offset = now - timestamp;
    return timestamp + this.#offset;
  }
}
