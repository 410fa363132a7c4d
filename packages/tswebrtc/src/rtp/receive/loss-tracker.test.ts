import { describe, expect, it } from 'vitest';
import { LossTracker } from './loss-tracker.ts';

describe('LossTracker', () => {
  it('asks for a gap at once, again a round trip later, and not for what came', () => {
    const tracker = new LossTracker();
    for (const sequence of [10, 11, 14]) tracker.arrived(sequence, 0);
    expect(tracker.take(0, 100)).toEqual([12, 13]);
    expect(tracker.take(100, 100)).toEqual([]);
    expect(tracker.next(100)).toBe(125);
    tracker.arrived(12, 110, false);
    expect(tracker.take(125, 100)).toEqual([13]);
    expect(tracker.has(13)).toBe(true);
    tracker.arrived(13, 130, false);
    expect(tracker.size).toBe(0);
    expect(tracker.next(100)).toBe(Number.POSITIVE_INFINITY);
    expect(tracker.requestedPackets).toBe(3);
  });

  it('learns how late packets come out of order, and asks no sooner, until it has forgotten', () => {
    const tracker = new LossTracker();
    for (const sequence of [0, 2]) tracker.arrived(sequence, 0);
    expect(tracker.take(0, 100)).toEqual([1]);
    // It comes by itself, long before the answer can.
    tracker.arrived(1, 15);
    for (const sequence of [3, 5]) tracker.arrived(sequence, 100);
    expect(tracker.take(110, 100)).toEqual([]);
    expect(tracker.next(100)).toBeCloseTo(115, 0);
    expect(tracker.take(116, 100)).toEqual([4]);
    for (let sequence = 6; sequence < 3000; sequence++) tracker.arrived(sequence, 200);
    tracker.arrived(3002, 300);
    expect(tracker.take(301, 100)).toContain(3001);
  });

  it('gives up after ten requests', () => {
    const tracker = new LossTracker();
    tracker.arrived(0, 0);
    tracker.arrived(2, 0);
    let asked = 0;
    for (let now = 0; now < 10_000; now++) asked += tracker.take(now, 20).length;
    expect(asked).toBe(10);
    expect(tracker.has(1)).toBe(false);
  });

  it('forgets what is of no use any more', () => {
    const tracker = new LossTracker();
    for (const sequence of [0, 3, 6]) tracker.arrived(sequence, 0);
    tracker.forgetBefore(4);
    expect(tracker.take(0, 50)).toEqual([4, 5]);
  });

  it('keeps no more than a gap can have, though nothing is ever asked for or forgotten', () => {
    const tracker = new LossTracker();
    for (let sequence = 0; sequence < 100_000; sequence += 900) tracker.arrived(sequence, 0);
    expect(tracker.size).toBeLessThanOrEqual(1000);
  });

  it('takes a leap for a new beginning', () => {
    const tracker = new LossTracker();
    tracker.arrived(0, 0);
    expect(tracker.arrived(2, 0)).toBe(true);
    expect(tracker.arrived(20_000, 0)).toBe(false);
    expect(tracker.size).toBe(0);
  });
});
