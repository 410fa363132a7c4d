/** Decodes a track's packets into raw frames, for the encodings of those who cannot have the packets themselves. */
import type { MessagePort } from 'node:worker_threads';
import type { Decoding, DecodingOptions, Picture, Sound } from '../output-types.ts';
import { pictureSize } from '../picture-layouts.ts';
import type { AudioCodecName, CodecName, EncodedFrame, VideoCodecName } from '../types.ts';
import { RawOutlet } from '../worker/input/raw-outlet.ts';
import type { WorkerInputTrack } from '../worker/messages.ts';
import type { Timeline } from '../worker/timeline.ts';

/** Sample frames in the longest Opus packet, 120 ms. */
const LONGEST = 5760;

export type OpenDecoding = (options: DecodingOptions) => Promise<Decoding>;

export class Transcoding {
  readonly #description: WorkerInputTrack;
  readonly #outlet: RawOutlet;
  readonly #subscribers = new Set<number>();
  #decoding: Decoding | undefined;
  #closed = false;
  #size = '';

  /** `needsKeyframe` is called when decoding has to begin anew. */
  constructor(description: WorkerInputTrack, codec: CodecName, open: OpenDecoding, needsKeyframe: () => void) {
    this.#description = description;
    this.#outlet = new RawOutlet(description.kind);
    if (description.kind === 'audio') {
      const { channels } = description.format;
      this.#outlet.setFormat({ kind: 'audio', channels }, LONGEST * channels * Float32Array.BYTES_PER_ELEMENT);
      void this.#open({ codec: codec as AudioCodecName, channels }, open, needsKeyframe);
    } else void this.#open({ codec: codec as VideoCodecName }, open, needsKeyframe);
  }

  set timeline(timeline: Timeline) {
    this.#outlet.timeline = timeline;
  }

  /** Somebody takes the frames. */
  get wanted(): boolean {
    return this.#subscribers.size > 0;
  }

  subscribe(subscriber: number, port: MessagePort): void {
    this.#subscribers.add(subscriber);
    this.#outlet.subscribe(subscriber, port);
  }

  unsubscribe(subscriber: number): void {
    this.#subscribers.delete(subscriber);
    this.#outlet.unsubscribe(subscriber);
  }

  decode({ data, timestamp, keyframe, captureTime }: Omit<EncodedFrame, 'release'>): void {
    this.#decoding?.decode({ data, timestamp, keyframe, captureTime });
  }

  /** No more packets come. */
  end(): void {
    this.#outlet.end();
    this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    void this.#decoding?.close();
  }

  async #open(options: DecodingOptions, open: OpenDecoding, needsKeyframe: () => void): Promise<void> {
    try {
      const decoding = await open(options);
      if (this.#closed) return void decoding.close();
      this.#decoding = decoding;
      decoding.on('decoded', (frame) => (frame.kind === 'video' ? this.#takePicture(frame) : this.#takeSound(frame)));
      decoding.on('keyframe-wanted', needsKeyframe);
      decoding.on('error', () => this.#outlet.end());
      needsKeyframe();
    } catch {
      // Who waits for frames hears that none will come.
      this.#outlet.end();
    }
  }

  #takePicture({ data, width, height, timestamp }: Picture): void {
    const size = `${width}x${height}`;
    if (size !== this.#size) {
      this.#size = size;
      const { format, colorSpace } = this.#description as Extract<WorkerInputTrack, { kind: 'video' }>;
      this.#outlet.setFormat(
        { kind: 'video', width, height, framerate: format.framerate, colorSpace },
        pictureSize('I420', width, height),
      );
    }
    const room = this.#outlet.begin();
    if (!room) return;
    room.set(data);
    this.#outlet.commit(timestamp, 0);
  }

  #takeSound({ samples, channels, timestamp }: Sound): void {
    const count = samples.length / channels;
    const room = this.#outlet.begin();
    if (!room || count > LONGEST) return;
    new Float32Array(room.buffer, room.byteOffset, samples.length).set(samples);
    this.#outlet.commit(timestamp, (count * 1e6) / 48_000, count);
  }
}
