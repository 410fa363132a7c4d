import { describe, expect, it } from 'vitest';
import { InterArrival } from './inter-arrival.ts';

/** Feeds [send, arrival] pairs; returns the deltas that came out. */
function deltas(packets: readonly (readonly [number, number])[], interArrival = new InterArrival()): [number, number][] {
  const out: [number, number][] = [];
  for (const [send, arrival] of packets) {
    if (interArrival.packet(send, arrival, arrival)) out.push([interArrival.delta.send, interArrival.delta.arrival]);
  }
  return out;
}

describe('InterArrival', () => {
  it('compares the last packets of groups, and the packet that ends one begins the next', () => {
    // Groups (0, 3), (20, 24), (40).
    const out = deltas([
      [0, 100],
      [3, 103],
      [20, 122],
      [24, 130],
      [40, 145],
    ]);
    expect(out).toEqual([[21, 27]]);
    const more = deltas([
      [0, 100],
      [20, 120],
      [40, 150],
      [60, 160],
    ]);
    expect(more).toEqual([
      [20, 20],
      [20, 30],
    ]);
  });

  it('takes what a link released in one burst as one group', () => {
    const out = deltas([
      [0, 100],
      [20, 200],
      [40, 201],
      [60, 202],
      [80, 203],
      [100, 303],
      [120, 323],
    ]);
    // The burst (20..80) arrived within 3 ms: its end is compared, not its inside.
    expect(out).toEqual([
      [80, 103],
      [20, 100],
    ]);
  });

  it('ends a burst after 100 ms, though it goes on', () => {
    const packets: [number, number][] = [];
    for (let i = 0; i < 100; i++) packets.push([i * 10, i * 4]);
    expect(deltas(packets).length).toBeGreaterThan(1);
  });

  it('ignores packets out of order and starts anew when the clock of the receiver is set', () => {
    const interArrival = new InterArrival();
    expect(
      deltas(
        [
          [0, 0],
          [20, 20],
          [10, 21],
          [40, 40],
          [60, 60],
        ],
        interArrival,
      ),
    ).toEqual([
      [20, 20],
      [20, 20],
    ]);
    // An hour ahead of our own clock: no delta of an hour comes out.
    interArrival.packet(80, 3_600_080, 80);
    expect(interArrival.packet(100, 3_600_100, 100)).toBe(false);
    interArrival.packet(120, 3_600_120, 120);
    interArrival.packet(140, 3_600_140, 140);
    expect(interArrival.packet(160, 3_600_160, 160)).toBe(true);
    expect(interArrival.delta.arrival).toBe(20);
  });
});
