/** Decodes video and brings the pictures into the format and size that were asked for. */
import {
  AV_PIX_FMT_NV12,
  AV_PIX_FMT_RGB24,
  AV_PIX_FMT_RGBA,
  AV_PIX_FMT_YUV420P,
  AV_PIX_FMT_YUVJ420P,
  type AVPixelFormat,
} from 'node-av/constants';
import { type CodecContext, Frame, Packet } from 'node-av/lib';
import type { DecodingOptions, FrameToDecode, Picture, PictureFormat } from '../../output-types.ts';
import { PictureScaler } from '../picture-scaler.ts';
import { ImageEncoder } from './image-encoder.ts';
import { openDecoder } from './open-decoder.ts';
import type { RunningDecoder } from './serve-decoding.ts';

type Options = Extract<DecodingOptions, { format?: PictureFormat }>;

const PIXEL_FORMATS: Readonly<Record<PictureFormat, AVPixelFormat>> = {
  I420: AV_PIX_FMT_YUV420P,
  NV12: AV_PIX_FMT_NV12,
  RGBA: AV_PIX_FMT_RGBA,
  RGB24: AV_PIX_FMT_RGB24,
  png: AV_PIX_FMT_RGB24,
  jpeg: AV_PIX_FMT_YUVJ420P,
};
/** Times of frames that a decoder may hold: more than any does. */
const MOST_INSIDE = 64;

export class PictureDecoder implements RunningDecoder {
  readonly #format: PictureFormat;
  readonly #context: CodecContext;
  readonly #handOn: (picture: Picture) => void;
  readonly #packet = new Packet();
  readonly #decoded = new Frame();
  readonly #captureTimes = new Map<bigint, number | undefined>();
  readonly #scaler: PictureScaler;
  /** For pictures of the size that came last. */
  #image: ImageEncoder | undefined;

  private constructor(options: Options, context: CodecContext, handOn: (picture: Picture) => void) {
    this.#format = options.format ?? 'I420';
    this.#scaler = new PictureScaler(PIXEL_FORMATS[this.#format], (width, height) => wantedSize(options, width, height));
    this.#context = context;
    this.#handOn = handOn;
    this.#packet.alloc();
    this.#decoded.alloc();
  }

  static async open(options: Options, handOn: (picture: Picture) => void): Promise<PictureDecoder> {
    return new PictureDecoder(options, await openDecoder(options.codec), handOn);
  }

  decode({ data, timestamp, captureTime }: FrameToDecode): boolean {
    const packet = this.#packet;
    packet.data = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    packet.pts = packet.dts = BigInt(Math.round(timestamp));
    this.#captureTimes.set(packet.pts, captureTime);
    if (this.#captureTimes.size > MOST_INSIDE) this.#captureTimes.delete(this.#captureTimes.keys().next().value!);
    const sent = this.#context.sendPacketSync(packet);
    packet.unref();
    while (this.#context.receiveFrameSync(this.#decoded) >= 0) {
      this.#give();
      this.#decoded.unref();
    }
    return sent >= 0;
  }

  close(): void {
    this.#image?.close();
    this.#scaler.close();
    this.#packet.free();
    this.#decoded.free();
    this.#context.freeContext();
  }

  #give(): void {
    const { pts } = this.#decoded;
    const picture = this.#scaler.scale(this.#decoded);
    const captureTime = this.#captureTimes.get(pts);
    this.#captureTimes.delete(pts);
    const { width, height } = picture;
    const data = this.#format === 'png' || this.#format === 'jpeg' ? this.#encode(this.#format, picture) : bytesOf(picture);
    this.#handOn({ kind: 'video', format: this.#format, width, height, data, timestamp: Number(pts), captureTime });
  }

  #encode(format: 'png' | 'jpeg', picture: Frame): Uint8Array {
    if (this.#image?.width !== picture.width || this.#image.height !== picture.height) {
      this.#image?.close();
      this.#image = ImageEncoder.open(format, picture);
    }
    return this.#image.encode(picture);
  }
}

/** Where one side alone is given the other keeps the aspect. */
function wantedSize(wanted: Options, width: number, height: number): { width: number; height: number } {
  const scale = wanted.width === undefined ? (wanted.height === undefined ? 1 : wanted.height / height) : wanted.width / width;
  return { width: wanted.width ?? even(width * scale), height: wanted.height ?? even(height * scale) };
}

/** A copy without the padding that rows have in a frame. */
function bytesOf(frame: Frame): Uint8Array {
  return Uint8Array.from(frame.toBuffer());
}

const even = (pixels: number): number => Math.max(2, 2 * Math.round(pixels / 2));
