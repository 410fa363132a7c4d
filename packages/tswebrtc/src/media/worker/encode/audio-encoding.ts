/** One running audio encoding: cuts the input's samples into the codec's frames and follows the bitrate asked for. */
import { encodedFormat } from '../../audio-codecs.ts';
import type { AudioCodecName, EncodingOptions } from '../../types.ts';
import type { EncoderCounters } from '../messages.ts';
import { RAW_SAMPLE_RATE, type SampleFormat } from '../raw-audio.ts';
import { Resampler } from '../resampler.ts';
import { SampleClock } from '../sample-clock.ts';
import { AudioEncoder } from './audio-encoder.ts';
import type { RawFrame } from './inlet.ts';
import type { EncodingOutput, RunningEncoding } from './serve-encoding.ts';

const AUDIO_PACKET = { keyframe: true, temporalLayer: 0 };

export class AudioEncoding implements RunningEncoding {
  readonly counters: EncoderCounters;
  readonly #options: EncodingOptions;
  readonly #format: SampleFormat;
  readonly #output: EncodingOutput;
  readonly #samples: SampleClock;
  /** Once the input had something else than what is made. */
  #resampler: Resampler | undefined;
  #encoder: AudioEncoder;
  /** ms since the Unix epoch at timestamp 0. */
  #epoch = 0;
  #bitrate: number;
  #opening = false;
  #closed = false;

  private constructor(options: EncodingOptions, format: SampleFormat, encoder: AudioEncoder, output: EncodingOutput) {
    this.#options = options;
    this.#format = format;
    this.#bitrate = options.bitrate;
    this.#encoder = encoder;
    this.#output = output;
    this.#samples = new SampleClock(encoder.frameSize, (samples, timestamp) => this.#encode(samples, timestamp), format);
    this.counters = {
      framesEncoded: 0,
      keyFramesEncoded: 0,
      framesDropped: 0,
      bytesEncoded: 0,
      totalEncodeTime: 0,
      targetBitrate: options.bitrate,
      encoderImplementation: encoder.implementation,
    };
  }

  /** `channels`: those of the input. */
  static async open(options: EncodingOptions, channels: number, output: EncodingOutput): Promise<AudioEncoding> {
    const usual = encodedFormat(options.codec as AudioCodecName, channels);
    const format = {
      channels: options.channels ?? usual.channels,
      sampleRate: options.sampleRate ?? usual.sampleRate,
    };
    return new AudioEncoding(options, format, await openEncoder(options, format, options.bitrate), output);
  }

  take(frame: RawFrame): void {
    try {
      if (this.#closed || frame.format.kind !== 'audio') return;
      const started = performance.now();
      this.#epoch = frame.captureTime - frame.timestamp / 1000;
      const { channels, sampleRate = RAW_SAMPLE_RATE } = frame.format;
      const samples = new Float32Array(frame.data.buffer, frame.data.byteOffset, frame.samples * channels);
      this.#convert(samples, { channels, sampleRate }, frame.timestamp);
      this.counters.totalEncodeTime += (performance.now() - started) / 1000;
    } catch (error) {
      this.#output.failed(error);
    } finally {
      frame.release();
    }
  }

  requestKeyframe(): void {}

  setFormat(): void {}

  setBitrate(bitrate: number): void {
    this.#bitrate = bitrate;
    this.counters.targetBitrate = bitrate;
    if (!this.#opening) void this.#reopen();
  }

  drain(): void {
    if (this.#closed) return;
    this.#resampler?.drain();
    this.#samples.flush();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#resampler?.close();
    this.#encoder.close();
  }

  /** Brings raw samples into what is encoded. */
  #convert(samples: Float32Array, from: SampleFormat, timestamp: number): void {
    const { channels, sampleRate } = this.#format;
    if (!this.#resampler && (from.channels !== channels || from.sampleRate !== sampleRate)) {
      this.#resampler = new Resampler((converted, due) => this.#samples.push(converted, due), this.#format);
    }
    if (this.#resampler) this.#resampler.convertSamples(samples, from, timestamp);
    else this.#samples.push(samples, timestamp);
  }

  #encode(samples: Float32Array, timestamp: number): void {
    const duration = (this.#encoder.frameSize * 1e6) / this.#format.sampleRate;
    this.#encoder.encode(samples, (data) => {
      const times = { timestamp, duration, captureTime: this.#epoch + timestamp / 1000 };
      if (!this.#output.write(data, AUDIO_PACKET, times)) {
        this.counters.framesDropped++;
        return;
      }
      this.counters.framesEncoded++;
      this.counters.bytesEncoded += data.length;
    });
  }

  /** The encoder cannot change its bitrate while it runs: another one takes over between two frames. */
  async #reopen(): Promise<void> {
    this.#opening = true;
    try {
      for (let opened: number | undefined; opened !== this.#bitrate && !this.#closed; ) {
        opened = this.#bitrate;
        const encoder = await openEncoder(this.#options, this.#format, opened);
        if (this.#closed) return encoder.close();
        this.#encoder.close();
        this.#encoder = encoder;
      }
    } catch (error) {
      this.#output.failed(error);
    } finally {
      this.#opening = false;
    }
  }
}

function openEncoder(
  { codec, inbandFec = true, dtx = false, expectedLoss = 5, maxPacketSize }: EncodingOptions,
  format: SampleFormat,
  bitrate: number,
): Promise<AudioEncoder> {
  return AudioEncoder.open(codec as AudioCodecName, { ...format, bitrate, inbandFec, dtx, expectedLoss, maxPacketSize });
}
