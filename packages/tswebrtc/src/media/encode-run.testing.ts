/** A real encoder on media time, for tests and benchmarks of rate control: as fast as it can, and the same on every machine. */

import { encodersFor } from './encoders.ts';
import { movingDetail } from './moving-detail.testing.ts';
import type { EncodingOptions, VideoCodecName } from './types.ts';
import type { PictureCopy } from './worker/encode/picture-copy.ts';
import type { VideoEncoder } from './worker/encode/video-encoder.ts';
import { addWithResolvers } from './worker/with-resolvers.ts';

addWithResolvers();
const { Log } = await import('node-av/lib');
const { AV_LOG_QUIET } = await import('node-av/constants');
const { VideoEncoder: Encoder } = await import('./worker/encode/video-encoder.ts');
const { PictureCopy: Copy } = await import('./worker/encode/picture-copy.ts');
Log.setLevel(AV_LOG_QUIET);

export interface EncodedPicture {
  /** Number of the picture. */
  readonly index: number;
  /** Seconds of media time. */
  readonly time: number;
  readonly data: Uint8Array;
  readonly keyframe: boolean;
  readonly temporalLayer: number;
  readonly quantiser: number;
}

export interface RunOptions {
  readonly codec: VideoCodecName;
  readonly temporalLayers?: 1 | 2;
  readonly width: number;
  readonly height: number;
  /** bit/s */
  readonly bitrate: number;
  readonly seed?: number;
  readonly tune?: EncodingOptions['tune'];
}

const FRAMERATE = 30;
/** Pictures drawn before: they are shown forth and back, since to draw them costs more than to encode them. */
const PICTURES = 90;

export class EncodeRun {
  readonly frames: EncodedPicture[] = [];
  /** ms spent in the encoder. */
  encodeTime = 0;
  /** Pictures given to the encoder. */
  count = 0;
  readonly #encoder: VideoEncoder;
  readonly #copy: PictureCopy;
  readonly #pictures: Uint8Array<SharedArrayBuffer>[];
  #keyframe = true;

  private constructor(encoder: VideoEncoder, copy: PictureCopy, pictures: Uint8Array<SharedArrayBuffer>[]) {
    this.#encoder = encoder;
    this.#copy = copy;
    this.#pictures = pictures;
  }

  static async open({
    codec,
    temporalLayers = 1,
    width,
    height,
    bitrate,
    seed = 1,
    tune = 'latency',
  }: RunOptions): Promise<EncodeRun> {
    const settings = { width, height, framerate: FRAMERATE, colorSpace: 2, profile: 'constrained-baseline' } as const;
    const encoder = await Encoder.open({ ...settings, codec, temporalLayers, bitrate, tune }, encodersFor(codec, 'software'));
    const draw = movingDetail(width, height, seed);
    const pictures = Array.from({ length: PICTURES }, (_, i) => draw(i));
    return new EncodeRun(encoder, new Copy(width, height, 'I420', encoder.frame), pictures);
  }

  /** Seconds of media time so far. */
  get time(): number {
    return this.count / FRAMERATE;
  }

  /** The picture with that number. */
  picture(index: number): Uint8Array {
    const place = index % (2 * PICTURES - 2);
    return this.#pictures[place < PICTURES ? place : 2 * PICTURES - 2 - place]!;
  }

  setBitrate(bitrate: number): void {
    this.#encoder.setBitrate(bitrate);
  }

  requestKeyframe(): void {
    this.#keyframe = true;
  }

  /** Encodes `seconds` of pictures; returns the frames made of them. */
  encode(seconds: number): EncodedPicture[] {
    const before = this.frames.length;
    for (const end = this.count + Math.round(seconds * FRAMERATE); this.count < end; this.count++) {
      this.#copy.copy(this.picture(this.count) as Uint8Array<SharedArrayBuffer>);
      const times = { timestamp: (this.count * 1e6) / FRAMERATE, duration: 1e6 / FRAMERATE, captureTime: 0 };
      const started = performance.now();
      this.#encoder.encode(times, this.#keyframe, (data, { keyframe, temporalLayer, quantiser }, { timestamp }) => {
        const index = Math.round((timestamp * FRAMERATE) / 1e6);
        this.frames.push({ index, time: timestamp / 1e6, data: data.slice(), keyframe, temporalLayer, quantiser });
        if (keyframe) this.#keyframe = false;
      });
      this.encodeTime += performance.now() - started;
    }
    return this.frames.slice(before);
  }

  /** bit/s between two moments of media time, s. */
  rate(from: number, to: number): number {
    const half = 0.5 / FRAMERATE;
    const inside = this.frames.filter(({ time }) => time > from - half && time < to - half);
    return inside.reduce((sum, { data }) => sum + data.length * 8, 0) / (to - from);
  }

  /** The rates in all windows of `length` seconds that begin between two moments, bit/s. */
  rates(from: number, to: number, length: number): number[] {
    const rates: number[] = [];
    for (let at = from; at <= to + 1e-6; at += 1 / FRAMERATE) rates.push(this.rate(at, at + length));
    return rates;
  }

  close(): void {
    this.#copy.close();
    this.#encoder.close();
  }
}

/** How well pictures are alike, dB. */
export function psnr(
  a: { readonly luma: Uint8Array; readonly stride: number; readonly width: number; readonly height: number },
  source: Uint8Array,
): number {
  let squares = 0;
  for (let y = 0; y < a.height; y++) {
    for (let x = 0; x < a.width; x++) squares += (a.luma[y * a.stride + x]! - source[y * a.width + x]!) ** 2;
  }
  return 10 * Math.log10(255 ** 2 / (squares / (a.width * a.height)));
}
