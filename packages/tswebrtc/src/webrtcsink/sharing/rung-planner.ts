/**
 * Who shares an encoding with whom, and at which bitrate. A session that is alone steers its encoding exactly to its own
 * target; sessions that share sit on a rung of the ladder and never follow one member's noisy estimate. Down at once, up
 * when the higher rung has been affordable for a while; where more rungs are occupied than encoders may run, neighbours
 * merge downwards. Sans-IO: time in ms is an argument, rates are bit/s.
 */
import type { RungLadder } from './rung-ladder.ts';

/** A higher rung must have been affordable for so long, ms. */
export const UP_DELAY = 3000;
/** A newcomer's estimate is on its way up from the start bitrate: its first rungs need to last only so long, ms. */
const NEWCOMER_UP_DELAY = 500;
/** It counts as a newcomer for so long after its first estimate, ms, and that comes so long after the join at the latest. */
const NEWCOMER_TIME = 3000;
const SETUP_TIME = 30_000;
/**
 * Where somebody has to give way, who came so short a time ago, ms, counts for this part of one who has settled: its rung is
 * not its last, and those who watch already should see nothing of it.
 */
const SETTLING_TIME = 15_000;
const NEWCOMER_WEIGHT = 0.02;

/**
 * What a newcomer starts with is a guess. As long as nothing is known of its path it joins an encoding of others that makes up
 * to so many times as much, rather than have one opened for the moments that its estimate takes.
 */
const GUESS_FACTOR = 2;
/** The guess was too high when the estimate falls below this part of it, and no better than the estimate after so long, ms. */
const GUESS_PART = 0.9;
const GUESS_TIME = 1000;

/** The rung that content is given is higher than what it needs by this factor, so that it shows when it needs more. */
const CONTENT_MARGIN = 1.75;

/**
 * `alone`: steered exactly; `shared`: on its rung with others; `merged`: moved down because no more encodings may run;
 * `passthrough`: the input's own packets.
 */
export type PlacementReason = 'alone' | 'shared' | 'merged' | 'per-consumer' | 'passthrough';

/** One encoding that ought to run. */
export interface Placement<Id> {
  readonly bitrate: number;
  readonly members: readonly Id[];
  /** Those of `members` that could afford a higher rung. */
  readonly merged: ReadonlySet<Id>;
}

/** How many encodings may run. */
export interface EncodingBudget {
  /** What they may cost together; infinite gives everybody an encoding of its own. */
  readonly most: number;
  /** What one at a bitrate costs; left out: each costs 1. */
  readonly cost?: (bitrate: number) => number;
}

interface Occupied<Id> {
  readonly rung: number;
  readonly members: Id[];
  readonly merged: Set<Id>;
  readonly cost: number;
}

interface Member {
  target: number;
  /** Index of the rung it may take. */
  rung: number;
  readonly joined: number;
  /** The target it joined with, while that is all that is known, and since when there is another. */
  guess: number | undefined;
  firstEstimate: number | undefined;
  /** Since when each rung has been affordable without a break, ms; infinite for those that are not. */
  readonly since: number[];
}

export class RungPlanner<Id> {
  readonly #ladder: RungLadder;
  readonly #limits: { readonly min: number; readonly max: number };
  readonly #budget: EncodingBudget;
  readonly #members = new Map<Id, Member>();
  /** No rung above this one would look any better. */
  #ceiling: number;

  constructor(ladder: RungLadder, limits: { readonly min: number; readonly max: number }, budget: EncodingBudget) {
    this.#ladder = ladder;
    this.#limits = limits;
    this.#budget = budget;
    this.#ceiling = ladder.rungs.length - 1;
  }

  get size(): number {
    return this.#members.size;
  }

  /** A session's target, its first one makes it a member. Returns whether it can afford less than it has. */
  setTarget(id: Id, target: number, now: number): boolean {
    const affordable = this.#ladder.highestWithin(target);
    const member = this.#members.get(id);
    if (!member) {
      const since = this.#ladder.rungs.map((_, rung) => (rung > affordable ? Number.POSITIVE_INFINITY : now));
      this.#members.set(id, { target, rung: affordable, joined: now, guess: target, firstEstimate: undefined, since });
      return true;
    }
    member.target = target;
    if (target !== member.guess) member.firstEstimate ??= now;
    for (let rung = 0; rung < member.since.length; rung++) {
      if (rung > affordable) member.since[rung] = Number.POSITIVE_INFINITY;
      else if (member.since[rung] === Number.POSITIVE_INFINITY) member.since[rung] = now;
    }
    if (affordable >= member.rung) {
      if (target !== member.guess) member.guess = undefined;
      return false;
    }
    if (this.#mayStillBeRight(member, target, now)) return false;
    member.guess = undefined;
    member.rung = affordable;
    return true;
  }

  /** Whether a target that does not pay for the newcomer's rung may be one on its way up to it. */
  #mayStillBeRight(member: Member, target: number, now: number): boolean {
    if (member.guess === undefined) return false;
    if (member.firstEstimate === undefined) return true;
    return target >= GUESS_PART * member.guess && now - member.firstEstimate < GUESS_TIME;
  }

