/** One open audio encoder: a full frame of samples goes in, its packet comes out before the call returns. */
import { AV_CHANNEL_LAYOUT_STEREO, AV_SAMPLE_FMT_FLT, AVERROR_EAGAIN, AVERROR_EOF } from 'node-av/constants';
import { type CodecContext, FFmpegError, Frame, Packet, Rational } from 'node-av/lib';
import { asError, TsWebRTCError } from '../../../common/errors.ts';
import type { CodecName } from '../../types.ts';
import { RAW_CHANNELS, RAW_SAMPLE_RATE } from '../raw-audio.ts';
import { AUDIO_ENCODERS, type AudioEncoderRow, type AudioSettings } from './codecs.ts';
import { openCodec } from './open-codec.ts';

export class AudioEncoder {
  readonly implementation: string;
  /** Sample frames in a packet. */
  readonly frameSize: number;
  readonly #row: AudioEncoderRow;
  readonly #settings: AudioSettings;
  readonly #context: CodecContext;
  readonly #frame = new Frame();
  readonly #packet = new Packet();
  #pts = 0;

  private constructor(row: AudioEncoderRow, context: CodecContext, settings: AudioSettings) {
    this.#row = row;
    this.#settings = settings;
    this.implementation = row.implementation;
    this.frameSize = row.frameSize;
    this.#context = context;
    this.#packet.alloc();
    this.#frame.alloc();
    this.#frame.format = AV_SAMPLE_FMT_FLT;
    this.#frame.sampleRate = RAW_SAMPLE_RATE;
    this.#frame.channelLayout = AV_CHANNEL_LAYOUT_STEREO;
    this.#frame.nbSamples = row.frameSize;
    FFmpegError.throwIfError(this.#frame.getBuffer(0), 'allocate samples');
  }

  /** Opens the first encoder of the codec that works here. */
  static async open(codec: CodecName, settings: AudioSettings): Promise<AudioEncoder> {
    let failure: unknown;
    for (const row of AUDIO_ENCODERS) {
      if (row.codec !== codec) continue;
      try {
        const context = await openCodec(row.implementation, (fresh) => {
          fresh.sampleRate = RAW_SAMPLE_RATE;
          fresh.sampleFormat = AV_SAMPLE_FMT_FLT;
          fresh.channelLayout = AV_CHANNEL_LAYOUT_STEREO;
          fresh.timeBase = new Rational(1, RAW_SAMPLE_RATE);
          return row.configure(fresh, settings);
        });
        return new AudioEncoder(row, context, settings);
      } catch (error) {
        failure = error;
      }
    }
    throw asError(failure ?? new Error(`There is no encoder for ${codec}.`), 'ENCODER_FAILED');
  }

  /** Encodes `frameSize` sample frames; what comes out, which may be nothing for silence, goes to `sink` before this returns. */
  encode(samples: Float32Array, sink: (data: Uint8Array) => void): void {
    const frame = this.#frame;
    FFmpegError.throwIfError(frame.makeWritable(), 'write to samples');
    const plane = frame.data![0]!;
    new Float32Array(plane.buffer, plane.byteOffset, this.frameSize * RAW_CHANNELS).set(samples);
    frame.pts = BigInt(this.#pts);
    this.#pts += this.frameSize;
    let result = this.#context.sendFrameSync(frame);
    const packet = this.#packet;
    while (result >= 0) {
      result = this.#context.receivePacketSync(packet);
      if (result < 0) break;
      const { data } = packet;
      if (data && this.#row.isWorthSending(data, this.#settings)) sink(data);
      packet.unref();
    }
    if (result !== AVERROR_EAGAIN && result !== AVERROR_EOF) {
      throw new TsWebRTCError('ENCODER_FAILED', `The encoder "${this.implementation}" failed: ${FFmpegError.strerror(result)}.`);
    }
  }

  close(): void {
    this.#frame.free();
    this.#packet.free();
    this.#context.freeContext();
  }
}
