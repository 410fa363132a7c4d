import { expect, it } from 'vitest';
import { KEYFRAME_INTERVAL, KeyframeGovernor } from './keyframe-governor.ts';

it('answers the first request at once', () => {
  const governor = new KeyframeGovernor();
  expect(governor.request(1000)).toBe(1000);
  expect(governor.take(1000)).toBe(true);
  expect(governor.take(1001)).toBe(false);
});

it('makes a storm of requests one keyframe an interval', () => {
  const governor = new KeyframeGovernor();
  const made: number[] = [];
  let wake: number | undefined;
  for (let now = 0; now < 1000; now++) {
    wake = governor.request(now) ?? wake;
    if (wake !== undefined && now >= wake && governor.take(now)) made.push(now);
  }
  expect(made).toEqual([0, 1, 2, 3].map((n) => n * KEYFRAME_INTERVAL));
});

it('takes a keyframe that the encoder made by itself as the answer', () => {
  const governor = new KeyframeGovernor();
  governor.made(0);
  expect(governor.request(10)).toBe(KEYFRAME_INTERVAL);
  governor.made(20);
  expect(governor.take(KEYFRAME_INTERVAL)).toBe(false);
});
