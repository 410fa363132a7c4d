import { describe, expect, it } from 'vitest';
import { type RateControl, TICKS_PER_SECOND, timeWarp } from './rate-control.ts';

const NOMINAL = 1_000_000;
const FRAME = TICKS_PER_SECOND / 30;

/** Gives `count` frames, each of `bits`; returns which were encoded and how much time the encoder was told of, s. */
function feed(control: RateControl, count: number, bits: number): { encoded: boolean[]; told: number } {
  const encoded: boolean[] = [];
  let first: number | undefined;
  let last = 0;
  for (let i = 0; i < count; i++) {
    const stamp = control.stamp(FRAME, FRAME, false);
    encoded.push(stamp !== undefined);
    if (!stamp) continue;
    first ??= stamp.pts;
    last = stamp.pts;
    control.spent?.(bits);
  }
  return { encoded, told: (last - (first ?? 0)) / TICKS_PER_SECOND };
}

describe('time-warp', () => {
  it('tells an encoder on its target the time at which its nominal rate makes that target', () => {
    const { told } = feed(timeWarp(NOMINAL, 3_000_000), 31, 100_000);
    expect(told).toBeCloseTo(3, 1);
  });

  it('tells an encoder that spends too much of less time, and gives up frames when that does not help', () => {
    const { encoded, told } = feed(timeWarp(NOMINAL, NOMINAL), 300, 66_667);
    expect(told).toBeLessThan(5);
    const share = encoded.slice(150).filter(Boolean).length / 150;
    expect(share).toBeGreaterThan(0.45);
    expect(share).toBeLessThan(0.55);
    expect(encoded.slice(150).join()).not.toContain('false,false,false');
  });

  it('never gives up a keyframe', () => {
    const control = timeWarp(NOMINAL, NOMINAL);
    control.spent?.(10 * NOMINAL);
    expect(control.stamp(FRAME, FRAME, false)).toBeUndefined();
    expect(control.stamp(FRAME, FRAME, true)).toBeDefined();
  });

  it('rises step by step', () => {
    const control = timeWarp(NOMINAL, 200_000);
    feed(control, 10, 6667);
    control.setBitrate(2_000_000);
    const durations = Array.from({ length: 15 }, () => control.stamp(FRAME, FRAME, false)!.duration);
    for (let i = 1; i < durations.length; i++) expect(durations[i]! / durations[i - 1]!).toBeLessThan(1.21);
    expect(durations.at(-1)).toBe(2 * FRAME);
  });

  it('saves up next to nothing in a pause', () => {
    const control = timeWarp(NOMINAL, NOMINAL);
    control.stamp(FRAME, FRAME, false);
    const before = control.stamp(FRAME, FRAME, false)!.pts;
    expect(control.stamp(60 * TICKS_PER_SECOND, FRAME, false)!.pts - before).toBeLessThanOrEqual(TICKS_PER_SECOND / 2);
    control.spent?.(NOMINAL);
    expect(control.stamp(FRAME, FRAME, false)).toBeUndefined();
  });
});
