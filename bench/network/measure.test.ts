import { expect, test } from 'vitest';
import { firstTime, freezes, received, settledTime } from './measure.ts';
import type { Recording } from './page.ts';

const recording = (times: readonly number[], presented = times.map((_, i) => i + 1)): Recording => ({
  frames: times.map((time, i) => [time, presented[i]!] as const),
  samples: [],
});

test('a picture that keeps coming has no freezes', () => {
  const times = Array.from({ length: 100 }, (_, i) => 1000 + i * 33);
  expect(freezes(recording(times), 1500, 3000)).toEqual({ count: 0, total: 0, longest: 33 });
});

test('gaps count in full, and only as far as they lie in the stretch', () => {
  const times = [0, 100, 500, 600, 1600, 1700];
  expect(freezes(recording(times), 0, 1700)).toEqual({ count: 2, total: 1400, longest: 1000 });
  expect(freezes(recording(times), 300, 1000)).toEqual({ count: 2, total: 600, longest: 400 });
});

test('a picture that never comes again is frozen until the end', () => {
  expect(freezes(recording([0, 50, 100]), 0, 5100)).toEqual({ count: 1, total: 5000, longest: 5000 });
});

test('frames that were presented while the page was busy do not count as a freeze', () => {
  expect(freezes(recording([0, 100, 400, 500], [1, 2, 12, 13]), 0, 500)).toMatchObject({ count: 0, longest: 100 });
});

test('an estimate has settled only when it no longer leaves the bound', () => {
  const series = [
    [0, 3],
    [100, 1],
    [200, 2],
    [300, 1],
    [400, 1],
  ] as const;
  const low = (value: number): boolean => value < 1.5;
  expect(firstTime(series, 50, 500, low)).toBe(50);
  expect(settledTime(series, 50, 500, low)).toBe(250);
  expect(settledTime(series, 50, 250, low)).toBe(Number.POSITIVE_INFINITY);
  expect(settledTime(series.slice(3), 250, 500, low)).toBe(0);
});

test('what came is the difference of the statistics at the borders', () => {
  const inbound = { bytesReceived: 0, headerBytesReceived: 0, framesDecoded: 0, packetsLost: 0 };
  const samples = [0, 1000, 2000].map((time, i) => ({
    time,
    inbound: { ...inbound, bytesReceived: i * 1000, headerBytesReceived: i * 10, framesDecoded: i * 30 },
  }));
  const result = received({ frames: [], samples: samples as unknown as Recording['samples'] }, 1000, 2000);
  expect(result).toMatchObject({ framerate: 30, bitrate: 8080, lost: 0 });
});
