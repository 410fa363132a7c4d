import { expect, it } from 'vitest';
import { RttTracker } from './rtt-tracker.ts';

it('smooths samples and remembers the least of the last seconds', () => {
  const tracker = new RttTracker();
  expect(tracker.rtt).toBeUndefined();
  for (let now = 0; now < 2000; now += 50) tracker.feedback(now === 1000 ? 500 : 100, now);
  expect(tracker.rtt).toBeGreaterThan(99);
  expect(tracker.rtt).toBeLessThan(130);
  for (let now = 2000; now < 20_000; now += 50) tracker.feedback(200, now);
  expect(tracker.rtt).toBeCloseTo(200);
  expect(tracker.minimum).toBe(200);
});

it('heeds reports only in the absence of feedback', () => {
  const tracker = new RttTracker();
  tracker.report(80, 0);
  expect(tracker.rtt).toBe(80);
  tracker.feedback(80, 100);
  tracker.report(1000, 200);
  expect(tracker.rtt).toBe(80);
  tracker.feedback(Number.NaN, 300);
  expect(tracker.rtt).toBe(80);
});
