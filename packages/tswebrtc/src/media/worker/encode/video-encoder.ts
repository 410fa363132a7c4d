/** One open video encoder of one size: a raw picture goes in, its packet comes out before the call returns. */
import {
  AV_PICTURE_TYPE_I,
  AV_PICTURE_TYPE_NONE,
  AV_PIX_FMT_YUV420P,
  AV_PKT_DATA_QUALITY_STATS,
  type AVColorSpace,
  AVERROR_EAGAIN,
  AVERROR_EOF,
  FF_QP2LAMBDA,
} from 'node-av/constants';
import { type CodecContext, FFmpegError, Frame, Packet, Rational } from 'node-av/lib';
import { asError, TsWebRTCError } from '../../../common/errors.ts';
import type { CodecName } from '../../types.ts';
import { VIDEO_ENCODERS, type VideoEncoderRow, type VideoSettings, videoTimeBase } from './codecs.ts';
import { openCodec } from './open-codec.ts';
import { type RateControl, TICKS_PER_SECOND } from './rate-control.ts';

export interface VideoEncoderSettings extends VideoSettings {
  readonly codec: CodecName;
  readonly colorSpace: number;
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
  readonly #packet = new Packet();
  /** Times of the frames inside the encoder, by the pts it was given. */
  readonly #inside = new Map<number, FrameTimes>();
  #last: number | undefined;
  /** Frames given up since the last packet and never seen by the encoder. */
  #skipped = 0;

  private constructor(row: VideoEncoderRow, context: CodecContext, settings: VideoEncoderSettings) {
    this.implementation = row.implementation;
    this.width = settings.width;
    this.height = settings.height;
    this.colorSpace = settings.colorSpace;
    this.#context = context;
    this.#row = row;
    this.#settings = settings;
    this.#rate = row.control(context, settings);
    this.#packet.alloc();
    this.frame = new Frame();
    this.frame.alloc();
    this.frame.width = settings.width;
    this.frame.height = settings.height;
    this.frame.format = AV_PIX_FMT_YUV420P;
    FFmpegError.throwIfError(this.frame.getBuffer(0), 'allocate a picture');
  }

  /** Opens the first encoder of the codec that works here. */
  static async open(settings: VideoEncoderSettings): Promise<VideoEncoder> {
    let failure: unknown;
    for (const row of VIDEO_ENCODERS) {
      if (row.codec !== settings.codec) continue;
      try {
        const context = await openCodec(row.implementation, (fresh) => {
          fresh.width = settings.width;
          fresh.height = settings.height;
          fresh.pixelFormat = AV_PIX_FMT_YUV420P;
          fresh.timeBase = videoTimeBase();
          fresh.framerate = new Rational(Math.max(1, Math.round(settings.framerate * 1000)), 1000);
          fresh.colorSpace = settings.colorSpace as AVColorSpace;
          return row.configure(fresh, settings);
        });
        return new VideoEncoder(row, context, settings);
      } catch (error) {
        failure = error;
      }
    }
    throw asError(failure ?? new Error(`There is no encoder for ${settings.codec}.`), 'ENCODER_FAILED');
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
    const result = this.#context.sendFrameSync(frame);
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

function ticks(microseconds: number): number {
  return Math.round((microseconds * TICKS_PER_SECOND) / 1e6);
}

function failure(implementation: string, code: number): TsWebRTCError {
  return new TsWebRTCError('ENCODER_FAILED', `The encoder "${implementation}" failed: ${FFmpegError.strerror(code)}.`);
}
