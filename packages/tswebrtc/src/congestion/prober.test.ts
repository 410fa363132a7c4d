import { describe, expect, it } from 'vitest';
import { Prober } from './prober.ts';

const CLUSTER = { clusterId: 3, bitrate: 4_000_000, minBytes: 7500, minPackets: 5 };

/** Ticks at the given times; returns [time, bytes] of what was sent, in packets of 500. */
function send(prober: Prober, times: readonly number[]): [number, number][] {
  const out: [number, number][] = [];
  for (const now of times) {
    let bytes = 0;
    for (let due = prober.due(now); due > 0 && prober.current; due -= 500) {
      prober.sent(500, now);
      bytes += 500;
    }
    if (bytes > 0) out.push([now, bytes]);
  }
  return out;
}

const every = (interval: number): number[] => Array.from({ length: 40 }, (_, i) => 100 + i * interval);

describe('Prober', () => {
  it('sends a train at its rate and then has nothing to do', () => {
    const prober = new Prober();
    prober.add(CLUSTER, 100);
    const out = send(prober, every(1));
    expect(out.reduce((sum, [, bytes]) => sum + bytes, 0)).toBe(7500);
    const duration = out.at(-1)![0] - 100;
    expect(duration).toBeGreaterThanOrEqual(9);
    expect(duration).toBeLessThanOrEqual(15);
    expect(prober.current).toBeUndefined();
    expect(prober.delay(200)).toBeUndefined();
  });

  it('does not make up for late timers in one burst', () => {
    const prober = new Prober();
    prober.add(CLUSTER, 100);
    for (const [, bytes] of send(prober, every(20))) expect(bytes).toBeLessThanOrEqual(3000);
  });

  it('says when it wants to send', () => {
    const prober = new Prober();
    prober.add(CLUSTER, 100);
    expect(prober.delay(100)).toBe(0);
    prober.sent(1000, 100);
    expect(prober.delay(100)).toBeCloseTo(2);
    expect(prober.due(101)).toBe(0);
    expect(prober.due(103)).toBeGreaterThan(0);
  });

  it('gives up a train that could not be sent for seconds', () => {
    const prober = new Prober();
    prober.add(CLUSTER, 100);
    expect(prober.due(10_000)).toBe(0);
    expect(prober.current).toBeUndefined();
  });
});
