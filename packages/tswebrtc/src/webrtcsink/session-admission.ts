/**
 * How a picture that comes later gets its part of a session's bitrate without costing the others a frame: first the path has a
 * moment to show that it carries more; where it does not, the others go down, each at the first keyframe of its lower encoding,
 * and only then the first packet of the new picture leaves. Times in ms, rates in bit/s.
 */

/** Probes have their result within this. */
const PROBE_TIME = 500;
/** Encoders have to open, and to make a keyframe: one that takes longer is not waited for. */
const ROOM_TIME = 3000;

export class Admission {
  readonly #wanted: number;
  #state: 'probing' | 'making-room' = 'probing';
  #deadline: number;

  /** `target`: of the session without the new picture; `added`: what that begins with. */
  constructor(target: number, added: number, now: number) {
    this.#wanted = target + added;
    this.#deadline = now + PROBE_TIME;
  }

  /**
   * What to do next: wait; divide the target among all, the others being given until `deadline` to follow; or let the picture in.
   * `crowded`: one of the others sends more than its new part.
   */
  step(target: number, crowded: boolean, now: number): 'wait' | 'divide' | 'admit' {
    if (this.#state === 'probing') {
      if (target < this.#wanted && now < this.#deadline) return 'wait';
      this.#state = 'making-room';
      this.#deadline = now + ROOM_TIME;
      return 'divide';
    }
    return crowded && now < this.#deadline ? 'wait' : 'admit';
  }

  /** Until when the others may send more than their new part. */
  get deadline(): number {
    return this.#deadline;
  }
}
