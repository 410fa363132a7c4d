import { expect, it } from 'vitest';
import { AlrDetector } from './alr-detector.ts';

/** Sends the given part of 1 Mbit/s in packets every 10 ms. */
function run(detector: AlrDetector, part: number, start: number, end: number): void {
  for (let now = start; now < end; now += 10) detector.sent(part * 1250, now);
}

it('tells an unused rate from a used one', () => {
  const detector = new AlrDetector(1_000_000);
  run(detector, 0.9, 0, 3000);
  expect(detector.since).toBeUndefined();
  run(detector, 0.2, 3000, 5000);
  expect(detector.since).toBeGreaterThan(3000);
  expect(detector.since).toBeLessThan(5000);
  run(detector, 1, 5000, 7000);
  expect(detector.since).toBeUndefined();
});

it('notices silence', () => {
  const detector = new AlrDetector(1_000_000);
  run(detector, 0.9, 0, 1000);
  detector.sent(0, 3000);
  expect(detector.since).toBe(3000);
});
