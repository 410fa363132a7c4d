/** Brings decoded pictures, whatever their size and format, into one format and the size that is wanted. */
import { AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUVJ420P, AVCOL_RANGE_JPEG, type AVPixelFormat, SWS_BILINEAR } from 'node-av/constants';
import { FFmpegError, Frame, SoftwareScaleContext } from 'node-av/lib';

/** FFmpeg's name for the format of a picture: full range has one of its own, which decoders do not always give. */
export function pixelFormatOf({ format, colorRange }: Frame): AVPixelFormat {
  const isFullRange = format === AV_PIX_FMT_YUV420P && colorRange === AVCOL_RANGE_JPEG;
  return (isFullRange ? AV_PIX_FMT_YUVJ420P : format) as AVPixelFormat;
}

export class PictureScaler {
  readonly #format: AVPixelFormat;
  readonly #sizeFor: (width: number, height: number) => { width: number; height: number };
  #scaler: SoftwareScaleContext | undefined;
  #scaled: Frame | undefined;
  /** What these were made for. */
  #key = '';

  /** `sizeFor`: pixels that a picture of so many becomes. */
  constructor(format: AVPixelFormat, sizeFor: (width: number, height: number) => { width: number; height: number }) {
    this.#format = format;
    this.#sizeFor = sizeFor;
  }

  /** The picture as wanted; it is overwritten by the next. */
  scale(picture: Frame): Frame {
    const { width, height } = picture;
    const format = pixelFormatOf(picture);
    const key = `${width} ${height} ${format}`;
    if (key !== this.#key) this.#prepare(width, height, format);
    this.#key = key;
    const scaled = this.#scaled!;
    FFmpegError.throwIfError(scaled.makeWritable(), 'write a picture');
    FFmpegError.throwIfError(this.#scaler!.scaleFrameSync(scaled, picture), 'convert a picture');
    return scaled;
  }

  close(): void {
    this.#scaler?.freeContext();
    this.#scaled?.free();
    this.#scaler = this.#scaled = undefined;
    this.#key = '';
  }

  #prepare(width: number, height: number, format: AVPixelFormat): void {
    this.close();
    const target = this.#sizeFor(width, height);
    this.#scaler = new SoftwareScaleContext();
    this.#scaler.getContext(width, height, format, target.width, target.height, this.#format, SWS_BILINEAR);
    this.#scaled = new Frame();
    this.#scaled.alloc();
    Object.assign(this.#scaled, { ...target, format: this.#format });
    FFmpegError.throwIfError(this.#scaled.getBuffer(0), 'allocate a picture');
  }
}
