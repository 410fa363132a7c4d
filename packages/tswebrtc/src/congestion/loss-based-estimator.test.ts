import { describe, expect, it } from 'vitest';
import { LossBasedEstimator } from './loss-based-estimator.ts';
import { PacketResults } from './packet-results.ts';
import { Random } from './simulator/random.testing.ts';

const DELAY_BASED = 2_000_000;

/** Sends at the lesser of both estimates for `seconds`; of what exceeds `capacity` all is lost, and `random` of the rest. */
function run(estimator: LossBasedEstimator, seconds: number, capacity: number, random: number, start = 0): number {
  const chance = new Random(1);
  const results = new PacketResults();
  let sequence = 0;
  let sent = start;
  for (let now = start; now < start + seconds * 1000; now += 50) {
    results.clear();
    const rate = Math.min(estimator.bitrate, DELAY_BASED);
    const gap = (1200 * 8000) / rate;
    for (; sent < now + 50; sent += gap) {
      const lost = chance.next() < Math.max(0, 1 - capacity / rate) || chance.next() < random;
      results.push(sequence++, sent, lost ? Number.NaN : sent + 50, 1200, 0, false);
    }
    estimator.update(results, DELAY_BASED, Math.min(rate, capacity) * (1 - random), false, now);
  }
  return Math.min(estimator.bitrate, DELAY_BASED);
}

describe('LossBasedEstimator', () => {
  it('has nothing to say where nothing is lost', () => {
    const estimator = new LossBasedEstimator(100_000, 5_000_000);
    expect(run(estimator, 20, 5_000_000, 0)).toBe(DELAY_BASED);
    expect(estimator.state).toBe('none');
  });

  it('goes down to where a path that overflows stops losing', () => {
    const estimator = new LossBasedEstimator(100_000, 5_000_000);
    const rate = run(estimator, 20, 800_000, 0);
    expect(rate).toBeLessThan(1_000_000);
    expect(rate).toBeGreaterThan(300_000);
    expect(estimator.state).not.toBe('none');
  });

  it('does not give way to loss that has nothing to do with the rate', () => {
    const estimator = new LossBasedEstimator(100_000, 5_000_000);
    expect(run(estimator, 20, 5_000_000, 0.02)).toBeGreaterThan(1_500_000);
    expect(estimator.inherentLoss).toBeGreaterThan(0.005);
  });

  it('comes back when the path does', () => {
    const estimator = new LossBasedEstimator(100_000, 5_000_000);
    run(estimator, 10, 500_000, 0);
    expect(run(estimator, 30, 5_000_000, 0, 10_000)).toBe(DELAY_BASED);
  });

  it('never goes below its bound', () => {
    const estimator = new LossBasedEstimator(300_000, 5_000_000);
    expect(run(estimator, 20, 10_000, 0.3)).toBe(300_000);
  });
});
