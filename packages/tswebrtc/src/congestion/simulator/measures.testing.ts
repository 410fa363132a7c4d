/** Figures of merit of RFC 8868 §3 and of this project's bars. */
import type { CapacityStep } from './link.testing.ts';
import type { TimeSeries } from './time-series.testing.ts';

/** Jain's fairness index of rates: 1 when equal, 1/n when one has all. */
export function jain(rates: readonly number[]): number {
  const sum = rates.reduce((a, b) => a + b, 0);
  const squares = rates.reduce((a, b) => a + b * b, 0);
  return squares === 0 ? 1 : (sum * sum) / (rates.length * squares);
}

export function percentile(values: readonly number[], p: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] ?? 0;
}

/** Mean rate of several flows together over [from, to), bit/s. */
export function total(series: readonly TimeSeries[], from: number, to: number): number {
  return series.reduce((sum, one) => sum + one.bitrate(from, to), 0);
}

/** What flows could send, given the capacity: the bound that the bars refer to, bit/s. */
export function bound(capacity: number, flows: number, maxBitrate: number): number {
  return Math.min(capacity, flows * maxBitrate);
}

/** ms after `from` until the rate over the last second first reaches `wanted`; infinite if it does not before `end`. */
export function timeToReach(series: readonly TimeSeries[], wanted: number, from: number, end: number): number {
  for (let time = from + 50; time <= end; time += 50) {
    if (total(series, Math.max(0, time - 1000), time) >= wanted) return time - from;
  }
  return Number.POSITIVE_INFINITY;
}

/** Changes of capacity with the bound before and after. */
export function changes(
  steps: readonly CapacityStep[],
  flows: number,
  maxBitrate: number,
): { time: number; before: number; after: number; capacity: number; end: number }[] {
  return steps.map((step, i) => ({
    time: step.from,
    before: i === 0 ? 0 : bound(steps[i - 1]!.capacity, flows, maxBitrate),
    after: bound(step.capacity, flows, maxBitrate),
    capacity: step.capacity,
    end: steps[i + 1]?.from ?? Number.POSITIVE_INFINITY,
  }));
}

/** Received over what could have been, over the whole time. */
export function utilisation(
  series: readonly TimeSeries[],
  steps: readonly CapacityStep[],
  flows: number,
  maxBitrate: number,
  end: number,
): number {
  let possible = 0;
  for (const change of changes(steps, flows, maxBitrate)) possible += change.after * (Math.min(end, change.end) - change.time);
  return (total(series, 0, end) * end) / possible;
}
