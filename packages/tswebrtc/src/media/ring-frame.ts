/** Encoded frames in the ring in which they came from another thread. */
import type { EncodedRingReader } from './encoded-ring.ts';
import type { EncodedFrame, InputTrack } from './types.ts';
import type { FrameInRing } from './worker/messages.ts';

/** Room for encoded frames that are not released yet, bytes: a second of the fastest stream and more. */
const RING_SIZE: Record<InputTrack['kind'], number> = { video: 4 << 20, audio: 2 << 20 };

/** Memory for the encoded frames of a track. */
export function ringFor(track: InputTrack): SharedArrayBuffer {
  const area = track.kind === 'video' ? track.format.width * track.format.height : 0;
  return new SharedArrayBuffer(Math.max(RING_SIZE[track.kind], area * 3));
}

/** An encoded frame in place in its ring. */
export class RingFrame implements EncodedFrame {
  readonly data: Uint8Array;
  readonly timestamp: number;
  readonly duration: number;
  readonly captureTime: number;
  readonly keyframe: boolean;
  readonly temporalLayer: number;
  readonly #position: number;
  #reader: EncodedRingReader | undefined;

  constructor(message: FrameInRing, reader: EncodedRingReader) {
    this.data = reader.view(message.position, message.length);
    this.timestamp = message.timestamp;
    this.duration = message.duration;
    this.captureTime = message.captureTime;
    this.keyframe = message.keyframe;
    this.temporalLayer = message.temporalLayer;
    this.#position = message.position;
    this.#reader = reader;
  }

  release(): void {
    this.#reader?.release(this.#position);
    this.#reader = undefined;
  }
}
