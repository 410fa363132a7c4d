import { describe, expect, it } from 'vitest';
import { Random } from './simulator/random.testing.ts';
import { TrendlineEstimator } from './trendline-estimator.ts';

/** Groups sent 20 ms apart for `ms`, each taking `growth` ms longer than the one before. */
function run(estimator: TrendlineEstimator, ms: number, growth: number, start = 0, noise = 0, random = new Random(1)): number {
  let arrival = start;
  let last = 0;
  for (let time = 0; time < ms; time += 20) {
    const jitter = noise * random.normal();
    const delta = 20 + growth + jitter - last;
    last = jitter;
    arrival += delta;
    estimator.update(delta, 20, arrival);
  }
  return arrival;
}

describe('TrendlineEstimator', () => {
  it('measures the slope of the delay', () => {
    const estimator = new TrendlineEstimator();
    run(estimator, 4000, 1);
    expect(estimator.trend).toBeGreaterThan(0.9 / 21);
    expect(estimator.trend).toBeLessThan(1.1 / 21);
  });

  it.each([
    ['none', 0, 'normal'],
    ['growth', 4, 'overuse'],
    ['shrinking', -4, 'underuse'],
  ] as const)('sees %s', (_what, growth, state) => {
    const estimator = new TrendlineEstimator();
    run(estimator, 1000, 0);
    run(estimator, 600, growth, 1000);
    expect(estimator.state).toBe(state);
  });

  it('does not take jitter of 3 ms for a queue', () => {
    const estimator = new TrendlineEstimator();
    const random = new Random(3);
    let over = 0;
    let arrival = 0;
    for (let i = 0; i < 200; i++) {
      arrival = run(estimator, 100, 0, arrival, 3, random);
      if (estimator.state === 'overuse') over++;
    }
    expect(over).toBeLessThan(10);
  });

  it('lets its threshold follow a slope that stays a little above it', () => {
    const slow = new TrendlineEstimator();
    const arrival = run(slow, 2000, 0);
    expect(slow.threshold).toBe(6);
    run(slow, 8000, 1.2, arrival);
    expect(slow.threshold).toBeGreaterThan(12);
    expect(slow.threshold).toBeLessThan(15);
  });

  it('forgets all on reset', () => {
    const estimator = new TrendlineEstimator();
    run(estimator, 2000, 4);
    expect(estimator.state).toBe('overuse');
    estimator.reset();
    expect(estimator.state).toBe('normal');
    run(estimator, 1000, 0, 50_000);
    expect(estimator.trend).toBeCloseTo(0);
  });
});
