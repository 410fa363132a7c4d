/** A decoder as the main thread sees it. */
import { Emitter } from '../common/emitter.ts';
import { TsWebRTCError } from '../common/errors.ts';
import { isAudioCodec } from './audio-codecs.ts';
import { openWorker } from './open-worker.ts';
import type { Decoding, DecodingEvents, DecodingOptions, FrameToDecode } from './output-types.ts';
import type { FromDecoding, ToDecoding } from './worker/messages.ts';
import type { WorkerHost } from './worker-host.ts';

/** Frames that may wait for a decoder that is too slow: half a second of video, a quarter at least of sound in the shortest packets. */
const MOST_WAITING = { video: 16, audio: 250 } as const;

export class WorkerDecoding extends Emitter<DecodingEvents> implements Decoding {
  readonly #host: WorkerHost;
  readonly #onClosed: () => void;
  readonly #video: boolean;
  #waiting = 0;
  #waitsForKeyframe: boolean;
  #over = false;
  #closing: Promise<void> | undefined;

  private constructor({ codec }: DecodingOptions, host: WorkerHost, onClosed: () => void) {
    super();
    this.#host = host;
    this.#onClosed = onClosed;
    this.#video = this.#waitsForKeyframe = !isAudioCodec(codec);
  }

  /** Opens a decoder in a thread of its own. Closes the thread when that fails. */
  static async open(options: DecodingOptions, host: WorkerHost, onClosed: () => void): Promise<WorkerDecoding> {
    const decoding = new WorkerDecoding(options, host, onClosed);
    const request = { type: 'open-decoding', options } satisfies ToDecoding;
    const died = (cause: unknown): TsWebRTCError =>
      new TsWebRTCError('DECODER_FAILED', 'The thread of the decoder died.', { cause });
    await openWorker<FromDecoding>(host, request, 'decoding-opened', died, {
      message: (message) => decoding.#onMessage(message),
      failed: (error) => decoding.#fail(error),
    });
    return decoding;
  }

  decode(frame: FrameToDecode): void {
    if (this.#over || this.#closing) return;
    if (this.#waiting >= (this.#video ? MOST_WAITING.video : MOST_WAITING.audio)) {
      if (this.#video) this.#needKeyframe();
      return;
    }
    if (this.#waitsForKeyframe && !frame.keyframe) return;
    this.#waitsForKeyframe = false;
    this.#waiting++;
    const data = Uint8Array.from(frame.data);
    const { timestamp, keyframe, captureTime } = frame;
    this.#host.post({ type: 'frame', frame: { data, timestamp, keyframe, captureTime } } satisfies ToDecoding, [data.buffer]);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  #onMessage(message: FromDecoding): void {
    if (message.type === 'decoded') this.emit('decoded', message.frame);
    else if (message.type === 'taken') {
      this.#waiting--;
      if (message.damaged && this.#video) this.#needKeyframe();
    }
  }

  #needKeyframe(): void {
    if (this.#waitsForKeyframe) return;
    this.#waitsForKeyframe = true;
    this.emit('keyframe-wanted');
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.emit('error', error);
  }

  async #close(): Promise<void> {
    await this.#host.close();
    this.#onClosed();
    this.removeAllListeners();
  }
}
