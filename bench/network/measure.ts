/** What a recording says of a stretch of time. Times are ms since the epoch. */
import { FRAMERATE } from './moving-picture.ts';
import type { Recording, Sample } from './page.ts';

/** ms by which a frame may come late before the picture counts as frozen; the 150 ms of the W3C's freezeCount. */
const PATIENCE = 150;
/** ms from one frame to the next that make a freeze, of a source of 30 frames a second. */
export const FREEZE = 1000 / FRAMERATE + PATIENCE;

export interface Freezes {
  readonly count: number;
  /** ms; whole gaps, as the W3C's totalFreezesDuration counts them */
  readonly total: number;
  /** ms; the longest gap between two presented frames, frozen or not */
  readonly longest: number;
}

/** Gaps between presented frames that reach into the stretch, the parts before and after it cut off. */
export function freezes({ frames }: Recording, from: number, to: number): Freezes {
  let count = 0;
  let total = 0;
  let longest = 0;
  let [last, lastPresented] = frames.findLast(([time]) => time < from) ?? [from, 0];
  const look = (time: number, presented: number): void => {
    // Where the page missed frames that were presented, they lay in between.
    const missed = lastPresented > 0 ? Math.max(1, presented - lastPresented) : 1;
    const gap = (Math.min(time, to) - Math.max(last, from)) / missed;
    longest = Math.max(longest, gap);
    if (gap <= FREEZE) return;
    count += missed;
    total += gap * missed;
  };
  for (const [time, presented] of frames) {
    if (time <= last) continue;
    look(time, presented);
    [last, lastPresented] = [time, presented];
    if (time > to) break;
  }
  if (last < to) look(to, lastPresented + 1);
  return { count, total, longest };
}

export interface Received {
  /** decoded a second */
  readonly framerate: number;
  /** bit/s, RTP headers and repair included */
  readonly bitrate: number;
  readonly lost: number;
  readonly received: number;
  readonly plis: number;
  readonly nacks: number;
  readonly keyframes: number;
  readonly retransmissions: number;
  /** s; the longest that connectivity checks took in the stretch */
  readonly roundTripTime: number;
  /** pixels, at the end */
  readonly height: number;
  /** mean quantiser index of the codec; lower is finer */
  readonly quantiser: number;
}

/** What came in a stretch of time, from the statistics at its borders. */
export function received({ samples }: Recording, from: number, to: number): Received {
  const [first, last] = [at(samples, from), at(samples, to)];
  const [a, b] = [first.inbound!, last.inbound!];
  const seconds = (last.time - first.time) / 1000;
  const since = (key: keyof typeof a): number => Number(b[key] ?? 0) - Number(a[key] ?? 0);
  return {
    framerate: since('framesDecoded') / seconds,
    bitrate: (8 * (since('bytesReceived') + since('headerBytesReceived'))) / seconds,
    lost: since('packetsLost'),
    received: since('packetsReceived'),
    plis: since('pliCount'),
    nacks: since('nackCount'),
    keyframes: since('keyFramesDecoded'),
    retransmissions: since('retransmittedPacketsReceived'),
    roundTripTime: Math.max(
      0,
      ...samples.filter(({ time }) => time >= from && time < to).map((sample) => sample.roundTripTime ?? 0),
    ),
    height: b.frameHeight ?? 0,
    quantiser: since('qpSum') / Math.max(1, since('framesDecoded')),
  };
}

function at(samples: readonly Sample[], time: number): Sample {
  const withInbound = samples.filter(({ inbound }) => inbound);
  const found = withInbound.findLast((sample) => sample.time <= time) ?? withInbound[0];
  if (!found) throw new Error('the browser reports no video that comes in');
  return found;
}

/** A value over time, each holding until the next. */
export type Series = readonly (readonly [time: number, value: number])[];

/** When `holds` first became true at or after `from` and before `to`, as ms after `from`; infinity where it never did. */
export function firstTime(series: Series, from: number, to: number, holds: (value: number) => boolean): number {
  if (holds(series.findLast(([time]) => time <= from)?.[1] ?? Number.NaN)) return 0;
  const found = series.find(([time, value]) => time > from && time < to && holds(value));
  return found ? found[0] - from : Number.POSITIVE_INFINITY;
}

/** From when on `holds` stayed true until `to`, as ms after `from`; infinity where it was not at the end. */
export function settledTime(series: Series, from: number, to: number, holds: (value: number) => boolean): number {
  const within = series.filter(([time]) => time < to);
  const last = within.findLastIndex(([, value]) => !holds(value));
  if (last === -1) return 0;
  const next = within[last + 1];
  return next ? Math.max(0, next[0] - from) : Number.POSITIVE_INFINITY;
}

export function values(series: Series, from: number, to: number): number[] {
  return series.filter(([time]) => time >= from && time < to).map(([, value]) => value);
}

export function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
}
