/** What light viewers saw in a stretch of time. Times are ms of `sharedClock()`. */
import { BIN, type Seen } from './light-viewer.ts';

export interface Span {
  readonly from: number;
  readonly to: number;
}

/** bit/s of RTP, from whole bins. */
export function bitrate({ asked, bins }: Seen, { from, to }: Span): number {
  const first = Math.max(0, Math.ceil((from - asked) / BIN));
  const last = Math.max(first + 1, Math.floor((to - asked) / BIN));
  const bytes = bins.slice(first, last).reduce((sum, value) => sum + value, 0);
  return (bytes * 8000) / ((last - first) * BIN);
}

/** Frames complete, a second. */
export function framerate(seen: Seen, span: Span): number {
  return (1000 * framesIn(seen, span).length) / (span.to - span.from);
}

/** ms; the longest time without a new frame, gaps that reach into the span cut off at its borders. */
export function longestGap(seen: Seen, { from, to }: Span): number {
  let last = from;
  let longest = 0;
  for (const { time } of seen.frames) {
    if (time <= from) continue;
    longest = Math.max(longest, Math.min(time, to) - last);
    if (time >= to) return longest;
    last = time;
  }
  return Math.max(longest, to - last);
}

/** Mean bytes of the frames between keyframes. */
export function frameSize(seen: Seen, span: Span): number {
  return mean(framesIn(seen, span).flatMap(({ keyframe, bytes }) => (keyframe ? [] : [bytes])));
}

/** Mean quantiser index of all frames; not a number where the codec is not looked at. */
export function quantiser(seen: Seen, span: Span): number {
  return mean(framesIn(seen, span).flatMap((frame) => frame.quantiser ?? []));
}

export function keyframes(seen: Seen, span: Span): number {
  return framesIn(seen, span).filter(({ keyframe }) => keyframe).length;
}

export function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
}

function framesIn({ frames }: Seen, { from, to }: Span): Seen['frames'] {
  return frames.filter(({ time }) => time >= from && time < to);
}
