/**
 * Brings a raw picture from a frame pool into an encoder's frame: copied where size and layout agree, scaled and converted otherwise.
 * The scaler does both. `Frame.fromBuffer` would not copy: it lets the frame point into the pool, whose slot is given back before the
 * encoder reads it, and into which a scaler would then write.
 */
import {
  AV_PIX_FMT_BGRA,
  AV_PIX_FMT_NV12,
  AV_PIX_FMT_RGB24,
  AV_PIX_FMT_RGBA,
  AV_PIX_FMT_YUV420P,
  type AVPixelFormat,
  SWS_BILINEAR,
} from 'node-av/constants';
import { FFmpegError, type Frame, SoftwareScaleContext } from 'node-av/lib';
import { type PictureLayout, type Plane, planesOf } from '../../picture-layouts.ts';

const PIXEL_FORMATS: Record<PictureLayout, AVPixelFormat> = {
  I420: AV_PIX_FMT_YUV420P,
  NV12: AV_PIX_FMT_NV12,
  RGBA: AV_PIX_FMT_RGBA,
  BGRA: AV_PIX_FMT_BGRA,
  RGB24: AV_PIX_FMT_RGB24,
};

export class PictureCopy {
  readonly #width: number;
  readonly #height: number;
  readonly #layout: PictureLayout;
  readonly #target: Frame;
  readonly #planes: readonly Plane[];
  readonly #scaler = new SoftwareScaleContext();

  constructor(width: number, height: number, layout: PictureLayout, target: Frame) {
    this.#width = width;
    this.#height = height;
    this.#layout = layout;
    this.#target = target;
    this.#planes = planesOf(layout, width, height);
    const format = PIXEL_FORMATS[layout];
    this.#scaler.getContext(width, height, format, target.width, target.height, target.format as AVPixelFormat, SWS_BILINEAR);
  }

  /** True when this copier fits pictures like these. */
  fits(width: number, height: number, layout: PictureLayout): boolean {
    return width === this.#width && height === this.#height && layout === this.#layout;
  }

  copy(picture: Uint8Array<SharedArrayBuffer>): void {
    const target = this.#target;
    FFmpegError.throwIfError(target.makeWritable(), 'write to a picture');
    const bytes = (offset: number, length: number): Buffer => Buffer.from(picture.buffer, picture.byteOffset + offset, length);
    const planes = target.format === AV_PIX_FMT_YUV420P ? 3 : 2;
    const result = this.#scaler.scaleSync(
      this.#planes.map(({ offset, stride, rows }) => bytes(offset, stride * rows)),
      this.#planes.map(({ stride }) => stride),
      0,
      this.#height,
      target.data!.slice(0, planes),
      target.linesize.slice(0, planes),
    );
    FFmpegError.throwIfError(result, 'scale a picture');
  }

  close(): void {
    this.#scaler.freeContext();
  }
}
