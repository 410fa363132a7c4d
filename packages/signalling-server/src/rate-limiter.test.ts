import { describe, expect, it } from 'vitest';
import { DEFAULT_RATES, RateLimiter } from './rate-limiter.ts';

/** How many of `count` messages pass that come `interval` ms after each other, the first at `start`. */
function passing(limiter: RateLimiter, count: number, interval: number, { kind = 'list', start = 0, sessions = 0 } = {}): number {
  let passed = 0;
  for (let n = 0; n < count; n++) passed += Number(limiter.take(kind as 'list', start + n * interval, () => sessions));
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

  it('gives a peer as much to say as it has sessions, and forgives it what it said in those that have ended', () => {
    const limiter = new RateLimiter(DEFAULT_RATES);
    expect(passing(limiter, 300_000, 0, { kind: 'peer', sessions: 1000 })).toBe(1001 * 200);
    expect(limiter.take('peer', 0, () => 1)).toBe(false);
    expect(limiter.take('peer', 40, () => 1)).toBe(true);
  });
});
