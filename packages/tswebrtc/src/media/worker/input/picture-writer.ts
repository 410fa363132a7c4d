/** Brings decoded pictures of whatever format into the engine's: upright, I420 of even size with square pixels. */
import { AV_PIX_FMT_YUV420P, SWS_BILINEAR } from 'node-av/constants';
import { FFmpegError, type Frame, SoftwareScaleContext } from 'node-av/lib';
import { pixelFormatOf } from '../picture-scaler.ts';
import type { Orientation } from './orientation.ts';
import { PictureTurner } from './picture-turner.ts';
import type { RawOutlet } from './raw-outlet.ts';
import type { TimeCodeReader } from './time-code-reader.ts';

/** Pixels. */
const MAX_SIDE = 8192;

export class PictureWriter {
  readonly #outlet: RawOutlet;
  readonly #framerate: number;
  readonly #turner: PictureTurner | undefined;
  readonly #timeCodes: TimeCodeReader | undefined;
  #scaler: SoftwareScaleContext | undefined;
  /** What the scaler was made for. */
  #key = '';
  #width = 0;
  #height = 0;

  constructor(outlet: RawOutlet, framerate: number, orientation?: Orientation, timeCodes?: TimeCodeReader) {
    this.#timeCodes = timeCodes;
    this.#outlet = outlet;
    this.#framerate = framerate;
    this.#turner = orientation && new PictureTurner(orientation);
  }

  /** Hands a picture on, if anybody wants it. Times in µs. */
  write(decoded: Frame, timestamp: number, duration: number): void {
    if (!this.#outlet.hasSubscribers) return;
    this.#timeCodes?.decoded(decoded, timestamp);
    const frame = this.#turner ? this.#turner.turn(decoded) : decoded;
    this.#follow(frame);
    const room = this.#outlet.begin();
    if (!room || !this.#scaler) return;
    const size = this.#width * this.#height;
    const plane = (offset: number, length: number): Buffer => Buffer.from(room.buffer, room.byteOffset + offset, length);
    const planes = [plane(0, size), plane(size, size / 4), plane((size * 5) / 4, size / 4)];
    const strides = [this.#width, this.#width / 2, this.#width / 2];
    const data = frame.data ?? [];
    const result = this.#scaler.scaleSync(data, frame.linesize.slice(0, data.length), 0, frame.height, planes, strides);
    FFmpegError.throwIfError(result, 'convert a picture');
    this.#outlet.commit(timestamp, duration);
  }

  close(): void {
    this.#turner?.close();
    this.#freeScaler();
  }

  #freeScaler(): void {
    this.#scaler?.freeContext();
    this.#scaler = undefined;
  }

  /** Size and format may change in the middle of a file. */
  #follow(frame: Frame): void {
    const { width, height, colorSpace, sampleAspectRatio } = frame;
    const format = pixelFormatOf(frame);
    const { num, den } = sampleAspectRatio;
    const key = `${width} ${height} ${format} ${colorSpace} ${num}/${den}`;
    if (key === this.#key) return;
    this.#freeScaler();
    const target = displaySize(width, height, num, den);
    this.#width = target.width;
    this.#height = target.height;
    this.#scaler = new SoftwareScaleContext();
    this.#scaler.getContext(width, height, format, target.width, target.height, AV_PIX_FMT_YUV420P, SWS_BILINEAR);
    this.#key = key;
    this.#outlet.setFormat(
      { kind: 'video', ...target, framerate: this.#framerate, colorSpace },
      (target.width * target.height * 3) / 2,
    );
  }
}

/**
 * The size of a picture with square pixels and even sides, none longer than an encoder takes. `num/den` is the shape of its
 * pixels, 0 when unknown.
 */
export function displaySize(width: number, height: number, num: number, den: number): { width: number; height: number } {
  const wide = num > 0 && den > 0 ? (width * num) / den : width;
  const scale = Math.min(1, MAX_SIDE / wide, MAX_SIDE / height);
  const even = (pixels: number): number => Math.max(2, Math.floor(Math.round(pixels * scale) / 2) * 2);
  return { width: even(wide), height: even(height) };
}
