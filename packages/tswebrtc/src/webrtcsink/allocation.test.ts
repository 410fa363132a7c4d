import { describe, expect, it } from 'vitest';
import { type AllocationInput, allocate, audioOnPath, encoderBitrate, videoOnPath } from './allocation.ts';

const USUAL: AllocationInput = {
  peerId: 'p',
  target: 3_000_000,
  audio: 100_000,
  retransmissions: 0,
  fecPercentage: 0,
  tracks: ['video_0', 'video_1'],
  define: undefined,
};

describe('allocate', () => {
  it('takes audio, repair and FEC from the target and divides the rest', () => {
    expect(allocate(USUAL)).toEqual([1_450_000, 1_450_000]);
    expect(allocate({ ...USUAL, retransmissions: 100_000, fecPercentage: 40 })).toEqual([1_000_000, 1_000_000]);
    expect(allocate({ ...USUAL, tracks: [] })).toEqual([]);
  });

  it('leaves the pictures half of it however much is repaired', () => {
    expect(allocate({ ...USUAL, retransmissions: 5_000_000, tracks: ['video_0'] })).toEqual([1_500_000]);
  });

  it('asks the application, and keeps the share where the answer is of no use', () => {
    const seen: unknown[] = [];
    const define = (...args: unknown[]) => {
      seen.push(args);
      return { video_0: 2_000_000, video_1: Number.NaN };
    };
    expect(allocate({ ...USUAL, define })).toEqual([2_000_000, 1_450_000]);
    expect(seen).toEqual([['p', 2_900_000, { video_0: 1_450_000, video_1: 1_450_000 }]]);
    expect(allocate({ ...USUAL, define: () => ({ video_0: -1 }) })).toEqual([1_450_000, 1_450_000]);
  });
});

it('headers are taken from what an encoder may make', () => {
  const made = encoderBitrate(2_000_000, 30);
  const packets = made / 8 / 1150 + 15;
  expect(made + packets * (24 + 44) * 8).toBeCloseTo(2_000_000, -3);
  expect(encoderBitrate(1000, 30)).toBe(0);
  expect(encoderBitrate(videoOnPath(2_000_000, 25), 25)).toBeCloseTo(2_000_000, 6);
  const sound = { bitrate: 96_000, packetRate: 50 };
  expect(audioOnPath(sound, 1) - audioOnPath(sound, 0)).toBe(96_000);
  expect(audioOnPath({ bitrate: 96_000, packetRate: 200 }, 0) - audioOnPath(sound, 0)).toBe(150 * (24 + 44) * 8);
});
