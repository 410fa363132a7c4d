import { expect, it } from 'vitest';
import { AcknowledgedBitrate } from './acknowledged-bitrate.ts';

/** Packets of 1250 bytes at `bitrate` from `start` to `end`; returns `end`. */
function arrive(estimator: AcknowledgedBitrate, bitrate: number, start: number, end: number): number {
  for (let time = start; time < end; time += (1250 * 8000) / bitrate) estimator.packet(1250, time);
  return end;
}

it('finds a steady rate and follows it to another', () => {
  const estimator = new AcknowledgedBitrate();
  expect(estimator.bitrate).toBeUndefined();
  let now = arrive(estimator, 1_000_000, 0, 2000);
  expect(estimator.bitrate! / 1e6).toBeCloseTo(1, 1);
  now = arrive(estimator, 400_000, now, now + 3000);
  expect(estimator.bitrate! / 4e5).toBeGreaterThan(0.9);
  expect(estimator.bitrate! / 4e5).toBeLessThan(1.15);
});

it('has a second figure that falls at once with the rate', () => {
  const estimator = new AcknowledgedBitrate();
  const now = arrive(estimator, 2_000_000, 0, 5000);
  arrive(estimator, 500_000, now, now + 600);
  expect(estimator.recent!).toBeLessThan(700_000);
  expect(estimator.recent!).toBeLessThan(estimator.bitrate!);
});

it('follows a leap within half a second', () => {
  const estimator = new AcknowledgedBitrate();
  const now = arrive(estimator, 200_000, 0, 10_000);
  arrive(estimator, 2_000_000, now, now + 500);
  for (const bitrate of [estimator.bitrate!, estimator.recent!]) {
    expect(bitrate).toBeGreaterThan(1_500_000);
    expect(bitrate).toBeLessThan(2_200_000);
  }
});

it('does not take a burst for a leap', () => {
  const estimator = new AcknowledgedBitrate();
  let now = arrive(estimator, 1_000_000, 0, 5000);
  now = arrive(estimator, 5_000_000, now, now + 120);
  arrive(estimator, 1_000_000, now, now + 400);
  expect(estimator.bitrate!).toBeLessThan(1_300_000);
});

it('does not take a pause for a slow path', () => {
  const estimator = new AcknowledgedBitrate();
  const now = arrive(estimator, 1_000_000, 0, 2000);
  arrive(estimator, 1_000_000, now + 20_040, now + 21_000);
  expect(estimator.bitrate!).toBeGreaterThan(950_000);
  expect(estimator.recent!).toBeGreaterThan(900_000);
});
