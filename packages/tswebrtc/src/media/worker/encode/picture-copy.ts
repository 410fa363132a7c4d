/** Brings a raw picture from a frame pool into an encoder's frame: copied where the sizes agree, scaled otherwise. */
import { AV_PIX_FMT_YUV420P, SWS_BILINEAR } from 'node-av/constants';
import { FFmpegError, type Frame, SoftwareScaleContext } from 'node-av/lib';

export class PictureCopy {
  readonly #width: number;
  readonly #height: number;
  readonly #target: Frame;
  readonly #scaler: SoftwareScaleContext | undefined;

  constructor(width: number, height: number, target: Frame) {
    this.#width = width;
    this.#height = height;
    this.#target = target;
    if (width === target.width && height === target.height) return;
    this.#scaler = new SoftwareScaleContext();
    this.#scaler.getContext(width, height, AV_PIX_FMT_YUV420P, target.width, target.height, AV_PIX_FMT_YUV420P, SWS_BILINEAR);
  }

  /** True when this copier fits these sizes. */
  fits(width: number, height: number): boolean {
    return width === this.#width && height === this.#height;
  }

  copy(picture: Uint8Array<SharedArrayBuffer>): void {
    const target = this.#target;
    FFmpegError.throwIfError(target.makeWritable(), 'write to a picture');
    const size = this.#width * this.#height;
    if (!this.#scaler) {
      target.fromBuffer(Buffer.from(picture.buffer, picture.byteOffset, (size * 3) / 2));
      return;
    }
    const plane = (offset: number, length: number): Buffer => Buffer.from(picture.buffer, picture.byteOffset + offset, length);
    const planes = [plane(0, size), plane(size, size / 4), plane((size * 5) / 4, size / 4)];
    const strides = [this.#width, this.#width / 2, this.#width / 2];
    const result = this.#scaler.scaleSync(
      planes,
      strides,
      0,
      this.#height,
      target.data!.slice(0, 3),
      target.linesize.slice(0, 3),
    );
    FFmpegError.throwIfError(result, 'scale a picture');
  }

  close(): void {
    this.#scaler?.freeContext();
  }
}
