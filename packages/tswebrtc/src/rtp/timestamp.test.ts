import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { timestampDelta, toRtpTimestamp } from './timestamp.ts';

describe('RTP timestamps', () => {
  it('are the media position in clock units, to the nearest unit, at any position', () => {
    const position = fc.integer({ min: -(2 ** 52), max: 2 ** 53 - 1 });
    fc.assert(
      fc.property(position, fc.constantFrom(90_000, 48_000, 8_000), (microseconds, clockRate) => {
        // floor(x + 1/2) in whole numbers.
        const doubled = 2n * BigInt(microseconds) * BigInt(clockRate) + 1_000_000n;
        const floored = doubled / 2_000_000n - (doubled % 2_000_000n < 0n ? 1n : 0n);
        expect(BigInt(toRtpTimestamp(microseconds, clockRate))).toBe(BigInt.asUintN(32, floored));
      }),
      { numRuns: 2000 },
    );
  });

  it('do not drift: after a day of frames 33366.67 µs apart they are where the day is', () => {
    const frames = Math.floor((86_400 * 30_000) / 1001);
    const timestamp = toRtpTimestamp(Math.round((frames * 1001 * 1e6) / 30_000), 90_000);
    expect(Math.abs(timestampDelta(timestamp, (frames * 3003) >>> 0))).toBeLessThanOrEqual(1);
  });

  it('compare across the wrap', () => {
    expect(timestampDelta(10, 0xffff_fff0)).toBe(26);
    expect(timestampDelta(0xffff_fff0, 10)).toBe(-26);
  });
});