  /** What the content needs, where that is less than the highest encoding may make, bit/s: rungs above it are the same to all. */
  setContentBitrate(bitrate: number | undefined): void {
    const { rungs } = this.#ladder;
    const index = bitrate === undefined ? -1 : rungs.findIndex((rung) => rung >= bitrate * CONTENT_MARGIN);
    this.#ceiling = index < 0 ? rungs.length - 1 : index;
  }

  remove(id: Id): void {
    this.#members.delete(id);
  }

  /** Lets time pass: lets climb who may. Returns the encodings that ought to run now, highest first. */
  plan(now: number): Placement<Id>[] {
    if (this.#budget.most === Number.POSITIVE_INFINITY) return this.#planEach();
    const byRung = new Map<number, Id[]>();
    for (const member of this.#members.values()) {
      if (member.guess === undefined) this.#climb(member, now);
      else this.#borrow(member, member.guess);
    }
    for (const [id, member] of this.#members) {
      const rung = Math.min(member.rung, this.#ceiling);
      const others = byRung.get(rung);
      if (others) others.push(id);
      else byRung.set(rung, [id]);
    }
    const { most, cost } = this.#budget;
    const occupied: Occupied<Id>[] = [...byRung]
      .sort(([a], [b]) => b - a)
      .map(([rung, members]) => ({ rung, members, merged: new Set(), cost: cost?.(this.#ladder.rungs[rung]!) ?? 1 }));
    while (occupied.length > 1 && occupied.reduce((sum, one) => sum + one.cost, 0) > most) this.#mergeCheapest(occupied, now);
    return occupied.map(({ rung, members, merged }) => ({
      bitrate: members.length === 1 ? this.#clamp(this.#members.get(members[0]!)!.target) : this.#ladder.rungs[rung]!,
      members,
      merged,
    }));
  }

  #planEach(): Placement<Id>[] {
    return [...this.#members].map(([id, { target }]) => ({
      bitrate: this.#clamp(target),
      members: [id],
      merged: new Set<Id>(),
    }));
  }

  #climb(member: Member, now: number): void {
    const delay = this.#isNew(member, NEWCOMER_TIME, now) ? NEWCOMER_UP_DELAY : UP_DELAY;
    while (now - (member.since[member.rung + 1] ?? Number.POSITIVE_INFINITY) >= delay) member.rung++;
  }

  /** Gives a newcomer of which nothing is known the nearest rung above that others have. */
  #borrow(member: Member, guess: number): void {
    const { rungs } = this.#ladder;
    let nearest = Number.POSITIVE_INFINITY;
    for (const other of this.#members.values()) {
      if (other.guess === undefined && other.rung >= member.rung) nearest = Math.min(nearest, other.rung);
    }
    if (rungs[nearest]! <= GUESS_FACTOR * guess) member.rung = nearest;
  }

  #isNew({ joined, firstEstimate }: Member, time: number, now: number): boolean {
    return now - (firstEstimate ?? joined + SETUP_TIME) < time;
  }

  /**
   * Moves the members of one rung down to the next occupied one: those who lose the least together for what is saved. What is seen of a bitrate
   * goes with its logarithm, so that half is as bad for who has little as for who has much.
   */
  #mergeCheapest(occupied: Occupied<Id>[], now: number): void {
    const { rungs } = this.#ladder;
    let cheapest = 0;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i + 1 < occupied.length; i++) {
      const { rung, members, cost } = occupied[i]!;
      const weight = members.reduce(
        (sum, id) => sum + (this.#isNew(this.#members.get(id)!, SETTLING_TIME, now) ? NEWCOMER_WEIGHT : 1),
        0,
      );
      const loss = (weight * Math.log(rungs[rung]! / rungs[occupied[i + 1]!.rung]!)) / cost;
      if (loss >= least) continue;
      least = loss;
      cheapest = i;
    }
    const [upper] = occupied.splice(cheapest, 1);
    const lower = occupied[cheapest]!;
    for (const id of upper!.members) {
      lower.members.push(id);
      lower.merged.add(id);
    }
  }

  #clamp(bitrate: number): number {
    return Math.round(Math.max(this.#limits.min, Math.min(this.#limits.max, bitrate)));
  }
}
