/** Hands the packets of one track on as they are, to whoever tapped it, through a ring each. */
import { EncodedRingWriter } from '../../encoded-ring.ts';
import type { FromInput } from '../messages.ts';
import type { Timeline } from '../timeline.ts';

interface OpenTap {
  readonly id: number;
  readonly ring: EncodedRingWriter;
  /** What was sent last, if anything, does not lead to what comes. */
  waitsForKeyframe: boolean;
}

export class EncodedOutlet {
  timeline: Timeline | undefined;
  readonly #taps: OpenTap[] = [];
  #post: ((message: FromInput) => void) | undefined;
  #failure: string | undefined;

  get tapped(): boolean {
    return this.#taps.length > 0;
  }

  tap(id: number, buffer: SharedArrayBuffer, post: (message: FromInput) => void): void {
    this.#post = post;
    if (this.#failure !== undefined) post({ type: 'tap-failed', tap: id, message: this.#failure });
    else this.#taps.push({ id, ring: new EncodedRingWriter(buffer), waitsForKeyframe: true });
  }

  untap(id: number): void {
    const index = this.#taps.findIndex((tap) => tap.id === id);
    if (index >= 0) this.#taps.splice(index, 1);
  }

  /** Times in µs. Copies `data`. */
  write(data: Uint8Array, timestamp: number, duration: number, keyframe: boolean): void {
    for (const tap of this.#taps) {
      if (keyframe) tap.waitsForKeyframe = false;
      if (tap.waitsForKeyframe) continue;
      const position = tap.ring.write(data);
      if (position < 0) {
        tap.waitsForKeyframe = true;
        continue;
      }
      this.#post?.({
        type: 'tapped',
        tap: tap.id,
        position,
        length: data.length,
        timestamp,
        duration,
        captureTime: this.timeline?.captureTime(timestamp) ?? 0,
        keyframe,
        temporalLayer: 0,
      });
    }
  }

  /** Something between was lost: what comes cannot be decoded before the next keyframe. */
  breakOff(): void {
    for (const tap of this.#taps) tap.waitsForKeyframe = true;
  }

  /** The packets turn out to be such that nobody could play them; `message` is a sentence. */
  fail(message: string): void {
    if (this.#failure !== undefined) return;
    this.#failure = message;
    for (const { id } of this.#taps.splice(0)) this.#post?.({ type: 'tap-failed', tap: id, message });
  }
}
