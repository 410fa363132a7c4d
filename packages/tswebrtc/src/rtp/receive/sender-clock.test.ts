import { describe, expect, it } from 'vitest';
import { toNtp } from '../ntp.ts';
import type { SenderReport } from '../rtcp/types.ts';
import { SenderClock } from './sender-clock.ts';

const START = 1_764_000_000_000;
const report = (rtpTimestamp: number, time: number): SenderReport => ({
  type: 'sr',
  ssrc: 1,
  rtpTimestamp: rtpTimestamp % 2 ** 32,
  ntpTime: toNtp(time),
  packetCount: 0,
  octetCount: 0,
  reports: [],
});

describe("a sender's clock", () => {
  it('is not known before a report, and runs as it says after one', () => {
    const clock = new SenderClock(48_000);
    expect(clock.captureTime(7)).toBeUndefined();
    clock.report(report(96_000, START));
    expect(clock.captureTime(96_000 + 48_000)).toBeCloseTo(START + 1000, 3);
    expect(clock.captureTime(0)).toBeCloseTo(START - 2000, 3);
  });

  it('is measured where it runs at another rate: between reports, too', () => {
    const clock = new SenderClock(48_000);
    // A sound card that counts 47,600 samples a second, reported every 5 s.
    for (let i = 0; i <= 3; i++) clock.report(report(i * 5 * 47_600, START + i * 5000));
    expect(Math.abs(clock.captureTime(20 * 47_600)! - (START + 20_000))).toBeLessThan(0.1);
  });

  it('is smoother than the reports, which are rounded', () => {
    const clock = new SenderClock(90_000);
    for (let i = 0; i < 20; i++) clock.report(report(i * 90_000, START + i * 1000 + (i % 2 ? 0.8 : -0.8)));
    expect(Math.abs(clock.captureTime(20 * 90_000)! - (START + 20_000))).toBeLessThan(0.5);
  });

  it('goes on where its 32 bits are full, and heeds no report twice or out of order', () => {
    const clock = new SenderClock(90_000);
    const first = 2 ** 32 - 45_000;
    for (let i = 0; i < 4; i++) clock.report(report(first + i * 90_000, START + i * 1000));
    clock.report(report(first, START));
    expect(clock.captureTime(first + 4 * 90_000)).toBeCloseTo(START + 4000, 3);
  });

  it('begins anew with reports of another clock, and does not believe an impossible rate', () => {
    const clock = new SenderClock(90_000);
    for (let i = 0; i < 4; i++) clock.report(report(i * 90_000, START + i * 1000));
    clock.report(report(4 * 90_000, START + 3_600_000));
    expect(clock.captureTime(4 * 90_000)).toBeCloseTo(START + 3_600_000, 3);
    const wild = new SenderClock(90_000);
    for (let i = 0; i < 8; i++) wild.report(report(i * 90_000, START + i * 1100));
    expect(wild.captureTime(8 * 90_000)).toBeCloseTo(START + 7 * 1100 + 1000, 3);
  });
});
