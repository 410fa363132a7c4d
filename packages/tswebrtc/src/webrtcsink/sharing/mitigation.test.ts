import { describe, expect, it } from 'vitest';
import { configuredRule, encodingCost, Mitigation, type MitigationMode, type SourceFormat, thresholdRule } from './mitigation.ts';

const SOURCE = { width: 1920, height: 1080, framerate: 30 };
const BOTH = ['downscaled', 'downsampled'] as const;
const mitigation = (source: SourceFormat, modes: readonly MitigationMode[], bitrate: number): Mitigation =>
  new Mitigation(source, thresholdRule(source, modes), bitrate);

describe('Mitigation', () => {
  it("begins at the original's thresholds", () => {
    const at = (bitrate: number) => mitigation(SOURCE, BOTH, bitrate).format;
    expect(at(2_000_000)).toEqual({});
    expect(at(1_999_999)).toEqual({ height: 720 });
    expect(at(999_999)).toEqual({ height: 360 });
    expect(at(499_999)).toEqual({ height: 360, framerate: 15 });
  });

  it('goes down at once, and up with a margin after a while, so that a swaying rate makes no keyframes', () => {
    const mitigated = mitigation(SOURCE, BOTH, 3_000_000);
    expect(mitigated.setBitrate(1_500_000, 0)).toBe(true);
    let changes = 0;
    for (let now = 100; now < 30_000; now += 100) if (mitigated.setBitrate(2_000_000 + (now % 200) * 1000, now)) changes++;
    expect(changes).toBe(0);
    expect(mitigated.setBitrate(3_000_000, 31_000)).toBe(false);
    expect(mitigated.setBitrate(3_000_000, 33_000)).toBe(true);
    expect(mitigated.format).toEqual({});
  });

  it('does what it may, and tells only what has an effect', () => {
    expect(mitigation(SOURCE, [], 100_000).format).toEqual({});
    expect(mitigation(SOURCE, ['downsampled'], 100_000).format).toEqual({ framerate: 15 });
    const small = mitigation({ width: 320, height: 180, framerate: 0 }, BOTH, 100_000);
    expect(small.format).toEqual({});
    expect(small.active).toEqual([]);
  });

  it('does what the application says, never more than the source has, and the thresholds where it says nothing', () => {
    const asked: unknown[][] = [];
    const rule = configuredRule(
      (...args) => {
        asked.push(args);
        if (args[2] >= 3_000_000) return { width: 4000, framerate: 60 };
        return args[2] >= 1_000_000 ? { width: 640, height: 480, framerate: 10 } : undefined;
      },
      'video_1',
      SOURCE,
      BOTH,
      () => expect.unreachable(),
    );
    const configured = new Mitigation(SOURCE, rule, 4_000_000);
    expect(asked).toEqual([['video_1', SOURCE, 4_000_000, BOTH]]);
    expect([configured.format, configured.active]).toEqual([{}, []]);
    expect(configured.setBitrate(2_000_000, 0)).toBe(true);
    expect(configured.format).toEqual({ width: 640, height: 480, framerate: 10 });
    expect(configured.active).toEqual(BOTH);
    expect(configured.setBitrate(3_200_000, 100)).toBe(false);
    expect(configured.setBitrate(3_200_000, 9000)).toBe(false); // within the margin
    expect(configured.setBitrate(400_000, 9100)).toBe(false);
    expect(new Mitigation(SOURCE, rule, 400_000).format).toEqual({ height: 360, framerate: 15 });
  });

  it('says what is wrong with an answer and goes by the thresholds', () => {
    const errors: unknown[] = [];
    const rule = configuredRule(
      () => ({ height: -1 }),
      'video_0',
      SOURCE,
      BOTH,
      (error) => errors.push(error),
    );
    expect(new Mitigation(SOURCE, rule, 1_500_000).format).toEqual({ height: 720 });
    expect(String(errors[0])).toContain(
      'configureMitigationCaps returned a height of -1: give a number above 0, or leave it out.',
    );
  });
});

it('an encoding costs what its pictures do', () => {
  expect(encodingCost(SOURCE, {})).toBeCloseTo(1.05);
  expect(encodingCost(SOURCE, { height: 720 })).toBeCloseTo(0.05 + (720 / 1080) ** 2);
  expect(encodingCost(SOURCE, { width: 640, framerate: 15 })).toBeCloseTo(0.05 + (360 / 1080) ** 2 / 2);
  expect(encodingCost({ width: 1280, height: 720, framerate: 0 }, {})).toBeCloseTo(0.494, 2);
});
