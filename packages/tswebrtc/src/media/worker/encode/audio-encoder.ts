/** One open audio encoder: a full frame of samples goes in, its packet comes out before the call returns. */
import { AV_SAMPLE_FMT_S16, AV_SAMPLE_FMT_S32, AVERROR_EAGAIN, AVERROR_EOF, type AVSampleFormat } from 'node-av/constants';
import { type CodecContext, FFmpegError, Frame, Packet, Rational } from 'node-av/lib';
import { asError, TsWebRTCError } from '../../../common/errors.ts';
import type { AudioCodecName } from '../../types.ts';
import { layoutOf } from '../channel-layouts.ts';
import { AUDIO_ENCODERS, type AudioEncoderRow, type AudioSettings } from './audio-codecs.ts';
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
    this.frameSize = row.frameSize(settings);
    this.#context = context;
    this.#packet.alloc();
    this.#frame.alloc();
    this.#frame.format = row.sampleType;
    this.#frame.sampleRate = settings.sampleRate;
    this.#frame.channelLayout = layoutOf(settings.channels);
    this.#frame.nbSamples = this.frameSize;
    FFmpegError.throwIfError(this.#frame.getBuffer(0), 'allocate samples');
  }

  /** Opens the first encoder of the codec that works here. */
  static async open(codec: AudioCodecName, settings: AudioSettings): Promise<AudioEncoder> {
    let failure: unknown;
    for (const row of AUDIO_ENCODERS) {
      if (row.codec !== codec) continue;
      try {
        const context = await openCodec(row.implementation, (fresh) => {
          fresh.sampleRate = settings.sampleRate;
          fresh.sampleFormat = row.sampleType;
          fresh.channelLayout = layoutOf(settings.channels);
          fresh.timeBase = new Rational(1, settings.sampleRate);
          return row.configure(fresh, settings);
        });
        return new AudioEncoder(row, context, settings);
      } catch (error) {
        failure = error;
      }
    }
    throw asError(failure ?? new Error(`There is no encoder for ${codec}.`), 'ENCODER_FAILED');
  }

  /** What a decoder has to know beforehand; empty where it need not. */
  get configuration(): Buffer {
    return this.#context.extraData ?? Buffer.alloc(0);
  }

  /** Encodes `frameSize` sample frames; what comes out, which may be nothing for silence, goes to `sink` before this returns. */
  encode(samples: Float32Array, sink: (data: Uint8Array) => void): void {
    const frame = this.#frame;
    FFmpegError.throwIfError(frame.makeWritable(), 'write to samples');
    writeSamples(samples, this.#row.sampleType, frame.data![0]!);
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

/** Writes samples in the type that an encoder takes; what is beyond full scale is cut. */
function writeSamples(samples: Float32Array, type: AVSampleFormat, { buffer, byteOffset }: Buffer): void {
  const { length } = samples;
  if (type === AV_SAMPLE_FMT_S16) {
    quantise(samples, new Int16Array(buffer, byteOffset, length), 0x7fff);
  } else if (type === AV_SAMPLE_FMT_S32) {
    quantise(samples, new Int32Array(buffer, byteOffset, length), 0x7fff_ffff);
  } else {
    new Float32Array(buffer, byteOffset, length).set(samples);
  }
}

function quantise(samples: Float32Array, integers: Int16Array | Int32Array, most: number): void {
  for (let i = 0; i < samples.length; i++) {
    const value = Math.round(samples[i]! * (most + 1));
    integers[i] = value > most ? most : value < -most - 1 ? -most - 1 : value;
  }
}
