/** The frames of a track, decoded, for a reader who takes them one by one. A slow reader gets the newest ones: nothing grows. */
import { AsyncQueue } from '../common/async-queue.ts';
import { asError, TsWebRTCError } from '../common/errors.ts';
import { isAudioCodec } from '../media/audio-codecs.ts';
import type { RecordedCodec } from '../media/containers.ts';
import type { Decoding, DecodingOptions, Picture, Sound } from '../media/output-types.ts';
import type { InboundFrame } from '../rtp/receive/inbound-stream.ts';
import { sentSound } from './sent-sound.ts';
import type { SrcTrack } from './src-track.ts';

/** What waits at most: pictures, and µs of sound. */
const MOST_PICTURES = 3;
const MOST_SOUND = 2_000_000;

/** What is asked of the decoder, whichever codec it is for. */
export type WantedForm = Omit<Extract<DecodingOptions, { format?: unknown }>, 'codec'> & { readonly channels?: number };

export type OpenDecoding = (options: DecodingOptions) => Promise<Decoding>;

export class DecodedFrames<T extends Picture | Sound> extends AsyncQueue<T> {
  readonly #track: SrcTrack;
  readonly #form: WantedForm;
  readonly #open: OpenDecoding;
  readonly #off: readonly (() => void)[];
  #codec: string | undefined;
  /** The decoder for `#codec`, or that it is being opened. */
  #decoding: Decoding | 'opening' | undefined;

  constructor(track: SrcTrack, form: WantedForm, open: OpenDecoding) {
    super(() => this.#stop());
    this.#track = track;
    this.#form = form;
    this.#open = open;
    this.#off = [track.on('frame', (frame) => this.#take(frame)), track.on('ended', () => this.#stop())];
    if (track.ended) this.#stop();
    else track.requestKeyframe();
  }

  override push(value: T): void {
    super.push(value);
    const late = (): boolean => {
      const oldest = this.waiting[0];
      if (!oldest) return false;
      if (oldest.kind === 'video') return this.waiting.length > MOST_PICTURES;
      return Math.abs(value.timestamp - oldest.timestamp) > MOST_SOUND;
    };
    while (late()) {
      this.waiting.shift();
      this.dropped++;
    }
  }

  #take(frame: InboundFrame): void {
    const codec = frame.codec.toUpperCase();
    if (codec !== this.#codec) {
      this.#codec = codec;
      void this.#restart(codec as RecordedCodec, frame);
    }
    if (!this.#decoding || this.#decoding === 'opening') return;
    const { data, timestamp, clockRate, keyframe, captureTime } = frame;
    this.#decoding.decode({ data, timestamp: (timestamp * 1e6) / clockRate, keyframe, captureTime });
  }

  /** Opens a decoder for the codec that comes now. */
  async #restart(codec: RecordedCodec, frame: InboundFrame): Promise<void> {
    const before = this.#decoding;
    this.#decoding = 'opening';
    if (before && before !== 'opening') void before.close();
    try {
      const { channels, ...form } = this.#form;
      const options: DecodingOptions = isAudioCodec(codec)
        ? { codec, sent: sentSound(frame), ...(channels ? { channels } : {}) }
        : { codec, ...form };
      const decoding = await this.#open(options);
      if (this.ended || this.#codec !== codec) return void decoding.close();
      decoding.on('decoded', (decoded) => this.push(decoded as T));
      decoding.on('keyframe-wanted', () => this.#track.requestKeyframe());
      decoding.on('error', (error) => this.#stop(error));
      this.#decoding = decoding;
      // What came meanwhile is gone.
      this.#track.requestKeyframe();
    } catch (error) {
      this.#stop(asError(error, 'DECODER_FAILED'));
    }
  }

  #stop(error?: Error): void {
    for (const off of this.#off) off();
    if (this.#decoding && this.#decoding !== 'opening') void this.#decoding.close();
    this.#decoding = undefined;
    this.end(error);
  }
}

/** The first picture of a track, as an image file. Rejects when the track ends before there is one, or after `timeout` ms. */
export async function firstPicture(frames: DecodedFrames<Picture>, track: SrcTrack, timeout: number): Promise<Uint8Array> {
  const late = new TsWebRTCError('CONNECTION_FAILED', `track ${track.name} showed no picture within ${timeout / 1000} s.`);
  const timer = setTimeout(() => frames.end(late), timeout);
  try {
    const { value } = await frames.next();
    if (!value) throw new TsWebRTCError('CONNECTION_FAILED', `track ${track.name} ended before it showed a picture.`);
    return value.data;
  } finally {
    clearTimeout(timer);
    await frames.return();
  }
}
