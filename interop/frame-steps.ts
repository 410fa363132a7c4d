/** Whether frames that came are frames that were made, without a gap: by the steps between their times. */

/** RTP ticks of a picture in a µs, and what rounding may take. */
export const VIDEO_CLOCK = 0.09;
const ROUNDING = 2;
/** RTP ticks of one packet of Opus. */
export const AUDIO_STEP = 960;

/** From each to the next; RTP timestamps wrap. */
export const steps = (times: readonly number[], factor = 1): number[] =>
  times.slice(1).map((time, index) => Math.round(((time - times[index]!) * factor) | 0));

/** Whether `part` stands in `whole` without a gap. */
export function isRun(part: readonly number[], whole: readonly number[]): boolean {
  return whole.some(
    (_, from) =>
      from + part.length <= whole.length && part.every((step, index) => Math.abs(step - whole[from + index]!) <= ROUNDING),
  );
}
