import { describe, expect, it } from 'vitest';
import { CongestionController } from './congestion-controller.ts';
import { NOT_RECEIVED } from './types.ts';

const make = (startBitrate = 1_000_000): CongestionController =>
  new CongestionController({ startBitrate, minBitrate: 100_000, maxBitrate: 4_000_000, now: 0 });

/** Sends at the target over a path without end, feedback every 50 ms. Returns the next sequence number. */
function run(control: CongestionController, from: number, to: number, lose = (_i: number): boolean => false): number {
  let sequence = from;
  let owed = 0;
  for (let now = from; now < to; now += 50) {
    const base = sequence;
    for (owed += (control.target.bitrate * 50) / 8000; owed > 0; owed -= 1000) {
      control.packetSent(sequence++ & 0xffff, 1000, now);
    }
    const arrivals = new Int32Array(sequence - base);
    for (let i = 0; i < arrivals.length; i++) arrivals[i] = lose(base + i) ? NOT_RECEIVED : i;
    if (arrivals.length > 0) {
      control.feedback({ baseSequence: base & 0xffff, arrivals, referenceTime: Math.floor(now / 64) & 0xffffff }, now + 40);
    }
    control.process(now + 45);
    while (control.takeProbe(now)) {}
  }
  return sequence;
}

describe('CongestionController', () => {
  it('starts where it is told and asks for probes once packets flow', () => {
    const control = make();
    expect(control.target.bitrate).toBe(1_000_000);
    expect(control.process(0)).toBeUndefined();
    expect(control.takeProbe(0)).toBeUndefined();
    control.packetSent(0, 1200, 0);
    expect(control.takeProbe(0)!.bitrate).toBe(3_000_000);
    expect(control.takeProbe(0)!.bitrate).toBe(4_000_000);
    expect(control.takeProbe(0)).toBeUndefined();
    expect(control.process(10)).toBeGreaterThan(10);
  });

  it('never exceeds what the receiver allows, for as long as it says so', () => {
    const control = make();
    run(control, 0, 1000);
    control.remb(300_000, 1000);
    expect(control.target.bitrate).toBe(300_000);
    run(control, 1000, 7000);
    expect(control.target.bitrate).toBe(300_000);
    run(control, 7000, 15_000);
    expect(control.target.bitrate).toBeGreaterThan(300_000);
  });

  it('takes new bounds at once, and a min above max as max', () => {
    const control = make();
    control.setLimits({ min: 100_000, max: 500_000 }, 0);
    expect(control.target.bitrate).toBe(500_000);
    control.setLimits({ min: 900_000, max: 800_000 }, 0);
    expect(control.target.bitrate).toBe(800_000);
    control.setLimits({ min: 100_000, max: 2_000_000, start: 700_000 }, 0);
    expect(control.target.bitrate).toBe(700_000);
  });

  it('is steered by receiver reports where there is no other feedback, and not where there is', () => {
    const blind = make();
    for (let now = 0; now < 10_000; now += 1000) blind.lossReport(0.3, 100, now);
    expect(blind.target.bitrate).toBeLessThan(300_000);
    expect(blind.target.lossFraction).toBeCloseTo(0.3);
    const seeing = make();
    run(seeing, 0, 2000);
    const before = seeing.target.bitrate;
    seeing.lossReport(0.3, 100, 2000);
    expect(seeing.target.bitrate).toBe(before);
  });

  it('tells loss, round trip and what is in flight', () => {
    const control = make();
    const next = run(control, 0, 5000, (i) => i % 20 === 0);
    expect(control.target.lossFraction).toBeGreaterThan(0.02);
    expect(control.target.lossFraction).toBeLessThan(0.08);
    expect(control.target.rtt).toBeGreaterThan(30);
    expect(control.target.rtt).toBeLessThan(50);
    expect(control.bytesInFlight).toBe(0);
    control.packetSent(next & 0xffff, 700, 5000);
    expect(control.bytesInFlight).toBe(700);
  });

  it('gives a stable rate that rises slowly and falls at once', () => {
    const control = make(500_000);
    run(control, 0, 1000);
    const { bitrate } = control.target;
    control.setLimits({ min: 100_000, max: 4_000_000, start: 3_000_000 }, 1000);
    expect(control.target.bitrate).toBe(3_000_000);
    expect(control.target.stableBitrate).toBeLessThan(bitrate + 500_000);
    control.setLimits({ min: 100_000, max: 200_000 }, 1100);
    expect(control.target.stableBitrate).toBe(200_000);
  });
});
