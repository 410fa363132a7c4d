/**
 * Decides when an encoding makes the keyframe that its viewers ask for. Requests that come close together share one, and all
 * keyframes together may cost no more than a part of the bitrate, so that a storm of joins or of picture loss indications
 * takes nothing from the viewers that are already there that they could see. Sans-IO: time in ms is an argument.
 */

/** Two keyframes of one encoding are at least this far apart, ms. */
export const KEYFRAME_INTERVAL = 300;
/** However dear they are, who asks waits no longer than this, ms: who goes down, and everybody else. */
const SWITCH_DEADLINE = 500;
const DEADLINE = 1000;
/** Who goes up has a picture until then: keyframes for that alone are at least this far apart, ms. */
const CLIMB_INTERVAL = 2000;
/** The part of the bitrate that keyframes may take, beyond what a frame in their place would have cost. */
const COST_SHARE = 0.1;
/** Weight of the newest keyframe's cost in the mean. */
const WEIGHT = 0.5;

/**
 * `switch`: a session must go down to this encoding and is sent less than everything until it can. `climb`: it goes up, and
 * plays on meanwhile, so that it can share a keyframe with others who come after it.
 */
export type KeyframeUrgency = 'climb' | 'normal' | 'switch';

export class KeyframeGovernor {
  #last = Number.NEGATIVE_INFINITY;
  #due: number | undefined;
  /** Bits that a keyframe costs more than another frame; undefined before the first. */
  #cost: number | undefined;
  /** Bits of the share that are not paid yet, and since when. */
  #debt = 0;
  #debtTime = 0;
  #bitrate: number;

  /** `bitrate` of the encoding, bit/s. */
  constructor(bitrate: number) {
    this.#bitrate = bitrate;
  }

  set bitrate(value: number) {
    this.#bitrate = value;
  }

  /** Somebody needs a keyframe. Returns the time at which to call `take`, or undefined when that is arranged already. */
  request(now: number, urgency: KeyframeUrgency = 'normal'): number | undefined {
    const climbs = urgency === 'climb';
    const soonest = Math.max(now, this.#last + (climbs ? CLIMB_INTERVAL : KEYFRAME_INTERVAL));
    const deadline = now + (climbs ? CLIMB_INTERVAL : urgency === 'switch' ? SWITCH_DEADLINE : DEADLINE);
    const due = Math.max(soonest, Math.min(deadline, now + this.#wait(now)));
    if (this.#due !== undefined && this.#due <= due) return undefined;
    this.#due = due;
    return due;
  }

  /** Whether the encoder is to be told now. */
  take(now: number): boolean {
    if (this.#due === undefined || now < this.#due) return false;
    this.#last = now;
    this.#due = undefined;
    return true;
  }

  /** The encoder made a keyframe, asked or not: whoever waits has it. `extraBytes`: what it took beyond an average frame. */
  made(now: number, extraBytes: number): void {
    const cost = Math.max(0, extraBytes * 8);
    this.#cost = this.#cost === undefined ? cost : this.#cost + (cost - this.#cost) * WEIGHT;
    this.#debt = this.#owed(now) + cost;
    this.#debtTime = now;
    this.#last = Math.max(this.#last, now);
    this.#due = undefined;
  }

  #owed(now: number): number {
    return Math.max(0, this.#debt - ((now - this.#debtTime) * this.#bitrate * COST_SHARE) / 1000);
  }

  /** ms until the debt is down to one keyframe: so the first one that is asked for comes at once. */
  #wait(now: number): number {
    const excess = this.#owed(now) - (this.#cost ?? 0);
    return excess <= 0 ? 0 : (excess * 1000) / (this.#bitrate * COST_SHARE);
  }
}
