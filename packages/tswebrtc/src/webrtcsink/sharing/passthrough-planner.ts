/**
 * Which sessions are sent the packets of an input as they are, and which an encoding of our own: packets have the bitrate they
 * have, and keyframes when they have them. Sans-IO: time in ms is an argument, rates are bit/s.
 */

/** Who has had no keyframe of the input after so long, ms, is sent an encoding of our own until there is one. */
export const PATIENCE = 2000;
/** An input that makes more than a session can have for so long, ms, is not for that session. */
const SHORT_TIME = 2000;
/** A newcomer's estimate is on its way up for so long after its first one, ms. */
const NEWCOMER_TIME = 3000;
/** A session must have been able to have it for so long, ms, before it is sent it again. */
const RICH_TIME = 3000;
/** Estimates are noisy: more than this part of what the input makes is enough, and this much more than it is sure to be enough. */
const SHORT_PART = 0.9;
const RICH_PART = 1.1;

/**
 * `passed`: gets the input's packets; `encoded`: gets an encoding of ours; `changing`: the same, and goes over to the input's
 * packets at their next keyframe.
 */
export type PassthroughPlace = 'passed' | 'encoded' | 'changing';

interface Member {
  target: number;
  readonly joined: number;
  /** The target it joined with is a guess. */
  readonly guess: number;
  firstEstimate: number | undefined;
  passed: boolean;
  /** It was sent a keyframe of the input's. */
  started: boolean;
  shortSince: number | undefined;
  richSince: number | undefined;
}

export class PassthroughPlanner<Id> {
  /** Nobody is ever sent anything else. */
  readonly always: boolean;
  readonly #members = new Map<Id, Member>();

  constructor(always: boolean) {
    this.always = always;
  }

  /** A session's target; its first one makes it a member. */
  setTarget(id: Id, target: number, now: number): void {
    const member = this.#members.get(id);
    if (!member) {
      const fresh = { target, joined: now, guess: target, firstEstimate: undefined };
      this.#members.set(id, { ...fresh, passed: true, started: false, shortSince: undefined, richSince: undefined });
      return;
    }
    member.target = target;
    if (target !== member.guess) member.firstEstimate ??= now;
  }

  remove(id: Id): void {
    this.#members.delete(id);
  }

  /** It was sent a keyframe of the input's: it can go on with what follows. */
  started(id: Id): void {
    const member = this.#members.get(id);
    if (!member) return;
    member.passed = member.started = true;
    member.shortSince = member.richSince = undefined;
  }

  /** `bitrate`: of the packets lately; undefined while it is not known. */
  place(id: Id, bitrate: number | undefined, now: number): PassthroughPlace {
    const member = this.#members.get(id);
    if (!member || this.always) return 'passed';
    return member.passed ? this.#leaves(member, bitrate, now) : this.#comes(member, bitrate, now);
  }

  #leaves(member: Member, bitrate: number | undefined, now: number): PassthroughPlace {
    if (!member.started && now - member.joined >= PATIENCE) {
      member.passed = false;
      // It waits for nothing but a keyframe.
      member.richSince = Number.NEGATIVE_INFINITY;
      return 'changing';
    }
    const isNew = now - (member.firstEstimate ?? now) < NEWCOMER_TIME;
    if (isNew || bitrate === undefined || member.target >= bitrate * SHORT_PART) member.shortSince = undefined;
    else member.shortSince ??= now;
    if (member.shortSince === undefined || now - member.shortSince < SHORT_TIME) return 'passed';
    member.passed = false;
    member.richSince = undefined;
    return 'encoded';
  }

  #comes(member: Member, bitrate: number | undefined, now: number): PassthroughPlace {
    if (bitrate !== undefined && member.target < bitrate * (member.richSince === undefined ? RICH_PART : SHORT_PART)) {
      member.richSince = undefined;
    } else member.richSince ??= now;
    return member.richSince !== undefined && now - member.richSince >= RICH_TIME ? 'changing' : 'encoded';
  }
}
