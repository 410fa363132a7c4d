import { expect, it } from 'vitest';
import { FrameRateMeter } from './frame-rate-meter.ts';

it('counts the frames of the last second', () => {
  const meter = new FrameRateMeter();
  for (let i = 1; i <= 60; i++) meter.count(i * 20);
  expect(meter.rate(1200)).toBe(50);
  expect(meter.rate(1700)).toBe(25);
  expect(meter.rate(5000)).toBe(0);
});
