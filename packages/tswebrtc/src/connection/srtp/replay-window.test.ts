import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReplayWindow } from './replay-window.ts';

describe('ReplayWindow', () => {
  it('takes each index once, whatever the order', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 900 }), { maxLength: 200 }), (indices) => {
        const window = new ReplayWindow();
        const seen = new Set<number>();
        for (const index of indices) {
          expect(window.isFresh(index)).toBe(!seen.has(index));
          if (window.isFresh(index)) window.accept(index);
          seen.add(index);
        }
      }),
    );
  });

  it('refuses what is older than the window', () => {
    const window = new ReplayWindow();
    window.accept(5000);
    expect(window.isFresh(5000 - 1023)).toBe(true);
    expect(window.isFresh(5000 - 1024)).toBe(false);
  });

  it('forgets nothing and invents nothing when it jumps ahead', () => {
    const window = new ReplayWindow();
    window.accept(10);
    window.accept(1000);
    expect(window.isFresh(10)).toBe(false);
    expect(window.isFresh(11)).toBe(true);
    window.accept(2 ** 40);
    expect(window.isFresh(2 ** 40 - 1)).toBe(true);
    expect(window.isFresh(2 ** 40)).toBe(false);
  });
});
