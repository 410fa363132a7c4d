/** Brings sound of whatever format into another rate and number of channels: 32-bit float, interleaved. */
import { AV_SAMPLE_FMT_FLT, type AVSampleFormat } from 'node-av/constants';
import { type ChannelLayout, FFmpegError, type Frame, SoftwareResampleContext } from 'node-av/lib';
import { layoutOf } from './channel-layouts.ts';
import type { SampleFormat } from './raw-audio.ts';

/** Interleaved samples, to be copied before this returns, and when the first is due, µs. */
export type SampleTaker = (samples: Float32Array, timestamp: number) => void;

export class Resampler {
  readonly #take: SampleTaker;
  readonly #made: SampleFormat;
  #context: SoftwareResampleContext | undefined;
  /** What the context was made for. */
  #key = '';
  #output = Buffer.alloc(0);
  /** When the sample that comes out next is due, µs. */
  #next = 0;

  /** `made`: what comes out. */
  constructor(take: SampleTaker, made: SampleFormat) {
    this.#take = take;
    this.#made = made;
  }

  /** Converts a frame of which the first sample is due at `timestamp`, µs. */
  convert(frame: Frame, timestamp: number): void {
    const { channelLayout, sampleRate, format, nbSamples } = frame;
    const context = this.#follow(channelLayout, sampleRate, format as AVSampleFormat);
    this.#feed(context, frame.extendedData ?? frame.data, nbSamples, timestamp);
  }

  /** Converts samples in the engine's own format, of which the first is due at `timestamp`, µs. */
  convertSamples(samples: Float32Array, { channels, sampleRate }: SampleFormat, timestamp: number): void {
    const context = this.#follow(layoutOf(channels), sampleRate, AV_SAMPLE_FMT_FLT);
    const bytes = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
    this.#feed(context, [bytes], samples.length / channels, timestamp);
  }

  /** Brings out what is still inside. */
  drain(): void {
    if (this.#context) this.#convert(this.#context, null, 0);
    this.close();
  }

  close(): void {
    this.#context?.free();
    this.#context = undefined;
    this.#key = '';
  }

  #feed(context: SoftwareResampleContext, input: Buffer[] | null, count: number, timestamp: number): void {
    // The context still holds some of what came before.
    const { sampleRate } = this.#made;
    this.#next = timestamp - (Number(context.getDelay(BigInt(sampleRate))) * 1e6) / sampleRate;
    this.#convert(context, input, count);
  }

  #convert(context: SoftwareResampleContext, input: Buffer[] | null, count: number): void {
    // All at once: asking again with no input would tell the context that the sound has ended.
    const most = context.getOutSamples(count);
    FFmpegError.throwIfError(most, 'resample');
    const { channels } = this.#made;
    const size = most * channels * Float32Array.BYTES_PER_ELEMENT;
    if (size > this.#output.length) this.#output = Buffer.from(new ArrayBuffer(size));
    const samples = context.convertSync([this.#output], most, input, count);
    FFmpegError.throwIfError(samples, 'resample');
    if (samples > 0) this.#take(new Float32Array(this.#output.buffer, 0, samples * channels), this.#next);
  }

  #follow(layout: ChannelLayout, sampleRate: number, format: AVSampleFormat): SoftwareResampleContext {
    const key = `${sampleRate} ${format} ${layout.nbChannels} ${layout.mask}`;
    if (this.#context && key === this.#key) return this.#context;
    this.drain();
    const context = new SoftwareResampleContext();
    const made = layoutOf(this.#made.channels);
    const result = context.allocSetOpts2(made, AV_SAMPLE_FMT_FLT, this.#made.sampleRate, layout, format, sampleRate);
    FFmpegError.throwIfError(result, 'configure a resampler');
    // Many channels into few must not be louder than full scale.
    FFmpegError.throwIfError(context.setOption('rematrix_maxval', 1), 'configure a resampler');
    FFmpegError.throwIfError(context.init(), 'open a resampler');
    this.#context = context;
    this.#key = key;
    return context;
  }
}
