import { describe, expect, it } from 'vitest';
import { AimdRateControl } from './aimd-rate-control.ts';

/** `seconds` of `state` every 50 ms, with a throughput equal to the rate unless given; returns the time at the end. */
function run(
  rate: AimdRateControl,
  state: 'normal' | 'overuse' | 'underuse',
  seconds: number,
  start: number,
  throughput?: number,
): number {
  let now = start;
  for (; now < start + seconds * 1000; now += 50) rate.update(state, throughput ?? rate.bitrate, false, now);
  return now;
}

describe('AimdRateControl', () => {
  it('grows by 8 % a second where it knows no capacity', () => {
    const rate = new AimdRateControl(300_000, 100_000, 5_000_000);
    run(rate, 'normal', 10, 0);
    expect(rate.bitrate).toBeGreaterThan(300_000 * 1.08 ** 9);
    expect(rate.bitrate).toBeLessThan(300_000 * 1.09 ** 10);
  });

  it('falls to 0.85 of what gets through, then grows in steps of packets', () => {
    const rate = new AimdRateControl(1_500_000, 100_000, 5_000_000);
    rate.rtt = 100;
    let now = run(rate, 'normal', 1, 0);
    rate.update('overuse', 1_000_000, false, now);
    expect(rate.bitrate).toBe(845_000);
    now = run(rate, 'normal', 4, now + 50, 900_000);
    expect(rate.bitrate - 845_000).toBeGreaterThan(60_000);
    expect(rate.bitrate - 845_000).toBeLessThan(120_000);
  });

  it('falls lower where a long queue is to be drained', () => {
    const rate = new AimdRateControl(1_500_000, 100_000, 5_000_000);
    rate.queueDelay = 400;
    rate.update('overuse', 1_000_000, false, 0);
    expect(rate.bitrate).toBeLessThan(600_000);
  });

  it('grows fast again as soon as more gets through than the known capacity', () => {
    const rate = new AimdRateControl(500_000, 100_000, 5_000_000);
    rate.update('overuse', 500_000, false, 0);
    expect(rate.capacity.known).toBe(true);
    run(rate, 'normal', 1, 50, 700_000);
    expect(rate.capacity.known).toBe(false);
  });

  it('runs no further ahead of the throughput than half as much again', () => {
    const rate = new AimdRateControl(400_000, 100_000, 5_000_000);
    run(rate, 'normal', 60, 0, 400_000);
    expect(rate.bitrate).toBeLessThanOrEqual(610_000);
    expect(rate.bitrate).toBeGreaterThan(590_000);
  });

  it('holds while the queue drains and while the application uses less', () => {
    const rate = new AimdRateControl(400_000, 100_000, 5_000_000);
    const now = run(rate, 'underuse', 5, 0);
    expect(rate.bitrate).toBe(400_000);
    for (let i = 0; i < 100; i++) rate.update('normal', 400_000, true, now + i * 50);
    expect(rate.bitrate).toBe(400_000);
  });

  it('gives way to losses only when a rival fills the queue, and takes it up with TCP', () => {
    const rate = new AimdRateControl(300_000, 100_000, 5_000_000);
    rate.rtt = 400;
    let now = 0;
    for (; now < 5000; now += 50) rate.compete(false, rate.bitrate, now);
    // A packet of 1200 bytes a round trip, every round trip.
    expect(rate.bitrate).toBeGreaterThan(500_000);
    expect(rate.bitrate).toBeLessThan(700_000);
    const before = rate.bitrate;
    rate.compete(true, before, now);
    expect(rate.bitrate).toBeLessThan(0.86 * before);
    const cut = rate.bitrate;
    rate.compete(true, before, now + 50);
    expect(rate.bitrate).toBe(cut);
  });

  it('never leaves its bounds', () => {
    const rate = new AimdRateControl(300_000, 200_000, 400_000);
    run(rate, 'normal', 30, 0, 10_000_000);
    expect(rate.bitrate).toBe(400_000);
    run(rate, 'overuse', 5, 30_000, 1);
    expect(rate.bitrate).toBe(200_000);
    rate.setLimits(250_000, 300_000);
    expect(rate.bitrate).toBe(250_000);
  });
});
