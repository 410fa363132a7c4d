/** One medium of a producer, as it comes: its frames, whole and in order, encoded or decoded. */
import { Emitter } from '../common/emitter.ts';
import { TsWebRTCError } from '../common/errors.ts';
import type { Transceiver } from '../connection/transceiver.ts';
import type { Picture, PictureFormat, Sound } from '../media/output-types.ts';
import type { InboundFrame, InboundStreamStats } from '../rtp/receive/inbound-stream.ts';
import { DecodedFrames, firstPicture, type OpenDecoding, type WantedForm } from './decoded-frames.ts';
import { FrameQueue } from './frame-queue.ts';
import { withParameterSets } from './parameter-sets.ts';
import type { DescribedSound } from './sent-sound.ts';

export type SrcTrackEvents = {
  /** For who takes each at once; `frames()` waits for its reader. */
  frame: [frame: InboundFrame];
  /** The producer took the track away, or the session is over. */
  ended: [];
};

/** How decoded pictures are wanted. */
export interface PictureOptions {
  /** Default `I420`: planes without padding, Y, U, V. */
  readonly format?: Exclude<PictureFormat, 'png' | 'jpeg'>;
  /** Pixels, even; default: as they come. One alone keeps the aspect. */
  readonly width?: number;
  readonly height?: number;
}

export interface SnapshotOptions {
  /** Default `png`. */
  readonly format?: 'png' | 'jpeg';
  /** Pixels, even; default: as it comes. One alone keeps the aspect. */
  readonly width?: number;
  readonly height?: number;
  /** ms to wait for a picture. Default 10000. */
  readonly timeout?: number;
}

const SNAPSHOT_TIMEOUT = 10_000;

export class SrcTrack extends Emitter<SrcTrackEvents> {
  /** `video_0`, `audio_0`, …: the reference's pad names, never used twice in a session. */
  readonly name: string;
  readonly kind: 'audio' | 'video';
  readonly #transceiver: Transceiver;
  readonly #openDecoding: OpenDecoding;
  readonly #queues = new Set<FrameQueue>();
  #ended = false;

  /** @internal */
  constructor(name: string, transceiver: Transceiver, openDecoding: OpenDecoding) {
    super();
    this.name = name;
    this.kind = transceiver.kind;
    this.#transceiver = transceiver;
    this.#openDecoding = openDecoding;
    transceiver.receiver?.on('frame', (frame) => this.#onFrame(frame));
    transceiver.receiver?.on('ended', () => this.end());
  }

  /** Name of its m-line. */
  get mid(): string | undefined {
    return this.#transceiver.mid;
  }

  /** MediaStream id that the producer gave it. */
  get msid(): string | undefined {
    return this.#transceiver.remoteSources[0]?.streamId;
  }

  /** What the producer says of the clock of its timestamps (RFC 7273): `ntp=…`, `ptp=…` or `local`, and `direct=0` or `sender`. */
  get clock(): { readonly reference: string; readonly media: string | undefined } | undefined {
    return this.#transceiver.remoteClock;
  }

  /** Encoding name of the codec that comes, or that will: the producer may use any of those agreed on. */
  get codec(): string {
    return this.#transceiver.codec?.name ?? '';
  }

  /** What is known of its sound; undefined of pictures, and before anything was agreed on. */
  get sound(): DescribedSound | undefined {
    const { codec } = this.#transceiver;
    return this.kind === 'audio' && codec ? { ...codec, codec: codec.name } : undefined;
  }

  /** Parameters of that codec from the session description, such as `sprop-parameter-sets`. */
  get fmtp(): Readonly<Record<string, string>> {
    return this.#transceiver.codec?.fmtp ?? {};
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Figures of the stream; undefined before its first packet. */
  get stats(): InboundStreamStats | undefined {
    return this.#transceiver.receiver?.stream?.stats();
  }

  /** Asks the producer for a keyframe, of which one may come in any case. */
  requestKeyframe(): void {
    this.#transceiver.receiver?.requestKeyframe();
  }

  /**
   * Frames from now on, one by one; ends with the track. A reader who is too slow loses frames, and goes on with a keyframe:
   * nothing grows.
   */
  frames(): AsyncIterableIterator<InboundFrame> {
    const queue = new FrameQueue(
      () => this.requestKeyframe(),
      () => this.#queues.delete(queue),
    );
    if (this.#ended) queue.end();
    else this.#queues.add(queue);
    return queue;
  }

  /**
   * Pictures from now on, decoded; ends with the track. A reader who is too slow gets the newest ones. Reading throws
   * `ENGINE_UNAVAILABLE` without the media engine, `DECODER_FAILED` where the codec cannot be decoded. Throws
   * `INVALID_STATE` on a track of sound.
   */
  pictures(options: PictureOptions = {}): AsyncIterableIterator<Picture> {
    return this.#decoded<Picture>('video', options);
  }

  /**
   * Sound from now on, decoded: 48 kHz, 32-bit float, interleaved in the order of WAVE, with silence where it was lost; ends with
   * the track. A reader who is too slow loses the oldest. `channels`: 1 to 8; default: as the session description has them, which
   * are two for Opus. Throws as `pictures` does.
   */
  sounds(options: { readonly channels?: number } = {}): AsyncIterableIterator<Sound> {
    return this.#decoded<Sound>('audio', options);
  }

  /**
   * The next picture as an image file. Rejects with `CONNECTION_FAILED` where none comes in time, and as `pictures` does.
   */
  async snapshot({ format = 'png', timeout = SNAPSHOT_TIMEOUT, ...size }: SnapshotOptions = {}): Promise<Uint8Array> {
    return firstPicture(this.#decoded<Picture>('video', { format, ...size }), this, timeout);
  }

  #decoded<T extends Picture | Sound>(kind: 'video' | 'audio', form: WantedForm): DecodedFrames<T> {
    if (this.kind === kind) return new DecodedFrames<T>(this, form, this.#openDecoding);
    throw new TsWebRTCError('INVALID_STATE', `track ${this.name} is ${this.kind}, not ${kind}.`);
  }

  /** @internal */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const queue of this.#queues) queue.end();
    this.#queues.clear();
    this.emit('ended');
  }

  #onFrame(received: InboundFrame): void {
    const frame = withParameterSets(received, this.fmtp);
    for (const queue of this.#queues) queue.push(frame);
    this.emit('frame', frame);
  }
}
