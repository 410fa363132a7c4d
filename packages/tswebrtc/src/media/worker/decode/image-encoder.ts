/** Makes image files of pictures that all have one size and format. */
import { AV_PIX_FMT_RGB24, AV_PIX_FMT_YUVJ420P, AVCOL_RANGE_JPEG, FF_QP2LAMBDA } from 'node-av/constants';
import { Codec, CodecContext, FFmpegError, type Frame, Packet, Rational } from 'node-av/lib';
import { TsWebRTCError } from '../../../common/errors.ts';

/** FFmpeg's scale for JPEG: 2 is the best there is, 31 the worst. */
const JPEG_QUANTISER = 3;

export class ImageEncoder {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  readonly #context: CodecContext;
  readonly #packet = new Packet();
  #pictures = 0n;

  private constructor(context: CodecContext, { width, height }: Frame) {
    this.#context = context;
    this.width = width;
    this.height = height;
    this.#packet.alloc();
  }

  /** `like`: a picture of the size that all have. */
  static open(format: 'png' | 'jpeg', like: Frame): ImageEncoder {
    const { width, height } = like;
    const name = format === 'png' ? 'png' : 'mjpeg';
    const codec = Codec.findEncoderByName(name as never);
    if (!codec) throw new TsWebRTCError('ENCODER_FAILED', `The media library has no encoder "${name}".`);
    const context = new CodecContext();
    context.allocContext3(codec);
    Object.assign(context, { width, height, pixelFormat: format === 'png' ? AV_PIX_FMT_RGB24 : AV_PIX_FMT_YUVJ420P });
    context.timeBase = new Rational(1, 30);
    context.threadCount = 1;
    if (format === 'jpeg') {
      context.colorRange = AVCOL_RANGE_JPEG;
      context.globalQuality = JPEG_QUANTISER * FF_QP2LAMBDA;
    }
    const result = context.open2Sync(codec, null);
    if (result < 0) {
      context.freeContext();
      throw new TsWebRTCError('ENCODER_FAILED', `The encoder "${name}" does not open: ${FFmpegError.strerror(result)}.`);
    }
    return new ImageEncoder(context, like);
  }

  encode(picture: Frame): Uint8Array {
    picture.pts = this.#pictures++;
    FFmpegError.throwIfError(this.#context.sendFrameSync(picture), 'encode an image');
    FFmpegError.throwIfError(this.#context.receivePacketSync(this.#packet), 'encode an image');
    const data = Uint8Array.from(this.#packet.data!);
    this.#packet.unref();
    return data;
  }

  close(): void {
    this.#packet.free();
    this.#context.freeContext();
  }
}
