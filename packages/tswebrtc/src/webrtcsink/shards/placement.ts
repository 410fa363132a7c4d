/**
 * Which shard takes the next session. Shard 0 is the main thread, which is there anyway; the others are threads that have to
 * be started, and to which every frame has to be carried. Without IO.
 */

/** So many sessions in each shard before another one is of use: they take a third of a core, half of one in plain TypeScript. */
export const SHARD_FILL = 100;
/** A thread takes half a second to start: it is started so many sessions before it is needed. */
const AHEAD = 10;

export class Placement {
  /** Most shards that there may be. */
  readonly shards: number;
  readonly #fill: number;

  /** `shards`: so many, filled evenly; 0: as many as help on a machine with `cores`. */
  constructor(shards: number, cores: number) {
    this.#fill = shards === 0 ? SHARD_FILL : 0;
    // One core is left to the encoders.
    this.shards = shards || Math.max(1, cores - 1);
  }

  /** Index of the shard for one more session; `sessions`: how many each has, of those that were ever used. */
  choose(sessions: readonly number[]): number {
    const useful = this.#fill === 0 ? this.shards : this.#useful(totalOf(sessions));
    let best = 0;
    for (let index = 1; index < useful; index++) {
      if ((sessions[index] ?? 0) < (sessions[best] ?? 0)) best = index;
    }
    return best;
  }

  /** How many shards should run by now, the main thread's among them. */
  due(sessions: readonly number[]): number {
    return this.#fill === 0 ? 1 : this.#useful(totalOf(sessions) + AHEAD);
  }

  #useful(total: number): number {
    return Math.min(this.shards, 1 + Math.floor(total / this.#fill));
  }
}

function totalOf(sessions: readonly number[]): number {
  return sessions.reduce((sum, count) => sum + count, 0);
}
