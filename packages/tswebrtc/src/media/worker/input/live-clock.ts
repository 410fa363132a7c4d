/**
 * Where packets that are handed on as they come lie on the input's timeline. The spacing is the sender's; the place is that of
 * arrival, anew where the two part: after an interruption, a leap of the sender's clock, or a backlog that came at once.
 * Sans-IO: µs.
 */

/** A sender's clock does not run ahead: what seems to be early came late before, or came as a backlog. */
const MOST_AHEAD = 50_000;
/** What is later than this is of another beginning. */
const MOST_BEHIND = 3_000_000;

export class LiveClock {
  /** From the sender's clock to the timeline; undefined before the first packet. */
  #shift: number | undefined;
  #newest = 0;

  /** A packet of the sender's `time` (undefined where it does not say) came at `now`. */
  place(time: number | undefined, now: number): number {
    if (time === undefined) return this.#remember(now);
    this.#shift ??= Math.max(now, this.#newest) - time;
    const ahead = time + this.#shift - now;
    if (ahead > MOST_AHEAD || ahead < -MOST_BEHIND) this.#shift = now - time;
    return this.#remember(time + this.#shift);
  }

  /** What comes is of another beginning. */
  restart(): void {
    this.#shift = undefined;
  }

  #remember(time: number): number {
    this.#newest = Math.max(this.#newest, time);
    return time;
  }
}
