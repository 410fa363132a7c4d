/**
 * Decodes video packets while anybody wants pictures, and only then. Who comes in the middle does not wait for a keyframe:
 * what came since the last one is kept, and decoded at once.
 */
import { AV_NOPTS_VALUE } from 'node-av/constants';
import { type CodecContext, Frame } from 'node-av/lib';
import { type EncodedUnit, stamped } from './encoded-unit.ts';
import type { PictureWriter } from './picture-writer.ts';
import type { RawOutlet } from './raw-outlet.ts';

/** What is kept since the last keyframe: more than encoders for live pictures leave between two. */
const MOST_PACKETS = 600;
const MOST_BYTES = 16 << 20;

/** Times in µs on the timeline. */
interface Kept {
  readonly unit: EncodedUnit;
  readonly timestamp: number;
  readonly duration: number;
}

export class LazyPictures {
  readonly #decoder: CodecContext;
  readonly #writer: PictureWriter;
  readonly #outlet: RawOutlet;
  readonly #frame = new Frame();
  /** Since the last keyframe. */
  readonly #kept: Kept[] = [];
  #bytes = 0;
  #decoding = false;

  constructor(decoder: CodecContext, writer: PictureWriter, outlet: RawOutlet) {
    this.#decoder = decoder;
    this.#writer = writer;
    this.#outlet = outlet;
    this.#frame.alloc();
  }

  /** Takes over what is due at `timestamp` of the timeline and lasts `duration`, µs. */
  feed(unit: EncodedUnit, timestamp: number, duration: number): void {
    const kept = { unit, timestamp, duration };
    if (unit.keyframe) this.#forget();
    const begins = unit.keyframe || this.#kept.length > 0;
    if (begins) {
      this.#kept.push(kept);
      this.#bytes += unit.size;
    }
    if (!this.#outlet.hasSubscribers) this.#decoding = false;
    else if (this.#decoding) this.#decode(kept, true);
    else if (begins) this.#catchUp();
    if (!begins) unit.free();
    else if (this.#kept.length > MOST_PACKETS || this.#bytes > MOST_BYTES) this.#forget();
  }

  /** What comes does not build on what came. */
  breakOff(): void {
    this.#forget();
    this.#decoding = false;
  }

  /** Brings out what the decoder still holds. */
  drain(): void {
    if (!this.#decoding) return;
    this.#decoder.sendPacketSync(null);
    this.#receive(true);
    this.#decoder.flushBuffers();
    this.breakOff();
  }

  close(): void {
    this.#forget();
    this.#frame.free();
    this.#writer.close();
    this.#decoder.freeContext();
  }

  /** Of what is kept only the newest is of now. */
  #catchUp(): void {
    this.#decoder.flushBuffers();
    this.#decoding = true;
    const newest = this.#kept.length - 1;
    for (const [index, kept] of this.#kept.entries()) this.#decode(kept, index === newest);
  }

  #decode({ unit, timestamp, duration }: Kept, show: boolean): void {
    // A damaged packet costs its frame and nothing more.
    this.#decoder.sendPacketSync(stamped(unit, timestamp, duration));
    this.#receive(show);
  }

  #receive(show: boolean): void {
    for (;;) {
      const received = this.#decoder.receiveFrameSync(this.#frame);
      if (received < 0) return;
      const { bestEffortTimestamp, duration } = this.#frame;
      if (show && bestEffortTimestamp !== AV_NOPTS_VALUE) {
        this.#writer.write(this.#frame, Number(bestEffortTimestamp), Number(duration));
      }
      this.#frame.unref();
    }
  }

  #forget(): void {
    for (const { unit } of this.#kept.splice(0)) unit.free();
    this.#bytes = 0;
  }
}
