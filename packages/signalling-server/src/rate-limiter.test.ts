import { describe, expect, it } from 'vitest';
import { DEFAULT_RATES, RateLimiter } from './rate-limiter.ts';

/** How many of `count` messages pass that come `interval` ms after each other, the first at `start`. */
function passing(limiter: RateLimiter, count: number, interval: number, { kind = 'list', start = 0, partners = 0 } = {}): number {
  let passed = 0;
  for (let n = 0; n < count; n++) passed += Number(limiter.take(kind as 'list', start + n * interval, () => partners));
  return passed;
}

describe('the rate limiter', () => {
  it('lets pass what comes at the rate, for ever', () => {
    expect(passing(new RateLimiter(DEFAULT_RATES), 10_000, 1000 / DEFAULT_RATES.list)).toBe(10_000);
  });

  it('lets a burst of four seconds pass, and no more until time has passed', () => {
    const limiter = new RateLimiter(DEFAULT_RATES);
    expect(passing(limiter, 200, 0)).toBe(80);
    expect(passing(limiter, 200, 0, { start: 1000 })).toBe(20);
    expect(passing(limiter, 200, 0, { start: 60_000 })).toBe(80);
  });

  it('keeps the kinds apart', () => {
    const limiter = new RateLimiter(DEFAULT_RATES);
    passing(limiter, 200, 0);
    expect(limiter.take('list', 0, () => 0)).toBe(false);
    expect(limiter.take('peer', 0, () => 0)).toBe(true);
  });

  it('does not hold against a peer that the others have gone, nor that it says so in each session', () => {
    const limiter = new RateLimiter(DEFAULT_RATES);
    let left = 300;
    for (; left >= 0; left--) for (let end = 0; end < 2; end++) expect(limiter.take('peer', 0, () => left)).toBe(true);
  });

  it('gives a peer as much to say as it has others in session with it, up to a thousand', () => {
    const limiter = new RateLimiter(DEFAULT_RATES);
    expect(passing(limiter, 300_000, 0, { kind: 'peer', partners: 1000 })).toBe(1001 * 200);
    expect(passing(new RateLimiter(DEFAULT_RATES), 300_000, 0, { kind: 'peer', partners: 5000 })).toBe(1001 * 200);
  });

  it('lets what is dear count for more', () => {
    const limiter = new RateLimiter(DEFAULT_RATES);
    limiter.take('list', 0, () => 0);
    limiter.charge('list', 100);
    expect(limiter.take('list', 1000, () => 0)).toBe(false);
    expect(limiter.take('list', 1100, () => 0)).toBe(true);
  });
});
