import { expect, it } from 'vitest';
import { PushClock } from './push-clock.ts';

it('takes the first timestamp for now and the others as they follow from it', () => {
  const clock = new PushClock();
  expect(clock.due(7_000_000, 100)).toBe(100);
  expect(clock.due(7_033_000, 35_000)).toBe(33_100);
  // Another track's.
  expect(clock.due(6_990_000, 36_000)).toBe(-9_900);
});

it('begins anew where timestamps leap', () => {
  const clock = new PushClock();
  clock.due(60_000_000, 0);
  // A film starts over.
  expect(clock.due(0, 33_000)).toBe(33_000);
  expect(clock.due(40_000, 70_000)).toBe(73_000);
  // The application's clock was set.
  expect(clock.due(3_600_000_000, 110_000)).toBe(110_000);
});

it('lets a slow series of pictures be seconds ahead', () => {
  const clock = new PushClock();
  clock.due(0, 0);
  expect(clock.due(2_000_000, 10)).toBe(2_000_000);
});
