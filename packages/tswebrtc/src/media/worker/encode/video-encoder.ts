/** One open video encoder of one size: a raw picture goes in, its packet comes out before the call returns. */
import {
  AV_PICTURE_TYPE_I,
  AV_PICTURE_TYPE_NONE,
  AV_PIX_FMT_NV12,
  AV_PIX_FMT_YUV420P,
  AV_PKT_DATA_QUALITY_STATS,
  type AVColorSpace,
  AVERROR_EAGAIN,
  AVERROR_EOF,
  type AVPixelFormat,
  FF_QP2LAMBDA,
} from 'node-av/constants';
import { type CodecContext, FFmpegError, Frame, Packet, Rational } from 'node-av/lib';
import { asError, TsWebRTCError } from '../../../common/errors.ts';
import type { EncoderFailure } from '../../encoders.ts';
import type { CodecName, EncodingOptions } from '../../types.ts';
import { findVideoEncoder, videoTimeBase } from './codecs.ts';
import { EncoderFaults } from './encoder-faults.ts';
import type { VideoEncoderRow, VideoSettings } from './encoder-row.ts';
import { HardwareFrames } from './hardware-frames.ts';
import { openCodec } from './open-codec.ts';
import { type RateControl, TICKS_PER_SECOND } from './rate-control.ts';

export interface VideoEncoderSettings extends VideoSettings {
  readonly codec: CodecName;
  readonly colorSpace: number;
  /** What the application changes, by FFmpeg's name of the encoder. */
  readonly overrides?: EncodingOptions['overrides'];
}

/** What is known of a frame besides its picture; comes out with its packet. */
export interface FrameTimes {
  /** µs */
  readonly timestamp: number;
  /** µs */
  readonly duration: number;
  /** ms since the Unix epoch */
  readonly captureTime: number;
}

export interface PacketInfo {
  readonly keyframe: boolean;
  readonly temporalLayer: number;
  /** As the codec counts it: H264, H265 0..51, VP8 0..127, VP9 0..255, AV1 0..63. */
  readonly quantiser: number;
  /** Frames before this one that were given up to hold the bitrate. */
  readonly dropped: number;
}

export type PacketSink = (data: Uint8Array, info: PacketInfo, times: FrameTimes) => void;

/** Most frames an encoder may give up in a row and still have all of them counted. */
const MAX_INSIDE = 256;

export class VideoEncoder {
  readonly implementation: string;
  readonly width: number;
  readonly height: number;
  readonly colorSpace: number;
  /** The picture to encode: fill its planes, then call `encode`. */
  readonly frame: Frame;
  readonly #context: CodecContext;
  readonly #rate: RateControl;
  readonly #row: VideoEncoderRow;
  readonly #settings: VideoEncoderSettings;
  readonly #hardware: HardwareFrames | undefined;
  readonly #faults: EncoderFaults;
  #encoded = 0;
  readonly #packet = new Packet();
  /** Times of the frames inside the encoder, by the pts it was given. */
  readonly #inside = new Map<number, FrameTimes>();
  #last: number | undefined;
  /** Frames given up since the last packet and never seen by the encoder. */
  #skipped = 0;

  private constructor(
    row: VideoEncoderRow,
    context: CodecContext,
    settings: VideoEncoderSettings,
    hardware: HardwareFrames | undefined,
    faults: EncoderFaults,
  ) {
    this.implementation = row.implementation;
    this.width = settings.width;
    this.height = settings.height;
    this.colorSpace = settings.colorSpace;
    this.#context = context;
    this.#row = row;
    this.#settings = settings;
    this.#hardware = hardware;
    this.#faults = faults;
    this.#rate = row.control(context, settings);
    this.#packet.alloc();
    this.frame = new Frame();
    this.frame.alloc();
    this.frame.width = settings.width;
    this.frame.height = settings.height;
    this.frame.format = pixelFormat(row);
    FFmpegError.throwIfError(this.frame.getBuffer(0), 'allocate a picture');
  }

  /**
   * Opens the first of `candidates`, FFmpeg's names of encoders, that works here; those that do not are put into `refused`.
   * Rejects with `ENCODER_FAILED`.
   */
  static async open(
    settings: VideoEncoderSettings,
    candidates: readonly string[],
    { refused = [], faults = new EncoderFaults() }: { refused?: EncoderFailure[]; faults?: EncoderFaults } = {},
  ): Promise<VideoEncoder> {
    for (const implementation of candidates) {
      try {
        return await VideoEncoder.#open(implementation, settings, faults);
      } catch (error) {
        refused.push({ implementation, reason: asError(error, 'ENCODER_FAILED').message });
      }
    }
    const reasons = refused.map(({ reason }) => reason).join(' ');
    throw new TsWebRTCError('ENCODER_FAILED', `No encoder for ${settings.codec} opens here. ${reasons}`.trim());
  }

