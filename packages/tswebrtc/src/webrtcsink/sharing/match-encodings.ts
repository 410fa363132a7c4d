/**
 * Which running encoding takes which planned place. One that runs on is brought to another bitrate for nothing, while to
 * change the encoding costs its session a keyframe: so each place goes to the encoding on which most of its members are.
 */
import type { Placement } from './rung-planner.ts';

/** What is to be known of a running encoding. */
export interface Running<Id> {
  /** bit/s. */
  readonly bitrate: number;
  has(member: Id): boolean;
}

/** The encoding for each placement, in order; undefined where one has to be started. */
export function matchEncodings<Id, E extends Running<Id>>(
  placements: readonly Placement<Id>[],
  running: readonly E[],
): (E | undefined)[] {
  const chosen: (E | undefined)[] = placements.map(() => undefined);
  const candidates = placements.flatMap((placement, index) =>
    running.map((encoding) => ({
      index,
      encoding,
      members: placement.members.reduce((count, id) => count + (encoding.has(id) ? 1 : 0), 0),
      distance: Math.abs(Math.log(encoding.bitrate / placement.bitrate)),
    })),
  );
  candidates.sort((a, b) => b.members - a.members || a.distance - b.distance);
  const taken = new Set<E>();
  for (const { index, encoding } of candidates) {
    if (chosen[index] || taken.has(encoding)) continue;
    chosen[index] = encoding;
    taken.add(encoding);
  }
  return chosen;
}
