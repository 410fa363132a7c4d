import { describe, expect, it } from 'vitest';
import { ReconnectPolicy } from './reconnect-policy.ts';

describe('ReconnectPolicy', () => {
  it('doubles up to the maximum and starts over after a success', () => {
    const policy = new ReconnectPolicy(1000, 5000, () => 0);
    expect([1, 2, 3, 4, 5].map(() => policy.next())).toEqual([1000, 2000, 4000, 5000, 5000]);
    policy.reset();
    expect(policy.next()).toBe(1000);
  });

  it('spreads over half the delay', () => {
    expect(new ReconnectPolicy(1000, 5000, () => 0.5).next()).toBe(750);
  });

  it('stays finite however long the server is away', () => {
    const policy = new ReconnectPolicy(1000, 30_000, () => 0);
    for (let attempt = 0; attempt < 5000; attempt += 1) policy.next();
    expect(policy.next()).toBe(30_000);
  });

  it('keeps a first delay above the maximum', () => {
    expect(new ReconnectPolicy(60_000, 30_000, () => 0).next()).toBe(60_000);
  });

  it.each([0, -1])('never retries with a delay of %d', (initial) => {
    expect(new ReconnectPolicy(initial, 5000).next()).toBeUndefined();
  });
});
