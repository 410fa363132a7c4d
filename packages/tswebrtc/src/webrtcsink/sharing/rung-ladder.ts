/**
 * The bitrates at which a shared encoding may sit. A geometric ladder: few enough steps that consumers meet on them, near
 * enough that nobody loses more than a third of what the path carries. Units: bit/s.
 */

/** From one rung to the next. */
const FACTOR = 1.5;
/** Below this no encoder makes a picture worth sharing. */
const LOWEST = 64_000;
/** No estimate is so exact that less than this part of a rung is missing. */
const TOLERANCE = 0.01;

export class RungLadder {
  /** Ascending; the last is the maximum itself. */
  readonly rungs: readonly number[];

  constructor(min: number, max: number) {
    const rungs = [max];
    const lowest = Math.max(min, LOWEST);
    while (rungs[0]! / FACTOR >= lowest) rungs.unshift(Math.round(rungs[0]! / FACTOR));
    this.rungs = rungs;
  }

  /** Index of the highest rung that `bitrate` can pay for; the lowest one where none is. */
  highestWithin(bitrate: number): number {
    const { rungs } = this;
    let index = rungs.length - 1;
    while (index > 0 && rungs[index]! * (1 - TOLERANCE) > bitrate) index--;
    return index;
  }
}
