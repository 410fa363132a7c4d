/**
 * Frames that wait for a reader who takes them one by one. It is bounded: a reader who is too slow loses frames, and where
 * later frames are built on them, all up to the next keyframe, for which it asks.
 */
import type { InboundFrame } from '../rtp/receive/inbound-stream.ts';

/** What waits at most: 4 s at 30 frames a second, 16 MiB. */
const MOST_FRAMES = 120;
const MOST_BYTES = 16 << 20;

export class FrameQueue implements AsyncIterableIterator<InboundFrame> {
  /** Frames that the reader lost. */
  dropped = 0;
  readonly #waiting: InboundFrame[] = [];
  readonly #onOverflow: () => void;
  readonly #onReturn: () => void;
  #bytes = 0;
  #waitsForKeyframe = false;
  #ended = false;
  #readers: ((result: IteratorResult<InboundFrame, undefined>) => void)[] = [];

  /** `onOverflow`: a keyframe would help; `onReturn`: the reader has had enough. */
  constructor(onOverflow: () => void, onReturn: () => void) {
    this.#onOverflow = onOverflow;
    this.#onReturn = onReturn;
  }

  push(frame: InboundFrame): void {
    if (this.#ended) return;
    if (this.#waitsForKeyframe && !frame.keyframe) {
      this.dropped++;
      return;
    }
    this.#waitsForKeyframe = false;
    const reader = this.#readers.shift();
    if (reader) {
      reader({ done: false, value: frame });
      return;
    }
    this.#waiting.push(frame);
    this.#bytes += frame.data.length;
    if (this.#waiting.length > MOST_FRAMES || this.#bytes > MOST_BYTES) this.#overflow();
  }

  /** No more will come; what waits can still be read. */
  end(): void {
    this.#ended = true;
    for (const reader of this.#readers.splice(0)) reader({ done: true, value: undefined });
  }

  next(): Promise<IteratorResult<InboundFrame, undefined>> {
    const frame = this.#waiting.shift();
    if (frame) {
      this.#bytes -= frame.data.length;
      return Promise.resolve({ done: false, value: frame });
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#readers.push(resolve));
  }

  return(): Promise<IteratorResult<InboundFrame, undefined>> {
    this.#waiting.length = 0;
    this.#bytes = 0;
    this.end();
    this.#onReturn();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #overflow(): void {
    this.dropped += this.#waiting.length;
    this.#waiting.length = 0;
    this.#bytes = 0;
    this.#waitsForKeyframe = true;
    this.#onOverflow();
  }
}
