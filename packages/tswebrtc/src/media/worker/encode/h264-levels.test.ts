import { describe, expect, it } from 'vitest';
import { boundToLevel, levelBitrate } from './h264-levels.ts';

describe('a level of H.264', () => {
  it.each([
    ['3.1 takes 720p30 as it is', 31, { width: 1280, height: 720, framerate: 30 }, { width: 1280, height: 720, framerate: 30 }],
    [
      '3.1 takes no more than 30 of those',
      31,
      { width: 1280, height: 720, framerate: 60 },
      { width: 1280, height: 720, framerate: 30 },
    ],
    ['3.1 takes 1080p smaller', 31, { width: 1920, height: 1080, framerate: 30 }, { width: 1280, height: 720, framerate: 30 }],
    [
      '1.3 takes what fits into 396 macroblocks',
      13,
      { width: 640, height: 480, framerate: 30 },
      { width: 358, height: 268, framerate: 30 },
    ],
    [
      'one between two is the lower of them',
      39,
      { width: 1920, height: 1080, framerate: 30 },
      { width: 1600, height: 900, framerate: 30 },
    ],
  ])('%s', (_, level, picture, expected) => {
    const bounded = boundToLevel(level, picture);
    expect(bounded.framerate).toBeLessThanOrEqual(expected.framerate);
    expect(bounded.width / bounded.height).toBeCloseTo(picture.width / picture.height, 1);
    expect(Math.abs(bounded.width - expected.width)).toBeLessThanOrEqual(expected.width * 0.08);
    expect((bounded.width % 2) + (bounded.height % 2)).toBe(0);
  });

  it('bounds the bitrate', () => {
    expect([11, 13, 31, 99].map(levelBitrate)).toEqual([192_000, 768_000, 14_000_000, 240_000_000]);
  });
});
