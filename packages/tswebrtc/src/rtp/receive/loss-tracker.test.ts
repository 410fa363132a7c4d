import { describe, expect, it } from 'vitest';
import { LossTracker } from './loss-tracker.ts';

describe('LossTracker', () => {
  it('asks for a gap at once, again a round trip later, and not for what came', () => {
    const tracker = new LossTracker();
    for (const sequence of [10, 11, 14]) tracker.arrived(sequence);
    expect(tracker.take(0, 100)).toEqual([12, 13]);
    expect(tracker.take(100, 100)).toEqual([]);
    expect(tracker.next(100)).toBe(125);
    tracker.arrived(12);
    expect(tracker.take(125, 100)).toEqual([13]);
    expect(tracker.has(13)).toBe(true);
    tracker.arrived(13);
    expect(tracker.size).toBe(0);
    expect(tracker.next(100)).toBe(Number.POSITIVE_INFINITY);
    expect(tracker.requestedPackets).toBe(3);
  });

  it('gives up after ten requests', () => {
    const tracker = new LossTracker();
    tracker.arrived(0);
    tracker.arrived(2);
    let asked = 0;
    for (let now = 0; now < 10_000; now++) asked += tracker.take(now, 20).length;
    expect(asked).toBe(10);
    expect(tracker.has(1)).toBe(false);
  });

  it('forgets what is of no use any more', () => {
    const tracker = new LossTracker();
    for (const sequence of [0, 3, 6]) tracker.arrived(sequence);
    tracker.forgetBefore(4);
    expect(tracker.take(0, 50)).toEqual([4, 5]);
    tracker.clear();
    expect(tracker.take(1000, 50)).toEqual([]);
  });

  it('takes a leap for a new beginning', () => {
    const tracker = new LossTracker();
    tracker.arrived(0);
    expect(tracker.arrived(2)).toBe(true);
    expect(tracker.arrived(20_000)).toBe(false);
    expect(tracker.size).toBe(0);
  });
});