  static async #open(implementation: string, settings: VideoEncoderSettings, faults: EncoderFaults): Promise<VideoEncoder> {
    const row = findVideoEncoder(implementation);
    if (!row) throw new TsWebRTCError('ENCODER_FAILED', `There is no encoder "${implementation}".`);
    faults.check(implementation, 0);
    const { width, height, framerate, colorSpace } = settings;
    const own = settings.overrides?.[implementation];
    let hardware: HardwareFrames | undefined;
    let context: CodecContext | undefined;
    try {
      context = await openCodec(implementation, (fresh) => {
        fresh.width = width;
        fresh.height = height;
        fresh.pixelFormat = pixelFormat(row);
        fresh.timeBase = videoTimeBase();
        fresh.framerate = new Rational(Math.max(1, Math.round(framerate * 1000)), 1000);
        fresh.colorSpace = colorSpace as AVColorSpace;
        if (row.device) {
          hardware = HardwareFrames.open(row.device, width, height);
          hardware.attach(fresh);
        }
        const options = row.configure(fresh, settings);
        if (own?.gopSize !== undefined) fresh.gopSize = own.gopSize;
        if (own?.threadCount !== undefined) fresh.threadCount = own.threadCount;
        const changed = own?.withoutDefaults ? own.options : { ...options, ...own?.options };
        return { ...changed, ...row.insist?.(changed, settings) };
      });
      return new VideoEncoder(row, context, settings, hardware, faults);
    } catch (error) {
      context?.freeContext();
      hardware?.close();
      throw error;
    }
  }

  /** Frames per second that the encoder goes by; undefined where it goes by the frames' times. */
  get fixedFramerate(): number | undefined {
    return this.#rate.outdated ? this.#settings.framerate : undefined;
  }

  setBitrate(bitrate: number): void {
    this.#rate.setBitrate(bitrate);
  }

  /** Whether it has to be opened anew for its bitrate. */
  isOutdated(now: number): boolean {
    return this.#rate.outdated?.(now) ?? false;
  }

  /** Encodes `frame`; what comes out goes to `sink` before this returns. */
  encode(times: FrameTimes, keyframe: boolean, sink: PacketSink): void {
    const { frame } = this;
    const now = ticks(times.timestamp);
    const elapsed = this.#last === undefined ? 0 : Math.max(1, now - this.#last);
    this.#last = this.#last === undefined ? now : Math.max(now, this.#last + 1);
    const stamp = this.#rate.stamp(elapsed, Math.max(1, ticks(times.duration)), keyframe);
    if (!stamp) {
      this.#skipped++;
      return;
    }
    frame.pts = BigInt(stamp.pts);
    frame.duration = BigInt(stamp.duration);
    frame.pictType = keyframe ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    this.#inside.set(stamp.pts, times);
    if (this.#inside.size > MAX_INSIDE) this.#inside.delete(this.#inside.keys().next().value!);
    this.#faults.check(this.implementation, ++this.#encoded);
    const result = this.#context.sendFrameSync(this.#hardware ? this.#hardware.upload(frame) : frame);
    if (result < 0) throw failure(this.implementation, result);
    this.#receive(sink);
  }

  /** Brings out what is still inside. The encoder takes no more after this. */
  drain(sink: PacketSink): void {
    if (this.#context.sendFrameSync(null) >= 0) this.#receive(sink);
  }

  close(): void {
    this.frame.free();
    this.#packet.free();
    this.#context.freeContext();
    this.#hardware?.close();
  }

  #inspect(data: Uint8Array): { quantiser: number; temporalLayer: number } {
    const known = this.#row.inspect?.(data, this.#settings);
    if (known) return known;
    const quality = this.#packet.getSideData(AV_PKT_DATA_QUALITY_STATS)?.readInt32LE(0) ?? 0;
    return { quantiser: quality / FF_QP2LAMBDA, temporalLayer: 0 };
  }

  #receive(sink: PacketSink): void {
    const packet = this.#packet;
    for (;;) {
      const result = this.#context.receivePacketSync(packet);
      if (result === AVERROR_EAGAIN || result === AVERROR_EOF) return;
      if (result < 0) throw failure(this.implementation, result);
      try {
        const pts = Number(packet.pts);
        const times = this.#inside.get(pts);
        // Packets come in the order of the frames: what has not come before this one never will.
        let dropped = -1;
        for (const earlier of this.#inside.keys()) {
          if (earlier > pts) break;
          this.#inside.delete(earlier);
          dropped++;
        }
        const { data } = packet;
        if (times && data) {
          this.#rate.spent?.(data.length * 8);
          sink(data, { ...this.#inspect(data), keyframe: packet.isKeyframe, dropped: dropped + this.#skipped }, times);
          this.#skipped = 0;
        }
      } finally {
        packet.unref();
      }
    }
  }
}

function pixelFormat({ layout }: VideoEncoderRow): AVPixelFormat {
  return layout === 'NV12' ? AV_PIX_FMT_NV12 : AV_PIX_FMT_YUV420P;
}

function ticks(microseconds: number): number {
  return Math.round((microseconds * TICKS_PER_SECOND) / 1e6);
}

function failure(implementation: string, code: number): TsWebRTCError {
  return new TsWebRTCError('ENCODER_FAILED', `The encoder "${implementation}" failed: ${FFmpegError.strerror(code)}.`);
}
