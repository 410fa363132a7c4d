/**
 * The packets of a track that comes encoded, in the shape of an encoding: whoever sends them need not know that nobody
 * encoded them here.
 */
import { Emitter } from '../common/emitter.ts';
import { TsWebRTCError } from '../common/errors.ts';
import type { EngineInput, Tap } from './engine-input.ts';
import type { CodecName, EncodedFrame, Encoding, EncodingEvents, EncodingStats, InputTrack } from './types.ts';

/** Where the packets come from. */
export interface PassthroughSource {
  readonly input: EngineInput;
  readonly track: InputTrack;
  readonly trackIndex: number;
}

export class PassthroughEncoding extends Emitter<EncodingEvents> implements Encoding {
  readonly id: string;
  readonly codec: CodecName;
  readonly #source: PassthroughSource;
  readonly #onClosed: () => void;
  readonly #off: () => void;
  #tap: Tap | undefined;
  #frames = 0;
  #keyframes = 0;
  #bytes = 0;
  #closed = false;

  constructor(id: string, codec: CodecName, source: PassthroughSource, onClosed: () => void) {
    super();
    this.id = id;
    this.codec = codec;
    this.#source = source;
    this.#onClosed = onClosed;
    this.#off = source.input.on('ended', () => this.emit('ended'));
  }

  /** As `Emitter.on`. Frames begin with the first listener for them. */
  override on<K extends keyof EncodingEvents>(event: K, listener: (...args: EncodingEvents[K]) => void): () => void {
    const off = super.on(event, listener);
    if (event === 'frame') this.#attach();
    return off;
  }

  requestKeyframe(): void {
    this.#tap?.requestKeyframe();
  }

  /** The bitrate is whoever encodes's. */
  setBitrate(): void {}

  /** So are size and frame rate. */
  setFormat(): void {}

  async getStats(): Promise<EncodingStats> {
    return {
      framesEncoded: this.#frames,
      keyFramesEncoded: this.#keyframes,
      framesDropped: 0,
      bytesEncoded: this.#bytes,
      totalEncodeTime: 0,
      targetBitrate: 0,
      encoderImplementation: 'passthrough',
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#off();
    this.#tap?.close();
    this.removeAllListeners();
    this.#onClosed();
  }

  #attach(): void {
    if (this.#tap || this.#closed) return;
    const { input, trackIndex, track } = this.#source;
    this.#tap = input.tap(trackIndex, {
      frame: (frame) => this.#onFrame(frame),
      failed: (error) => this.emit('error', error),
    });
    if (this.#tap) return;
    queueMicrotask(() => {
      this.emit('error', new TsWebRTCError('ENCODER_FAILED', `The packets of the track "${track.id}" cannot be passed on.`));
    });
  }

  #onFrame(frame: EncodedFrame): void {
    if (this.#closed) return void frame.release();
    this.#frames++;
    if (frame.keyframe) this.#keyframes++;
    this.#bytes += frame.data.length;
    this.emit('frame', frame);
  }
}
