import { expect, it } from 'vitest';
import { videoOnPath } from './allocation.ts';
import { divideAmongLayers } from './layers.ts';

const ALL = [true, true, true];
const NONE = [false, false, false];
const onPath = (bitrate: number): number => Math.floor(videoOnPath(bitrate, 30));

it('pays for layers from the smallest up, and the largest that runs has the rest', () => {
  expect(divideAmongLayers(3_000_000, ALL, 30)).toEqual(
    [3_000_000 - onPath(500_000) - onPath(150_000) - 2, onPath(500_000), onPath(150_000)].map((rate) => expect.closeTo(rate, -1)),
  );
  expect(divideAmongLayers(900_000, NONE, 30)).toEqual([0, expect.closeTo(900_000 - onPath(150_000), -1), onPath(150_000)]);
  expect(divideAmongLayers(250_000, NONE, 30)).toEqual([0, 0, 250_000]);
  expect(divideAmongLayers(10_000, ALL, 30)).toEqual([0, 0, 10_000]);
  expect(divideAmongLayers(2_000_000, [true, true], 30)).toEqual([
    expect.closeTo(2_000_000 - onPath(500_000), -1),
    onPath(500_000),
  ]);
});

it('spends everything and never more', () => {
  for (let bitrate = 0; bitrate < 4_000_000; bitrate += 12_345) {
    for (const running of [ALL, NONE, [true, true], [false, true]]) {
      const sum = divideAmongLayers(bitrate, running, 30).reduce((a, b) => a + b);
      expect(sum).toBeLessThanOrEqual(bitrate);
      expect(sum).toBeGreaterThan(bitrate - running.length);
    }
  }
});

it('lets a layer that paused begin again with some room only', () => {
  const enough = onPath(500_000) + onPath(150_000) + onPath(600_000) + 20_000;
  expect(divideAmongLayers(enough, ALL, 30)[0]).toBeGreaterThan(0);
  expect(divideAmongLayers(enough, [false, true, true], 30)[0]).toBe(0);
  expect(divideAmongLayers(enough + 150_000, [false, true, true], 30)[0]).toBeGreaterThan(0);
});
