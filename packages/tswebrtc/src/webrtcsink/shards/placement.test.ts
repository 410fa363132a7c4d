import { describe, expect, it } from 'vitest';
import { Placement, SHARD_FILL } from './placement.ts';

/** Where `count` sessions go that stay. */
function fill(placement: Placement, count: number): number[] {
  const sessions: number[] = [];
  for (let i = 0; i < count; i++) {
    const index = placement.choose(Array.from(sessions, (sum) => sum ?? 0));
    sessions[index] = (sessions[index] ?? 0) + 1;
  }
  return sessions;
}

describe('Placement', () => {
  it('divides evenly among as many shards as it is given, the main thread first', () => {
    expect(fill(new Placement(3, 64), 7)).toEqual([3, 2, 2]);
    expect(fill(new Placement(1, 64), 500)).toEqual([500]);
  });

  it('gives the next session to the shard that has the fewest', () => {
    expect(new Placement(3, 1).choose([4, 2, 3])).toBe(1);
  });

  it('by itself starts threads when there are sessions for them, and leaves a core to the encoders', () => {
    const automatic = new Placement(0, 4);
    expect(fill(automatic, SHARD_FILL)).toEqual([SHARD_FILL]);
    expect(fill(automatic, SHARD_FILL + 10)).toEqual([SHARD_FILL, 10]);
    expect(fill(automatic, SHARD_FILL * 12)).toEqual(Array(3).fill(SHARD_FILL * 4));
  });

  it('by itself has a thread started some time before sessions come into it, and one that it was told to use only then', () => {
    const automatic = new Placement(0, 4);
    expect([[1], [SHARD_FILL - 20], [SHARD_FILL - 1], [SHARD_FILL, 1]].map((counts) => automatic.due(counts))).toEqual([
      1, 1, 2, 2,
    ]);
    expect(new Placement(3, 4).due([1])).toBe(1);
  });

  it('by itself stays in the main thread on a small machine', () => {
    expect(fill(new Placement(0, 2), 1000)).toEqual([1000]);
    expect(fill(new Placement(0, 1), 1000)).toEqual([1000]);
  });
});
