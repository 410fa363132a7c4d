import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { audioRedundancy, type FecInputs, FecRate } from './fec-rate.ts';

const USUAL: FecInputs = { loss: 0, roundTripTime: 150, videoBitrate: 2e6, overuse: false, retransmission: true };

/** Reports the same for `seconds`, twice a second from `from` on; returns the percentage after each. */
function report(rate: FecRate, inputs: Partial<FecInputs>, seconds: number, from = 0): number[] {
  return Array.from({ length: seconds * 2 + 1 }, (_, i) => rate.update({ ...USUAL, ...inputs }, from + i * 500));
}

const settled = (inputs: Partial<FecInputs>): number => report(new FecRate(), inputs, 30).at(-1)!;

describe('FecRate', () => {
  it('is none below 1 % of loss, then 2 to 2.5 times the loss, at most 50 %', () => {
    expect([0, 0.005, 0.0099].map((loss) => settled({ loss }))).toEqual([0, 0, 0]);
    for (const loss of [0.02, 0.05, 0.1, 0.2]) {
      const percentage = settled({ loss });
      expect(percentage).toBeGreaterThanOrEqual(100 * loss * 1.9);
      expect(percentage).toBeLessThanOrEqual(100 * loss * 2.5);
    }
    expect([0.3, 1].map((loss) => settled({ loss }))).toEqual([50, 50]);
  });

  it('is none where a packet sent again comes in time, and whole where it comes late', () => {
    const at = (roundTripTime: number | undefined, retransmission = true): number =>
      settled({ loss: 0.1, roundTripTime, retransmission });
    expect([at(0), at(20), at(30)]).toEqual([0, 0, 0]);
    expect(at(65)).toBeGreaterThan(8);
    expect(at(65)).toBeLessThan(15);
    const whole = at(100);
    expect([at(400), at(undefined)]).toEqual([whole, whole]);
  });

  it('is several times as much where nothing is sent again, at most as much as media', () => {
    const at = (loss: number): number => settled({ loss, roundTripTime: 5, retransmission: false });
    expect(at(0)).toBe(0);
    expect(at(0.05)).toBeGreaterThan(40);
    expect(at(0.05)).toBeLessThan(60);
    expect(at(0.5)).toBe(100);
  });

  it('is none on slow links, and comes by degrees', () => {
    const at = (videoBitrate: number): number => settled({ loss: 0.1, videoBitrate });
    expect([at(0), at(100_000), at(300_000), at(Number.NaN)]).toEqual([0, 0, 0, 0]);
    expect(at(375_000)).toBeGreaterThan(8);
    expect(at(375_000)).toBeLessThan(15);
    expect(at(450_000)).toBe(at(8e6));
  });

  it('is none while we lose packets to a queue of our own, and does not remember that loss', () => {
    const rate = new FecRate();
    expect(report(rate, { loss: 0.3, overuse: true }, 5).every((percentage) => percentage === 0)).toBe(true);
    expect(rate.update({ ...USUAL, loss: 0 }, 5500)).toBe(0);
    report(rate, { loss: 0.1 }, 5, 6000);
    expect(rate.percentage).toBeGreaterThan(15);
    expect(rate.update({ ...USUAL, loss: 0.1, overuse: true }, 11_500)).toBe(0);
    // The loss that was there before comes back at once.
    expect(rate.update({ ...USUAL, loss: undefined }, 12_000)).toBeGreaterThan(15);
  });

  it('rises within a second and falls over seconds', () => {
    const rate = new FecRate();
    const up = report(rate, { loss: 0.1 }, 1);
    expect(up[2]).toBeGreaterThan(18);
    const down = report(rate, { loss: 0 }, 20, 1500);
    expect(down[2]).toBeGreaterThan(15);
    expect(down[10]).toBeLessThan(12);
    expect(down.at(-1)).toBe(0);
    expect(down).toEqual([...down].sort((a, b) => b - a));
  });

  it('does not flicker with loss that sways a little', () => {
    const rate = new FecRate();
    report(rate, { loss: 0.1 }, 10);
    const seen = new Set<number>();
    for (let i = 0; i < 40; i++) seen.add(rate.update({ ...USUAL, loss: 0.1 + (i % 2 ? 0.003 : -0.003) }, 10_500 + i * 500));
    expect(seen.size).toBe(1);
  });

  it('stays between 0 and its bound whatever it is told', () => {
    const number = fc.oneof(fc.double(), fc.double({ min: 0, max: 1 }));
    const inputs = fc.record({
      loss: fc.option(number, { nil: undefined }),
      roundTripTime: fc.option(number, { nil: undefined }),
      videoBitrate: fc.oneof(number, fc.constant(2e6)),
      overuse: fc.boolean(),
      retransmission: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(inputs, fc.integer({ min: -1000, max: 100_000 })), { maxLength: 30 }), (steps) => {
        const rate = new FecRate();
        for (const [step, now] of steps) {
          const percentage = rate.update(step, now);
          expect(percentage >= 0 && percentage <= 100).toBe(true);
        }
      }),
      { seed: 6, numRuns: 500 },
    );
  });
});

it('audio repeats its last packet above 2 % of loss until it is below 1 %', () => {
  let current = 0;
  const seen = [0, 0.015, 0.02, 0.025, 0.015, 0.011, 0.01, 0.015].map((loss) => (current = audioRedundancy(loss, current)));
  expect(seen).toEqual([0, 0, 0, 1, 1, 1, 0, 0]);
});
