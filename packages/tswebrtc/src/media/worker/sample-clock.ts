/**
 * Cuts a stream of samples into frames of equal length with timestamps that follow from the count of samples alone: browsers
 * hear every gap. Where the input's timestamps leave that count for good (a hole in a file, an input that stalled), the hole
 * is filled with silence or, when it is too long for that, the count starts anew.
 */
import { RAW_SAMPLE_RATE, type SampleFormat } from './raw-audio.ts';

/** Timestamps of files are rounded to their container's clock; less than this is no gap, µs. */
export const TOLERANCE = 30_000;
/** Longest hole that is filled, µs. */
const MAX_FILL = 1_000_000;

/** Samples of a full frame, interleaved, and the time of the first, µs. */
export type FrameTaker = (samples: Float32Array, timestamp: number) => void;

const RAW_STEREO: SampleFormat = { channels: 2, sampleRate: RAW_SAMPLE_RATE };

export class SampleClock {
  readonly #frameSize: number;
  readonly #channels: number;
  readonly #sampleRate: number;
  readonly #take: FrameTaker;
  readonly #buffer: Float32Array;
  /** Sample frames in the buffer. */
  #filled = 0;
  /** Timestamp of sample 0 of the count, µs. */
  #origin: number | undefined;
  /** Sample frames counted since. */
  #count = 0;

  constructor(frameSize: number, take: FrameTaker, { channels, sampleRate }: SampleFormat = RAW_STEREO) {
    this.#frameSize = frameSize;
    this.#take = take;
    this.#channels = channels;
    this.#sampleRate = sampleRate;
    this.#buffer = new Float32Array(frameSize * channels);
  }

  /** When the samples that do not fill a frame yet begin, µs; undefined when there are none. */
  get remainder(): number | undefined {
    return this.#filled > 0 ? this.#timeOf(this.#count - this.#filled) : undefined;
  }

  /** Takes samples of which the first is due at `timestamp`, µs. A hole of up to `tolerance` µs is none. */
  push(samples: Float32Array, timestamp: number, tolerance = TOLERANCE): void {
    const [channels, sampleRate] = [this.#channels, this.#sampleRate];
    this.#origin ??= timestamp;
    const difference = timestamp - this.#timeOf(this.#count);
    let skip = 0;
    if (difference > MAX_FILL) {
      this.flush();
      this.#origin = timestamp;
      this.#count = 0;
    } else if (difference > tolerance) {
      this.#append(undefined, Math.round((difference * sampleRate) / 1e6));
    } else if (difference < -tolerance) {
      // Heard already.
      skip = Math.round((-difference * sampleRate) / 1e6);
    }
    const rest = samples.length / channels - skip;
    if (rest > 0) this.#append(skip === 0 ? samples : samples.subarray(skip * channels), rest);
  }

  /** Fills the last frame up with silence. */
  flush(): void {
    if (this.#filled > 0) this.#append(undefined, this.#frameSize - this.#filled);
  }

  #append(samples: Float32Array | undefined, length: number): void {
    const channels = this.#channels;
    let taken = 0;
    while (taken < length) {
      const part = Math.min(length - taken, this.#frameSize - this.#filled);
      const at = this.#filled * channels;
      if (samples) this.#buffer.set(samples.subarray(taken * channels, (taken + part) * channels), at);
      else this.#buffer.fill(0, at, at + part * channels);
      taken += part;
      this.#filled += part;
      this.#count += part;
      if (this.#filled === this.#frameSize) {
        this.#filled = 0;
        this.#take(this.#buffer, this.#timeOf(this.#count - this.#frameSize));
      }
    }
  }

  #timeOf(count: number): number {
    return (this.#origin ?? 0) + (count * 1e6) / this.#sampleRate;
  }
}
