import { expect, it } from 'vitest';
import { videoOnPath } from './allocation.ts';
import { divideAmongLayers } from './layers.ts';

const ALL = [true, true, true];
const NONE = [false, false, false];
const HD = { width: 1280, height: 720, framerate: 30 };
const onPath = (bitrate: number): number => Math.floor(videoOnPath(bitrate, 30));

it('pays for layers from the smallest up, and the largest that runs has the rest', () => {
  expect(divideAmongLayers(3_000_000, ALL, HD)).toEqual(
    [3_000_000 - onPath(500_000) - onPath(150_000) - 2, onPath(500_000), onPath(150_000)].map((rate) => expect.closeTo(rate, -1)),
  );
  expect(divideAmongLayers(900_000, NONE, HD)).toEqual([0, expect.closeTo(900_000 - onPath(150_000), -1), onPath(150_000)]);
  expect(divideAmongLayers(250_000, NONE, HD)).toEqual([0, 0, 250_000]);
  expect(divideAmongLayers(10_000, ALL, HD)).toEqual([0, 0, 10_000]);
  expect(divideAmongLayers(2_000_000, [true, true], HD)).toEqual([
    expect.closeTo(2_000_000 - onPath(500_000), -1),
    onPath(500_000),
  ]);
});

it('spends everything and never more', () => {
  for (let bitrate = 0; bitrate < 4_000_000; bitrate += 12_345) {
    for (const running of [ALL, NONE, [true, true], [false, true]]) {
      const sum = divideAmongLayers(bitrate, running, HD).reduce((a, b) => a + b);
      expect(sum).toBeLessThanOrEqual(bitrate);
      expect(sum).toBeGreaterThan(bitrate - running.length);
    }
  }
});

it('lets a layer that paused begin again with some room only', () => {
  const enough = onPath(500_000) + onPath(150_000) + onPath(600_000) + 20_000;
  expect(divideAmongLayers(enough, ALL, HD)[0]).toBeGreaterThan(0);
  expect(divideAmongLayers(enough, [false, true, true], HD)[0]).toBe(0);
  expect(divideAmongLayers(enough + 150_000, [false, true, true], HD)[0]).toBeGreaterThan(0);
});

it('asks less for smaller pictures, and more for larger ones', () => {
  const running = (bitrate: number, width: number, height: number): number =>
    divideAmongLayers(bitrate, NONE, { width, height, framerate: 30 }).filter((share) => share > 0).length;
  expect(running(700_000, 640, 360)).toBe(3);
  expect(running(700_000, 1280, 720)).toBe(2);
  expect(running(1_500_000, 1280, 720)).toBe(3);
  expect(running(1_500_000, 1920, 1080)).toBe(2);
  expect(running(30_000_000, 7680, 4320)).toBe(3);
  expect(running(30_000, 16, 16)).toBe(1);
});
