import { describe, expect, it } from 'vitest';
import { RECEIVED, SendHistory } from './send-history.ts';

describe('SendHistory', () => {
  it('keeps counting where 16-bit numbers wrap', () => {
    const history = new SendHistory();
    const first = history.add(65_534, 100, 0, 0);
    history.add(65_535, 100, 1, 0);
    const third = history.add(0, 100, 2, 0);
    expect(third - first).toBe(2);
    expect(history.unwrap(65_535)).toBe(first + 1);
    expect(history.unwrap(0)).toBe(third);
    expect(history.sendTime(history.find(third))).toBe(2);
  });

  it('counts as in flight what lies beyond the last number reported, lost or not', () => {
    const history = new SendHistory();
    for (let i = 0; i < 10; i++) history.add(i, 100, i, 0);
    expect(history.bytesInFlight).toBe(1000);
    history.acknowledge(history.unwrap(6));
    expect(history.bytesInFlight).toBe(300);
    history.acknowledge(history.unwrap(3));
    expect(history.bytesInFlight).toBe(300);
    history.acknowledge(history.unwrap(9));
    expect(history.bytesInFlight).toBe(0);
  });

  it('grows rather than forget a packet whose feedback may still come', () => {
    const history = new SendHistory();
    const first = history.add(0, 100, 0, 0);
    for (let i = 1; i < 5000; i++) history.add(i, 100, i / 5, 0);
    expect(history.find(first)).toBeGreaterThanOrEqual(0);
    expect(history.bytesInFlight).toBe(500_000);
  });

  it('stays small where feedback comes, and bounded where none ever does', () => {
    const answered = new SendHistory();
    for (let i = 0; i < 100_000; i++) {
      const sequence = answered.add(i & 0xffff, 100, i, 0);
      answered.setState(answered.find(sequence), RECEIVED);
      answered.acknowledge(sequence);
    }
    expect(answered.capacity).toBe(512);
    const silent = new SendHistory();
    for (let i = 0; i < 200_000; i++) silent.add(i & 0xffff, 100, i / 100, 0);
    expect(silent.capacity).toBeLessThanOrEqual(0x8000);
    expect(silent.bytesInFlight).toBe(silent.capacity * 100);
  });

  it('is not misled by a number that was never sent', () => {
    const history = new SendHistory();
    history.add(100, 100, 0, 0);
    expect(history.find(history.unwrap(99))).toBe(-1);
    expect(history.find(history.unwrap(101))).toBe(-1);
  });
});
