import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compactNtp, fromNtp, toAbsSendTime, toNtp } from './ntp.ts';

describe('NTP time', () => {
  it('counts from 1900', () => {
    expect(toNtp(0)).toEqual({ seconds: 2_208_988_800, fraction: 0 });
    expect(toNtp(Date.UTC(2026, 10, 3, 12, 0, 0, 500))).toEqual({ seconds: 4_002_696_000, fraction: 0x8000_0000 });
  });

  it('comes back, also from the second era', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: Date.UTC(2100, 0), noNaN: true }), (wallTime) => {
        expect(Math.abs(fromNtp(toNtp(wallTime)) - wallTime)).toBeLessThan(0.001);
      }),
    );
  });

  it('has its middle 32 bits in units of 1/65536 s', () => {
    const a = compactNtp(toNtp(1_700_000_000_000));
    const b = compactNtp(toNtp(1_700_000_001_250));
    expect((b - a) >>> 0).toBe(65_536 * 1.25);
  });

  it('gives abs-send-time in 2^-18 s, wrapping every 64 s', () => {
    expect(toAbsSendTime(1000)).toBe(1 << 18);
    expect(toAbsSendTime(64_000)).toBe(0);
    expect(toAbsSendTime(64_000 * 1_000_000 + 500)).toBe(1 << 17);
  });
});
