/**
 * Encoded frames that wait for a reader. A reader who is too slow loses frames, and where later frames are built on them, all
 * up to the next keyframe, for which it asks.
 */
import { AsyncQueue } from '../common/async-queue.ts';
import type { InboundFrame } from '../rtp/receive/inbound-stream.ts';

/** What waits at most: 4 s at 30 frames a second, 16 MiB. */
const MOST_FRAMES = 120;
const MOST_BYTES = 16 << 20;

export class FrameQueue extends AsyncQueue<InboundFrame> {
  readonly #onOverflow: () => void;
  #waitsForKeyframe = false;

  /** `onOverflow`: a keyframe would help; `onReturn`: the reader has had enough. */
  constructor(onOverflow: () => void, onReturn: () => void) {
    super(onReturn);
    this.#onOverflow = onOverflow;
  }

  override push(frame: InboundFrame): void {
    if (this.ended) return;
    if (this.#waitsForKeyframe && !frame.keyframe) {
      this.dropped++;
      return;
    }
    this.#waitsForKeyframe = false;
    super.push(frame);
    const { waiting } = this;
    if (waiting.length > MOST_FRAMES || waiting.reduce((sum, { data }) => sum + data.length, 0) > MOST_BYTES) this.#overflow();
  }

  #overflow(): void {
    this.dropped += this.waiting.length;
    this.waiting.length = 0;
    this.#waitsForKeyframe = true;
    this.#onOverflow();
  }
}
