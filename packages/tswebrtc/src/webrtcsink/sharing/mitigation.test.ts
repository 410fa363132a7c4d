import { describe, expect, it } from 'vitest';
import { encodingCost, Mitigation } from './mitigation.ts';

const SOURCE = { width: 1920, height: 1080, framerate: 30 };
const BOTH = ['downscaled', 'downsampled'] as const;

describe('Mitigation', () => {
  it("begins at the original's thresholds", () => {
    const at = (bitrate: number) => new Mitigation(SOURCE, BOTH, bitrate).format;
    expect(at(2_000_000)).toEqual({});
    expect(at(1_999_999)).toEqual({ height: 720 });
    expect(at(999_999)).toEqual({ height: 360 });
    expect(at(499_999)).toEqual({ height: 360, framerate: 15 });
  });

  it('goes down at once, and up with a margin after a while, so that a swaying rate makes no keyframes', () => {
    const mitigation = new Mitigation(SOURCE, BOTH, 3_000_000);
    expect(mitigation.setBitrate(1_500_000, 0)).toBe(true);
    let changes = 0;
    for (let now = 100; now < 30_000; now += 100) if (mitigation.setBitrate(2_000_000 + (now % 200) * 1000, now)) changes++;
    expect(changes).toBe(0);
    expect(mitigation.setBitrate(3_000_000, 31_000)).toBe(false);
    expect(mitigation.setBitrate(3_000_000, 33_000)).toBe(true);
    expect(mitigation.format).toEqual({});
  });

  it('does what it may, and tells only what has an effect', () => {
    expect(new Mitigation(SOURCE, [], 100_000).format).toEqual({});
    expect(new Mitigation(SOURCE, ['downsampled'], 100_000).format).toEqual({ framerate: 15 });
    const small = new Mitigation({ width: 320, height: 180, framerate: 0 }, BOTH, 100_000);
    expect(small.format).toEqual({});
    expect(small.active).toEqual([]);
  });
});

it('an encoding costs what its pictures do', () => {
  expect(encodingCost(SOURCE, BOTH, 3_000_000)).toBeCloseTo(1.05);
  expect(encodingCost(SOURCE, [], 100_000)).toBeCloseTo(1.05);
  expect(encodingCost(SOURCE, BOTH, 1_500_000)).toBeCloseTo(0.05 + (720 / 1080) ** 2);
  expect(encodingCost(SOURCE, BOTH, 300_000)).toBeCloseTo(0.05 + (360 / 1080) ** 2 / 2);
  expect(encodingCost({ width: 1280, height: 720, framerate: 0 }, BOTH, 3_000_000)).toBeCloseTo(0.494, 2);
});
