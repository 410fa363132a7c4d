import { expect, it } from 'vitest';
import { ReportBasedEstimator } from './report-based-estimator.ts';

it('grows below 2 % of loss, stays between, falls above 10 %', () => {
  const estimator = new ReportBasedEstimator(1_000_000, 100_000, 5_000_000);
  for (let now = 0; now < 5000; now += 1000) estimator.report(0.01, 100, 50, now);
  expect(estimator.bitrate).toBeGreaterThan(1_200_000);
  expect(estimator.bitrate).toBeLessThan(1_350_000);
  const high = estimator.bitrate;
  estimator.report(0.05, 100, 50, 6000);
  expect(estimator.bitrate).toBe(high);
  estimator.report(0.2, 100, 50, 7000);
  expect(estimator.bitrate).toBeCloseTo(high * 0.9);
});

it('does not judge by a handful of packets, nor twice within a round trip', () => {
  const estimator = new ReportBasedEstimator(1_000_000, 100_000, 5_000_000);
  estimator.report(0.5, 4, 50, 0);
  expect(estimator.bitrate).toBe(1_000_000);
  estimator.report(0.5, 100, 50, 100);
  const once = estimator.bitrate;
  estimator.report(0.5, 100, 50, 200);
  expect(estimator.bitrate).toBe(once);
});
