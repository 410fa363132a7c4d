/**
 * One running video encoding: follows the input's size and the size, frame rate and bitrate asked for, opens the encoder
 * anew where the size changes (an open encoder given another size crashes the process), or where it cannot change its bitrate,
 * while the old one goes on, and keeps the promise of a keyframe until one has really come out.
 */
import type { EncodingOptions, VideoFormat } from '../../types.ts';
import type { EncoderCounters, RawFormat } from '../messages.ts';
import { FrameRateMeter } from './frame-rate-meter.ts';
import type { RawFrame } from './inlet.ts';
import { PictureCopy } from './picture-copy.ts';
import type { EncodingOutput, RunningEncoding } from './serve-encoding.ts';
import { type PacketSink, VideoEncoder } from './video-encoder.ts';

/** Where the input does not tell its frame rate. */
const DEFAULT_FRAMERATE = 30;
/** Sizes an encoder is asked for, pixels. */
const MIN_SIZE = 16;
const MAX_SIZE = 8192;

type Format = { width?: number; height?: number; framerate?: number };
type RawVideoFormat = Extract<RawFormat, { kind: 'video' }>;

export class VideoEncoding implements RunningEncoding {
  readonly counters: EncoderCounters;
  readonly #options: EncodingOptions;
  readonly #output: EncodingOutput;
  #encoder: VideoEncoder;
  /** Takes over from `#encoder` with the next frame, if that still is of its size. */
  #next: VideoEncoder | undefined;
  #opening = false;
  #copy: PictureCopy | undefined;
  #wanted: Format = {};
  #bitrate: number;
  #keyframe = true;
  #closed = false;
  /** When the next frame is due, µs, where the frame rate is lowered. */
  #nextDue = Number.NEGATIVE_INFINITY;
  readonly #rateMeter = new FrameRateMeter();
  readonly #sink: PacketSink = (data, info, times) => {
    const { counters } = this;
    counters.framesDropped += info.dropped;
    // Without room the frame is lost, and with it what follows up to the next keyframe.
    if (!this.#output.write(data, info, times)) {
      counters.framesDropped++;
      this.#keyframe = true;
      return;
    }
    if (info.keyframe) {
      this.#keyframe = false;
      counters.keyFramesEncoded++;
    }
    counters.framesEncoded++;
    counters.bytesEncoded += data.length;
    counters.qpSum = (counters.qpSum ?? 0) + info.quantiser;
    this.#rateMeter.count(performance.now());
  };

  private constructor(options: EncodingOptions, encoder: VideoEncoder, output: EncodingOutput) {
    this.#options = options;
    this.#bitrate = options.bitrate;
    this.#encoder = encoder;
    this.#output = output;
    this.counters = {
      framesEncoded: 0,
      keyFramesEncoded: 0,
      framesDropped: 0,
      bytesEncoded: 0,
      totalEncodeTime: 0,
      targetBitrate: options.bitrate,
      encoderImplementation: encoder.implementation,
      frameWidth: encoder.width,
      frameHeight: encoder.height,
      qpSum: 0,
    };
  }

  /** Frames encoded in the last second. */
  get framesPerSecond(): number {
    return this.#rateMeter.rate(performance.now());
  }

  static async open(
    options: EncodingOptions,
    format: VideoFormat & { colorSpace: number },
    output: EncodingOutput,
  ): Promise<VideoEncoding> {
    const encoder = await openEncoder(options, format, options.bitrate);
    return new VideoEncoding(options, encoder, output);
  }

  take(frame: RawFrame): void {
    if (frame.format.kind !== 'video' || this.#closed || !this.#isDue(frame)) {
      frame.release();
      return;
    }
    this.#follow(frame.format);
    this.#encode(frame);
  }

  requestKeyframe(): void {
    this.#keyframe = true;
  }

  setBitrate(bitrate: number): void {
    this.#bitrate = bitrate;
    this.counters.targetBitrate = bitrate;
    this.#encoder.setBitrate(bitrate);
  }

  setFormat({ width, height, framerate }: Format): void {
    const before = this.#wanted;
    this.#wanted = { ...(width && { width }), ...(height && { height }), ...(framerate && { framerate }) };
    if (before.framerate !== this.#wanted.framerate) this.#nextDue = Number.NEGATIVE_INFINITY;
  }

  drain(): void {
    if (!this.#closed) this.#encoder.drain(this.#sink);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#copy?.close();
    this.#next?.close();
    this.#encoder.close();
  }

  #encode(frame: RawFrame): void {
    try {
      if (this.#closed || frame.format.kind !== 'video') return;
      const started = performance.now();
      const { width, height, layout = 'I420' } = frame.format;
      if (!this.#copy?.fits(width, height, layout)) {
        this.#copy?.close();
        this.#copy = new PictureCopy(width, height, layout, this.#encoder.frame);
      }
      this.#copy.copy(frame.data);
      frame.release();
      this.#encoder.encode(frame, this.#keyframe, this.#sink);
      this.counters.totalEncodeTime += (performance.now() - started) / 1000;
    } catch (error) {
      this.#output.failed(error);
    } finally {
      frame.release();
    }
  }

  /** Sees to an encoder of the size wanted, and of the bitrate where it cannot change. Until it is open the old one goes on. */
  #follow(format: RawVideoFormat): void {
    const framerate = this.#wanted.framerate ?? format.framerate;
    const wanted = { ...format, ...this.#targetSize(format), framerate };
    const suits = (encoder: VideoEncoder): boolean => fits(encoder, wanted) && !encoder.isOutdated(performance.now());
    const next = this.#next;
    this.#next = undefined;
    if (suits(this.#encoder) || (next && !suits(next))) next?.close();
    else if (next) this.#takeOver(next);
    if (!this.#opening && !suits(this.#encoder)) void this.#open(wanted);
  }

  async #open(format: RawVideoFormat): Promise<void> {
    this.#opening = true;
    try {
      const encoder = await openEncoder(this.#options, format, this.#bitrate);
      if (this.#closed) encoder.close();
      else this.#next = encoder;
    } catch (error) {
      if (!this.#closed) this.#output.failed(error);
    } finally {
      this.#opening = false;
    }
  }

  #takeOver(encoder: VideoEncoder): void {
    this.#copy?.close();
    this.#copy = undefined;
    this.#encoder.close();
    this.#encoder = encoder;
    this.#keyframe = true;
    // The bitrate may have changed while the encoder opened.
    encoder.setBitrate(this.#bitrate);
    this.counters.encoderImplementation = encoder.implementation;
    this.counters.frameWidth = encoder.width;
    this.counters.frameHeight = encoder.height;
  }

  /** Thins the frames out to the frame rate asked for, evenly. */
  #isDue({ timestamp, format }: RawFrame): boolean {
    const { framerate } = this.#wanted;
    if (!framerate || format.kind !== 'video') return true;
    const interval = 1e6 / framerate;
    // Half an input frame early counts as due, or rounding would drop every other frame at equal rates.
    const tolerance = format.framerate > 0 ? 5e5 / format.framerate : interval / 4;
    if (timestamp < this.#nextDue - tolerance) return false;
    this.#nextDue = Math.max(this.#nextDue + interval, timestamp + interval - tolerance);
    return true;
  }

  #targetSize({ width, height }: RawVideoFormat): { width: number; height: number } {
    const { width: toWidth, height: toHeight } = this.#wanted;
    return {
      width: legalSize(toWidth ?? (toHeight ? (width * toHeight) / height : width)),
      height: legalSize(toHeight ?? (toWidth ? (height * toWidth) / width : height)),
    };
  }
}

function fits(encoder: VideoEncoder, { width, height, colorSpace, framerate }: RawVideoFormat): boolean {
  if (encoder.width !== width || encoder.height !== height || encoder.colorSpace !== colorSpace) return false;
  return encoder.fixedFramerate === undefined || encoder.fixedFramerate === (framerate || DEFAULT_FRAMERATE);
}

function legalSize(pixels: number): number {
  return Math.min(MAX_SIZE, Math.max(MIN_SIZE, Math.round(pixels / 2) * 2));
}

function openEncoder(
  { codec, profile = 'constrained-baseline', temporalLayers = 1 }: EncodingOptions,
  format: VideoFormat & { colorSpace: number },
  bitrate: number,
): Promise<VideoEncoder> {
  const { width, height, colorSpace } = format;
  const framerate = format.framerate || DEFAULT_FRAMERATE;
  return VideoEncoder.open({ codec, profile, width, height, framerate, bitrate, colorSpace, temporalLayers });
}
