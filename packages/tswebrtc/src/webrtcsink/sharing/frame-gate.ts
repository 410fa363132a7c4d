/**
 * What a session leaves out while its encoding makes more than the session may send: between the decision to go down and the
 * lower encoding's keyframe, or where there is no lower encoding. Frames of an upper temporal layer go first, since nothing
 * is built on them; a frame of the base layer takes with it all that follows up to the next keyframe. Sans-IO: time in ms.
 */

/** What may be sent ahead of the target, in time of it: upper layers, then the base layer. ms. */
const UPPER_LAYER_AHEAD = 60;
const BASE_LAYER_AHEAD = 250;
/** A new start is asked for once this little is ahead, ms. */
const RESTART_AHEAD = 50;

export interface GatedFrame {
  /** Bytes. */
  readonly size: number;
  readonly keyframe: boolean;
  readonly temporalLayer: number;
}

export class FrameGate {
  /** Frames left out since the first that was sent. */
  skipped = 0;
  #begun = false;
  /** Bytes sent ahead of the target. */
  #ahead = 0;
  #last: number | undefined;
  #waitsForKeyframe = true;

  /** Nothing can be decoded before the next keyframe. */
  get waitsForKeyframe(): boolean {
    return this.#waitsForKeyframe;
  }

  /** What follows cannot be decoded: something before it was lost on purpose. */
  breakOff(): void {
    this.#waitsForKeyframe = true;
  }

  /** Whether this is the time to ask for the keyframe that is waited for: it could be sent at once. */
  wantsKeyframe(target: number): boolean {
    return this.#waitsForKeyframe && this.#ahead <= (target / 8000) * RESTART_AHEAD;
  }

  /**
   * Whether to send a frame. `target`: what the session may send of this track, bit/s. `limited`: the encoding makes more
   * than that; otherwise every frame passes, since the encoder itself keeps to the target.
   */
  take(frame: GatedFrame, target: number, limited: boolean, now: number): boolean {
    const perMs = target / 8000;
    this.#ahead = Math.max(0, this.#ahead - (now - (this.#last ?? now)) * perMs);
    this.#last = now;
    if (!this.#passes(frame, perMs, limited)) {
      if (this.#begun) this.skipped++;
      return false;
    }
    this.#begun = true;
    if (frame.keyframe) this.#waitsForKeyframe = false;
    // Of an encoder that keeps to the target, the peaks are its own business.
    this.#ahead = limited ? this.#ahead + frame.size : 0;
    return true;
  }

  #passes(frame: GatedFrame, perMs: number, limited: boolean): boolean {
    if (this.#waitsForKeyframe && !frame.keyframe) return false;
    if (!limited) return true;
    if (frame.temporalLayer > 0) return this.#ahead <= perMs * UPPER_LAYER_AHEAD;
    if (this.#ahead <= perMs * BASE_LAYER_AHEAD) return true;
    this.#waitsForKeyframe = true;
    return false;
  }
}
