/** Makes video of one codec into that of another, for a container that does not take the first. */
import { AV_CODEC_FLAG_GLOBAL_HEADER, AV_PIX_FMT_YUV420P, AVMEDIA_TYPE_VIDEO } from 'node-av/constants';
import { type CodecContext, type CodecParameters, FFmpegError, Frame, Packet, Rational } from 'node-av/lib';
import type { RecordedTrack } from '../../output-types.ts';
import { openDecoder } from '../decode/open-decoder.ts';
import { openCodec } from '../encode/open-codec.ts';
import { PictureScaler } from '../picture-scaler.ts';

/** A stream without a known frame rate: what encoders plan with. */
const FRAMERATE = 30;
/** Ticks a second of what goes into the encoder. */
const CLOCK = 90_000;
/** Bits for a pixel of a second of video. */
const BITS_PER_PIXEL = 4;

export interface Transcoded {
  readonly data: Uint8Array;
  /** µs */
  readonly timestamp: number;
  readonly keyframe: boolean;
}

export class Transcoder {
  readonly #decoder: CodecContext;
  readonly #encoder: CodecContext;
  readonly #scaler: PictureScaler;
  readonly #packet = new Packet();
  readonly #decoded = new Frame();
  #last = -1n;

  private constructor(decoder: CodecContext, encoder: CodecContext, width: number, height: number) {
    this.#decoder = decoder;
    this.#encoder = encoder;
    this.#scaler = new PictureScaler(AV_PIX_FMT_YUV420P, () => ({ width, height }));
    this.#packet.alloc();
    this.#decoded.alloc();
  }

  static async open(track: Extract<RecordedTrack, { kind: 'video' }>, target: 'H264' | 'VP8'): Promise<Transcoder> {
    // Encoders take even sides; all pictures of a file are as large as the first.
    const [width, height] = [even(track.width), even(track.height)];
    const decoder = await openDecoder(track.codec);
    try {
      const encoder = await openCodec(target === 'H264' ? 'libx264' : 'libvpx', (context): Record<string, string | number> => {
        Object.assign(context, { width, height, pixelFormat: AV_PIX_FMT_YUV420P, maxBFrames: 0, gopSize: 2 * FRAMERATE });
        context.timeBase = new Rational(1, CLOCK);
        context.framerate = new Rational(FRAMERATE, 1);
        // Containers keep parameter sets apart; this makes the encoder give them so.
        context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
        if (target === 'H264') return { preset: 'veryfast', tune: 'zerolatency', crf: 21, threads: 2 };
        context.bitRate = BigInt(width * height * BITS_PER_PIXEL);
        return { deadline: 'realtime', 'cpu-used': 6, crf: 8, threads: 2 };
      });
      return new Transcoder(decoder, encoder, width, height);
    } catch (error) {
      decoder.freeContext();
      throw error;
    }
  }

  /** Says in `parameters` what comes out. */
  describe(parameters: CodecParameters): void {
    FFmpegError.throwIfError(parameters.fromContext(this.#encoder), 'describe the encoder');
    parameters.codecType = AVMEDIA_TYPE_VIDEO;
    parameters.codecTag = 0;
  }

  /** A frame that cannot be decoded gives nothing. `timestamp` in µs. */
  transcode(data: Uint8Array, timestamp: number): Transcoded[] {
    const packet = this.#packet;
    packet.data = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    packet.pts = packet.dts = BigInt(Math.round((timestamp * CLOCK) / 1e6));
    this.#decoder.sendPacketSync(packet);
    packet.unref();
    return this.#pump();
  }

  /** The rest. */
  drain(): Transcoded[] {
    this.#decoder.sendPacketSync(null);
    const made = this.#pump();
    this.#encoder.sendFrameSync(null);
    made.push(...this.#receive());
    return made;
  }

  close(): void {
    this.#scaler.close();
    this.#packet.free();
    this.#decoded.free();
    this.#decoder.freeContext();
    this.#encoder.freeContext();
  }

  #pump(): Transcoded[] {
    const made: Transcoded[] = [];
    while (this.#decoder.receiveFrameSync(this.#decoded) >= 0) {
      const picture = this.#scaler.scale(this.#decoded);
      const pts = this.#decoded.pts > this.#last ? this.#decoded.pts : this.#last + 1n;
      picture.pts = this.#last = pts;
      FFmpegError.throwIfError(this.#encoder.sendFrameSync(picture), 'encode a picture');
      this.#decoded.unref();
      made.push(...this.#receive());
    }
    return made;
  }

  #receive(): Transcoded[] {
    const made: Transcoded[] = [];
    const packet = this.#packet;
    while (this.#encoder.receivePacketSync(packet) >= 0) {
      made.push({
        data: Uint8Array.from(packet.data!),
        timestamp: (Number(packet.pts) * 1e6) / CLOCK,
        keyframe: packet.isKeyframe,
      });
      packet.unref();
    }
    return made;
  }
}

const even = (pixels: number): number => Math.max(2, pixels - (pixels % 2));
