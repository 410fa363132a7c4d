/** Brings decoded sound of whatever format into the engine's: 48 kHz stereo. */
import { AV_CHANNEL_LAYOUT_STEREO, AV_SAMPLE_FMT_FLT, type AVSampleFormat } from 'node-av/constants';
import { FFmpegError, type Frame, SoftwareResampleContext } from 'node-av/lib';
import { RAW_CHANNELS, RAW_SAMPLE_RATE } from '../raw-audio.ts';

/** Interleaved samples, to be copied before this returns, and when the first is due, µs. */
export type SampleTaker = (samples: Float32Array, timestamp: number) => void;

export class Resampler {
  readonly #take: SampleTaker;
  #context: SoftwareResampleContext | undefined;
  /** What the context was made for. */
  #key = '';
  #output = Buffer.alloc(0);
  /** When the sample that comes out next is due, µs. */
  #next = 0;

  constructor(take: SampleTaker) {
    this.#take = take;
  }

  /** Converts a frame of which the first sample is due at `timestamp`, µs. */
  convert(frame: Frame, timestamp: number): void {
    const context = this.#follow(frame);
    // The context still holds some of the frames before.
    this.#next = timestamp - (Number(context.getDelay(BigInt(RAW_SAMPLE_RATE))) * 1e6) / RAW_SAMPLE_RATE;
    this.#convert(context, frame.extendedData ?? frame.data, frame.nbSamples);
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

  #convert(context: SoftwareResampleContext, input: Buffer[] | null, count: number): void {
    // All at once: asking again with no input would tell the context that the sound has ended.
    const most = context.getOutSamples(count);
    FFmpegError.throwIfError(most, 'resample');
    const size = most * RAW_CHANNELS * Float32Array.BYTES_PER_ELEMENT;
    if (size > this.#output.length) this.#output = Buffer.from(new ArrayBuffer(size));
    const samples = context.convertSync([this.#output], most, input, count);
    FFmpegError.throwIfError(samples, 'resample');
    if (samples > 0) this.#take(new Float32Array(this.#output.buffer, 0, samples * RAW_CHANNELS), this.#next);
  }

  #follow(frame: Frame): SoftwareResampleContext {
    const { channelLayout, sampleRate, format } = frame;
    const key = `${sampleRate} ${format} ${channelLayout.nbChannels} ${channelLayout.mask}`;
    if (this.#context && key === this.#key) return this.#context;
    this.drain();
    const context = new SoftwareResampleContext();
    const result = context.allocSetOpts2(
      AV_CHANNEL_LAYOUT_STEREO,
      AV_SAMPLE_FMT_FLT,
      RAW_SAMPLE_RATE,
      channelLayout,
      format as AVSampleFormat,
      sampleRate,
    );
    FFmpegError.throwIfError(result, 'configure a resampler');
    // Many channels into two must not be louder than full scale.
    FFmpegError.throwIfError(context.setOption('rematrix_maxval', 1), 'configure a resampler');
    FFmpegError.throwIfError(context.init(), 'open a resampler');
    this.#context = context;
    this.#key = key;
    return context;
  }
}
