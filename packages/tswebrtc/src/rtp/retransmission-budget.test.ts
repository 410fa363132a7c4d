import { describe, expect, it } from 'vitest';
import { random } from './ops.testing.ts';
import { RetransmissionBudget } from './retransmission-budget.ts';

describe('RetransmissionBudget', () => {
  it('keeps what is sent again within its share of any second, however much is asked for', () => {
    const next = random(3);
    const budget = new RetransmissionBudget(20);
    const log: { at: number; bytes: number; again: boolean }[] = [];
    let most = 0;
    for (let now = 0; now < 20_000; now += next() * 10) {
      const bytes = 100 + Math.floor(next() * 1100);
      budget.sent(bytes, now);
      log.push({ at: now, bytes, again: false });
      while (budget.take(bytes, now)) log.push({ at: now, bytes, again: true });
      // Slots of 50 ms: the window is 950 to 1000 ms long.
      const recent = log.filter(({ at }) => Math.floor(at / 50) > Math.floor(now / 50) - 20);
      const sum = (list: typeof log): number => list.reduce((total, entry) => total + entry.bytes, 0);
      const share = sum(recent.filter(({ again }) => again)) / sum(recent);
      // What leaves the window may have been worth more than what came since; nothing is granted then.
      if (log.at(-1)!.again) expect(share).toBeLessThanOrEqual(0.2 + 1e-9);
      most = Math.max(most, share);
    }
    const again = log.filter((entry) => entry.again).reduce((total, { bytes }) => total + bytes, 0);
    const all = log.reduce((total, { bytes }) => total + bytes, 0);
    expect(again / all).toBeGreaterThan(0.15);
    expect(again / all).toBeLessThanOrEqual(0.2);
    expect(most).toBeLessThan(0.25);
  });

  it('allows nothing at 0 and everything at 100', () => {
    const none = new RetransmissionBudget(0);
    const all = new RetransmissionBudget(100);
    none.sent(10_000, 0);
    all.sent(1000, 0);
    expect(none.take(1, 1)).toBe(false);
    for (let i = 0; i < 100; i++) expect(all.take(1000, 1)).toBe(true);
  });

  it('forgets what was sent more than a second ago', () => {
    const budget = new RetransmissionBudget(50);
    budget.sent(1000, 0);
    expect(budget.take(1000, 900)).toBe(true);
    expect(budget.take(100, 900)).toBe(false);
    budget.sent(1000, 1000);
    // The first packet no longer counts, its repetition does: 1000 of 2000.
    expect(budget.take(100, 1000)).toBe(false);
    budget.sent(1000, 1950);
    expect(budget.take(1000, 1950)).toBe(true);
    expect(budget.take(10, 60_000)).toBe(false);
  });
});
