import { expect, it } from 'vitest';
import { LinkCapacity } from './link-capacity.ts';

it('learns where a path was found full, with a margin that grows with the disagreement', () => {
  const capacity = new LinkCapacity();
  expect(capacity.known).toBe(false);
  expect(capacity.upperBound).toBe(Number.POSITIVE_INFINITY);
  for (let i = 0; i < 20; i++) capacity.overuse(1_000_000);
  const steady = capacity.upperBound - capacity.lowerBound;
  expect(capacity.estimate).toBeCloseTo(1_000_000);
  for (let i = 0; i < 20; i++) capacity.overuse(i % 2 === 0 ? 700_000 : 1_300_000);
  expect(capacity.upperBound - capacity.lowerBound).toBeGreaterThan(1.5 * steady);
  capacity.reset();
  expect(capacity.known).toBe(false);
});
