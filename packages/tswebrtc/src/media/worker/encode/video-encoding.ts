/**
 * One running video encoding: follows the input's size and the size, frame rate and bitrate asked for, opens the encoder
 * anew where the size changes (an open encoder given another size crashes the process), or where it cannot change its bitrate,
 * while the old one goes on, and keeps the promise of a keyframe until one has really come out.
 */
import { asError } from '../../../common/errors.ts';
import { type EncoderFailure, encodersFor } from '../../encoders.ts';
import type { EncodingOptions, VideoCodecName, VideoFormat } from '../../types.ts';
import type { EncoderCounters, RawFormat } from '../messages.ts';
import { EncoderFallback } from './encoder-fallback.ts';
import { EncoderFaults } from './encoder-faults.ts';
import { FrameRateMeter } from './frame-rate-meter.ts';
import { boundToLevel, levelBitrate, type PictureRate } from './h264-levels.ts';
import type { RawFrame } from './inlet.ts';
import { PictureCopy } from './picture-copy.ts';
import type { EncodingOutput, RunningEncoding } from './serve-encoding.ts';
import { type PacketSink, VideoEncoder, type VideoEncoderSettings } from './video-encoder.ts';

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
  readonly #fallback: EncoderFallback;
  readonly #faults: EncoderFaults;
  #encoder: VideoEncoder;
  /** Why `#encoder` cannot be used any more. */
  #broken: EncoderFailure | undefined;
  /** Takes over from `#encoder` with the next frame, if that still is of its size. */
  #next: VideoEncoder | undefined;
  #opening = false;
  /** Encoders that did not open before `#next`. */
  #refused: readonly EncoderFailure[] = [];
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

  private constructor(
    options: EncodingOptions,
    encoder: VideoEncoder,
    output: EncodingOutput,
    fallback: EncoderFallback,
    faults: EncoderFaults,
  ) {
    this.#options = options;
    if (options.height !== undefined) this.#wanted = { height: options.height };
    this.#bitrate = options.bitrate;
    this.#encoder = encoder;
    this.#output = output;
    this.#fallback = fallback;
    this.#faults = faults;
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
    candidates = encodersFor(options.codec as VideoCodecName, options.encoder),
  ): Promise<VideoEncoding> {
    const refused: EncoderFailure[] = [];
    const faults = new EncoderFaults();
    const { height } = options;
    const size = height === undefined ? format : resized(format, { height });
    const bounded = { ...format, ...withinLevel(options, { ...size, framerate: format.framerate || DEFAULT_FRAMERATE }) };
    const settings = encoderSettings(options, bounded, options.bitrate);
    const encoder = await VideoEncoder.open(settings, candidates, { refused, faults });
    output.chosen?.({ implementation: encoder.implementation, refused });
    const fallback = new EncoderFallback(candidates);
    fallback.drop(refused.map(({ implementation }) => implementation));
    return new VideoEncoding(options, encoder, output, fallback, faults);
  }

  take(frame: RawFrame): void {
    if (frame.format.kind !== 'video' || this.#closed || !this.#isDue(frame)) {
      frame.release();
      return;
    }
    this.#follow(frame.format);
    if (this.#broken) {
      this.counters.framesDropped++;
      frame.release();
    } else this.#encode(frame);
  }

  requestKeyframe(): void {
    this.#keyframe = true;
  }

  setBitrate(bitrate: number): void {
    this.#bitrate = bitrate;
    this.counters.targetBitrate = bitrate;
    this.#encoder.setBitrate(bounded(this.#options, bitrate));
  }

  setFormat({ width, height, framerate }: Format): void {
    const before = this.#wanted;
    this.#wanted = { ...(width && { width }), ...(height && { height }), ...(framerate && { framerate }) };
    if (before.framerate !== this.#wanted.framerate) this.#nextDue = Number.NEGATIVE_INFINITY;
  }

  drain(): void {
    if (!this.#closed && !this.#broken) this.#encoder.drain(this.#sink);
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
      this.#onBroken(error);
    } finally {
      frame.release();
    }
  }

  /** Another encoder goes on from the next frame that finds it open, or the same once more; unless that went wrong too often. */
  #onBroken(error: unknown): void {
    const { implementation } = this.#encoder;
    this.counters.framesDropped++;
    if (!this.#fallback.failed(implementation, performance.now())) {
      this.#output.failed(error);
      return;
    }
    this.#broken = { implementation, reason: asError(error, 'ENCODER_FAILED').message };
    this.#next?.close();
    this.#next = undefined;
  }

  /** Sees to an encoder of the size wanted, and of the bitrate where it cannot change. Until it is open the old one goes on. */
  #follow(format: RawVideoFormat): void {
    const framerate = this.#framerate(format);
    const wanted = { ...format, ...this.#targetSize(format), framerate };
    const suits = (encoder: VideoEncoder): boolean => {
      if (encoder === this.#encoder && this.#broken) return false;
      return fits(encoder, wanted) && !encoder.isOutdated(performance.now());
    };
    const next = this.#next;
    this.#next = undefined;
    if (suits(this.#encoder) || (next && !suits(next))) next?.close();
    else if (next) this.#takeOver(next);
    if (!this.#opening && !suits(this.#encoder)) void this.#open(wanted);
  }

  async #open(format: RawVideoFormat): Promise<void> {
    this.#opening = true;
    try {
      const settings = encoderSettings(this.#options, format, this.#bitrate);
      const refused: EncoderFailure[] = [];
      const encoder = await VideoEncoder.open(settings, this.#fallback.order, { refused, faults: this.#faults });
      this.#fallback.drop(refused.map(({ implementation }) => implementation));
      if (this.#closed) return encoder.close();
      this.#next = encoder;
      this.#refused = refused;
    } catch (error) {
      if (!this.#closed) this.#output.failed(error);
    } finally {
      this.#opening = false;
    }
  }

  #takeOver(encoder: VideoEncoder): void {
    this.#copy?.close();
    this.#copy = undefined;
    const changed = this.#broken !== undefined || encoder.implementation !== this.#encoder.implementation;
    this.#encoder.close();
    this.#encoder = encoder;
    if (changed) {
      const failed = this.#broken && { failed: this.#broken };
      this.#output.chosen?.({ implementation: encoder.implementation, refused: this.#refused, ...failed });
    }
    this.#broken = undefined;
    this.#keyframe = true;
    // The bitrate may have changed while the encoder opened.
    encoder.setBitrate(bounded(this.#options, this.#bitrate));
    this.counters.encoderImplementation = encoder.implementation;
    this.counters.frameWidth = encoder.width;
    this.counters.frameHeight = encoder.height;
  }

  /** Thins the frames out to the frame rate asked for, evenly. */
  #isDue({ timestamp, format }: RawFrame): boolean {
    if (format.kind !== 'video') return true;
    const framerate = this.#framerate(format);
    if (framerate === 0 || (framerate === format.framerate && !this.#wanted.framerate)) return true;
    const interval = 1e6 / framerate;
    // Half an input frame early counts as due, or rounding would drop every other frame at equal rates.
    const tolerance = format.framerate > 0 ? 5e5 / format.framerate : interval / 4;
    if (timestamp < this.#nextDue - tolerance) return false;
    this.#nextDue = Math.max(this.#nextDue + interval, timestamp + interval - tolerance);
    return true;
  }

  #targetSize(format: RawVideoFormat): { width: number; height: number } {
    const within = withinLevel(this.#options, { ...resized(format, this.#wanted), framerate: 0 });
    return { width: within.width, height: within.height };
  }

  /** Frames per second to encode; 0 where the input does not tell and nothing bounds it. */
  #framerate(format: RawVideoFormat): number {
    const framerate = this.#wanted.framerate ?? format.framerate;
    if (this.#options.level === undefined) return framerate;
    return withinLevel(this.#options, { ...this.#targetSize(format), framerate: framerate || DEFAULT_FRAMERATE }).framerate;
  }
}

function fits(encoder: VideoEncoder, { width, height, colorSpace, framerate }: RawVideoFormat): boolean {
  if (encoder.width !== width || encoder.height !== height || encoder.colorSpace !== colorSpace) return false;
  return encoder.fixedFramerate === undefined || encoder.fixedFramerate === (framerate || DEFAULT_FRAMERATE);
}

/** The size asked for; where that is one side only, the other follows. */
function resized(
  { width, height }: Pick<VideoFormat, 'width' | 'height'>,
  { width: toWidth, height: toHeight }: Format,
): { width: number; height: number } {
  return {
    width: legalSize(toWidth ?? (toHeight ? (width * toHeight) / height : width)),
    height: legalSize(toHeight ?? (toWidth ? (height * toWidth) / width : height)),
  };
}

function legalSize(pixels: number): number {
  return Math.min(MAX_SIZE, Math.max(MIN_SIZE, Math.round(pixels / 2) * 2));
}

function withinLevel({ level }: EncodingOptions, picture: PictureRate): PictureRate {
  return level === undefined ? picture : boundToLevel(level, picture);
}

function bounded({ level }: EncodingOptions, bitrate: number): number {
  return level === undefined ? bitrate : Math.min(bitrate, levelBitrate(level));
}

function encoderSettings(
  options: EncodingOptions,
  format: Pick<VideoFormat, 'width' | 'height' | 'framerate'> & { colorSpace: number },
  bitrate: number,
): VideoEncoderSettings {
  const {
    codec,
    profile = 'constrained-baseline',
    temporalLayers = 1,
    tune = 'latency',
    level,
    maxSliceSize,
    overrides,
  } = options;
  const { width, height, colorSpace } = format;
  return {
    ...{ codec, profile, temporalLayers, tune, width, height, colorSpace },
    framerate: format.framerate || DEFAULT_FRAMERATE,
    bitrate: bounded(options, bitrate),
    ...(level === undefined ? {} : { level }),
    ...(maxSliceSize === undefined ? {} : { maxSliceSize }),
    ...(overrides === undefined ? {} : { overrides }),
  };
}
