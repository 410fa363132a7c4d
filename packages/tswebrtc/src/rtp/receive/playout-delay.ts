/**
 * How long frames are to wait so that they can be given out evenly though they come unevenly: the delay that all but a few of
 * the last frames would have needed, within bounds. Sans-IO: times in ms.
 */

/** Frames looked at: 3 to 5 s of video, 2.5 s of sound. */
const FRAMES = 128;
/** The part of them that comes in time. */
const PART = 0.97;
/** The least transit time is remembered for one to two of these, ms: clocks drift and routes change. */
const BASE_WINDOW = 10_000;

export interface PlayoutBounds {
  /** Least and most that a frame waits beyond the fastest one, ms. */
  readonly floor: number;
  readonly ceiling: number;
}

export class PlayoutDelay {
  readonly #bounds: PlayoutBounds;
  /** Least difference of arrival and media time, in this window and in the one before: whatever the clocks, it is no delay. */
  #newer = Number.POSITIVE_INFINITY;
  #older = Number.POSITIVE_INFINITY;
  #windowStart = Number.NEGATIVE_INFINITY;
  /** How much later than the fastest the last frames were whole. */
  readonly #late = new Float64Array(FRAMES);
  readonly #sorted = new Float64Array(FRAMES);
  #count = 0;
  #target: number;

  constructor(bounds: PlayoutBounds) {
    this.#bounds = bounds;
    this.#target = bounds.floor;
  }

  /** ms that frames wait beyond the fastest. */
  get target(): number {
    return this.#target;
  }

  /** A frame was whole at `now`. `mediaTime`: its place on the sender's clock, ms. */
  frame(mediaTime: number, now: number): void {
    const transit = now - mediaTime;
    if (now - this.#windowStart >= BASE_WINDOW) {
      this.#older = this.#newer;
      this.#newer = Number.POSITIVE_INFINITY;
      this.#windowStart = now;
    }
    if (transit < this.#newer) this.#newer = transit;
    this.#late[this.#count++ % FRAMES] = transit - this.#base;
    // There is nothing to choose.
    if (this.#bounds.floor === this.#bounds.ceiling) return;
    const count = Math.min(this.#count, FRAMES);
    const sorted = this.#sorted.subarray(0, count);
    sorted.set(this.#late.subarray(0, count));
    sorted.sort();
    const needed = sorted[Math.min(count - 1, Math.floor(PART * count))]!;
    this.#target = Math.max(this.#bounds.floor, Math.min(this.#bounds.ceiling, needed));
  }

  /** When a frame is to be given out, ms. */
  playTime(mediaTime: number): number {
    return this.#count === 0 ? Number.NEGATIVE_INFINITY : this.#base + mediaTime + this.#target;
  }

  /** When a frame can be waited for no longer, ms. */
  deadline(mediaTime: number): number {
    return this.#count === 0 ? Number.POSITIVE_INFINITY : this.#base + mediaTime + this.#bounds.ceiling;
  }

  /** The sender's clock has leapt: nothing of before holds. */
  reset(): void {
    this.#newer = this.#older = Number.POSITIVE_INFINITY;
    this.#windowStart = Number.NEGATIVE_INFINITY;
    this.#count = 0;
    this.#target = this.#bounds.floor;
  }

  get #base(): number {
    return Math.min(this.#newer, this.#older);
  }
}
