/**
 * Decides when an encoding makes the keyframe that its viewers ask for. Requests that come close together share one, so
 * that a storm of joins or of picture loss indications costs the viewers that are already there as little as possible.
 * Sans-IO: time in ms is an argument.
 */

/** Two keyframes of one encoding are at least this far apart, ms. */
export const KEYFRAME_INTERVAL = 300;

export class KeyframeGovernor {
  #last = Number.NEGATIVE_INFINITY;
  #due: number | undefined;

  /** Somebody needs a keyframe. Returns the time at which to call `take`, or undefined when that is arranged already. */
  request(now: number): number | undefined {
    if (this.#due !== undefined) return undefined;
    this.#due = Math.max(now, this.#last + KEYFRAME_INTERVAL);
    return this.#due;
  }

  /** Whether the encoder is to be told now. */
  take(now: number): boolean {
    if (this.#due === undefined || now < this.#due) return false;
    this.#last = now;
    this.#due = undefined;
    return true;
  }

  /** The encoder made a keyframe, asked or not: whoever waits has it. */
  made(now: number): void {
    this.#last = now;
    this.#due = undefined;
  }
}
