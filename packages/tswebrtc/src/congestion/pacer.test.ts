import { describe, expect, it } from 'vitest';
import { PACING_FACTOR, Pacer } from './pacer.ts';

/** Sends `bytes` in packets of 1200 with a tick every `interval(i)` ms; returns when each packet left. */
function drain(pacer: Pacer, bytes: number, start: number, interval: (tick: number) => number): number[] {
  const times: number[] = [];
  let left = bytes;
  let now = start;
  for (let tick = 0; left > 0; tick++) {
    pacer.advance(now, left);
    while (left > 0 && pacer.canSend()) {
      pacer.spend(1200);
      left -= 1200;
      times.push(now);
    }
    now += interval(tick);
  }
  return times;
}

describe('Pacer', () => {
  it('spreads a large frame at the pacing rate', () => {
    const times = drain(new Pacer(1_000_000, 0), 30_000, 0, () => 1);
    const expected = (30_000 * 8) / (1_000 * PACING_FACTOR); // ms
    expect(times.at(-1)).toBeGreaterThan(expected * 0.8);
    expect(times.at(-1)).toBeLessThan(expected * 1.1);
  });

  it('takes no longer when ticks are late and irregular', () => {
    const steady = drain(new Pacer(1_000_000, 0), 30_000, 0, () => 1).at(-1)!;
    const late = drain(new Pacer(1_000_000, 0), 30_000, 0, (i) => [5, 15, 2, 20][i % 4]!).at(-1)!;
    expect(late).toBeLessThan(steady + 20);
  });

  it('lets at most two packets leave back to back on a link under 2 Mbit/s, however long it was idle', () => {
    const pacer = new Pacer(1_000_000, 0);
    const times = drain(pacer, 12_000, 10_000, () => 1);
    expect(times.filter((t) => t === 10_000)).toHaveLength(2);
  });

  it('counts what was sent without asking', () => {
    const pacer = new Pacer(1_000_000, 0);
    pacer.advance(0, 1200);
    pacer.spend(4800);
    expect(pacer.canSend()).toBe(false);
    expect(pacer.delay).toBeGreaterThan(5);
    pacer.advance(pacer.delay, 1200);
    expect(pacer.canSend()).toBe(true);
  });

  it('raises the rate rather than let a queue grow old', () => {
    const times = drain(new Pacer(100_000, 0), 200_000, 0, () => 1);
    expect(times.at(-1)).toBeLessThan(1500);
  });
});
