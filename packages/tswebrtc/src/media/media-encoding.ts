/** A running encoding as the main thread sees it. */
import { MessageChannel } from 'node:worker_threads';
import { Emitter } from '../common/emitter.ts';
import { TsWebRTCError } from '../common/errors.ts';
import { EncodedRingReader } from './encoded-ring.ts';
import type { EncoderChoice } from './encoders.ts';
import type { EngineInput } from './engine-input.ts';
import { checkBitrate } from './options.ts';
import { RingFrame, ringFor } from './ring-frame.ts';
import type { CodecName, Encoding, EncodingEvents, EncodingOptions, EncodingStats, InputTrack } from './types.ts';
import type { EncoderCounters, FromEncoding, ToEncoding } from './worker/messages.ts';
import type { WorkerHost } from './worker-host.ts';

/** Where an encoding's raw frames come from. */
export interface EncodingSource {
  readonly input: EngineInput;
  readonly track: InputTrack;
  readonly trackIndex: number;
  /** Tells the subscribers of the input apart. */
  readonly subscriber: number;
}

export class WorkerEncoding extends Emitter<EncodingEvents> implements Encoding {
  readonly id: string;
  readonly codec: CodecName;
  readonly #host: WorkerHost;
  readonly #source: EncodingSource;
  readonly #reader: EncodedRingReader;
  readonly #onClosed: () => void;
  readonly #statsRequests = new Map<number, (stats: EncodingStats) => void>();
  #nextRequest = 0;
  #stats: EncoderCounters;
  #attached = false;
  #finished = false;
  #closed = false;

  private constructor(
    id: string,
    codec: CodecName,
    host: WorkerHost,
    source: EncodingSource,
    ring: SharedArrayBuffer,
    stats: EncoderCounters,
    onClosed: () => void,
  ) {
    super();
    this.id = id;
    this.codec = codec;
    this.#host = host;
    this.#source = source;
    this.#reader = new EncodedRingReader(ring);
    this.#stats = stats;
    this.#onClosed = onClosed;
  }

  /** Opens an encoder in a thread of its own. Closes the thread when that fails. */
  static async open(
    id: string,
    options: EncodingOptions,
    source: EncodingSource,
    host: WorkerHost,
    onClosed: () => void,
    encoders?: { readonly candidates: readonly string[]; readonly onChosen: (choice: EncoderChoice) => void },
  ): Promise<WorkerEncoding> {
    let encoding: WorkerEncoding | undefined;
    const ring = ringFor(source.track);
    try {
      return await new Promise((resolve, reject) => {
        host.take({
          message: (message) => {
            const from = message as FromEncoding;
            if (from.type === 'encoder-chosen') return encoders?.onChosen(from.choice);
            if (encoding) return encoding.#onMessage(from);
            if (from.type === 'failed') reject(new TsWebRTCError(from.error.code, from.error.message));
            else if (from.type === 'encoding-opened') {
              resolve((encoding = new WorkerEncoding(id, options.codec, host, source, ring, from.stats, onClosed)));
            }
          },
          died: (cause) => {
            const error = new TsWebRTCError('ENCODER_FAILED', `The thread of the ${options.codec} encoder died.`, { cause });
            if (encoding) encoding.#fail(error);
            else reject(error);
          },
        });
        const track = source.input.descriptions[source.trackIndex]!;
        const candidates = encoders && { candidates: encoders.candidates };
        host.post({ type: 'open-encoding', options, track, ring, ...candidates } satisfies ToEncoding);
      });
    } catch (error) {
      await host.close();
      throw error;
    }
  }

  /** As `Emitter.on`. Frames begin with the first listener for them, so that nobody misses the first keyframe. */
  override on<K extends keyof EncodingEvents>(event: K, listener: (...args: EncodingEvents[K]) => void): () => void {
    const off = super.on(event, listener);
    if (event === 'frame') this.#attach();
    return off;
  }

  requestKeyframe(): void {
    this.#host.post({ type: 'keyframe' } satisfies ToEncoding);
  }

  setBitrate(bitrate: number): void {
    checkBitrate(bitrate);
    this.#host.post({ type: 'bitrate', bitrate } satisfies ToEncoding);
  }

  setFormat(format: { width?: number; height?: number; framerate?: number }): void {
    this.#host.post({ type: 'format', ...format } satisfies ToEncoding);
  }

  getStats(): Promise<EncodingStats> {
    if (this.#finished || this.#closed) return Promise.resolve(this.#stats);
    return new Promise((resolve) => {
      const id = this.#nextRequest++;
      this.#statsRequests.set(id, resolve);
      this.#host.post({ type: 'stats', id } satisfies ToEncoding);
    });
  }

  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#answerStats();
      this.removeAllListeners();
    }
    await this.#host.close();
    // Only now can the thread hold no slot of the input's frames any more.
    this.#source.input.unsubscribe(this.#source.trackIndex, this.#source.subscriber);
    this.#onClosed();
  }

  #attach(): void {
    if (this.#attached || this.#closed) return;
    this.#attached = true;
    const { port1, port2 } = new MessageChannel();
    const { input, trackIndex, subscriber } = this.#source;
    if (input.subscribe(trackIndex, subscriber, port1)) {
      this.#host.post({ type: 'attach', port: port2 } satisfies ToEncoding, [port2]);
    } else {
      port1.close();
      queueMicrotask(() => this.#end());
    }
  }

  #onMessage(message: FromEncoding): void {
    if (this.#closed) return;
    switch (message.type) {
      case 'encoded': {
        const frame = new RingFrame(message, this.#reader);
        if (this.listenerCount('frame') === 0) frame.release();
        else this.emit('frame', frame);
        return;
      }
      case 'stats':
        this.#stats = message.stats;
        this.#statsRequests.get(message.id)?.(message.stats);
        this.#statsRequests.delete(message.id);
        return;
      case 'ended':
        this.#end();
        return;
      case 'failed':
        this.#fail(new TsWebRTCError(message.error.code, message.error.message));
    }
  }

  #end(): void {
    if (this.#finished || this.#closed) return;
    this.emit('ended');
  }

  #fail(error: Error): void {
    if (this.#finished || this.#closed) return;
    this.#finished = true;
    this.#answerStats();
    this.emit('error', error);
  }

  #answerStats(): void {
    for (const resolve of this.#statsRequests.values()) resolve(this.#stats);
    this.#statsRequests.clear();
  }
}
