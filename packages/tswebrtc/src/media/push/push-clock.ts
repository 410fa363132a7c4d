/**
 * Brings the timestamps of an application onto the monotonic clock. They may count from anywhere: a track's first one is taken for now,
 * unless another track has one that fits, so that tracks with one timeline stay together and those with timelines of their own (of
 * RTP streams, say) do not disturb each other. Where timestamps leap (an application that stood still, a film that starts
 * over) a track begins anew, likewise.
 */

/** Timestamps further ahead of time than this leap, µs: no frame waits longer. */
const MAX_AHEAD = 5_000_000;
/** And those further behind, µs. */
const MAX_BEHIND = 1_000_000;

/** What the tracks of an application share. */
export class PushClock {
  /** From timestamps to the monotonic clock, µs, as the track has it that began last. */
  #offset: number | undefined;

  /** The clock of one track. */
  join(): TrackClock {
    let own: number | undefined;
    return {
      due: (timestamp, now) => {
        if (!fits(own, timestamp, now)) {
          if (!fits(this.#offset, timestamp, now)) this.#offset = now - timestamp;
          own = this.#offset;
        }
        return timestamp + own!;
      },
    };
  }
}

export interface TrackClock {
  /** When `timestamp` is due; `now` and the result on the monotonic clock, all in µs. */
  due(timestamp: number, now: number): number;
}

function fits(offset: number | undefined, timestamp: number, now: number): boolean {
  if (offset === undefined) return false;
  const ahead = timestamp + offset - now;
  return ahead <= MAX_AHEAD && ahead >= -MAX_BEHIND;
}
