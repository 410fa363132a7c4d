/**
 * The sound of a file: decoded ahead, cut into slices of one packet each, each handed on when its first sample is due. What
 * a decoder gives at once is longer (AAC: 21 ms, FLAC: 100 ms), and packets that leave in its rhythm would look like a
 * network's jitter to the receiver, which would delay the sound for it.
 */
import type { WorkerInputTrack } from '../messages.ts';
import { RAW_SAMPLE_RATE, rawChannels } from '../raw-audio.ts';
import { Resampler } from '../resampler.ts';
import { SampleClock, TOLERANCE } from '../sample-clock.ts';
import { DecodedLane } from './decoded-lane.ts';
import type { FileStream } from './file-stream.ts';
import { RawOutlet } from './raw-outlet.ts';

/** Sample frames in a slice. */
const SLICE = 960;
const SLICE_DURATION = (SLICE * 1e6) / RAW_SAMPLE_RATE;
/** After a longer stall (a suspended machine) the sound goes on from now, µs. */
const TOO_LATE = 1e6;

interface Slice {
  readonly samples: Float32Array;
  timestamp: number;
}

export class SoundLane extends DecodedLane {
  readonly outlet = new RawOutlet('audio');
  readonly description: WorkerInputTrack;
  readonly #slices: Slice[] = [];
  readonly #spare: Slice[] = [];
  readonly #channels: number;
  readonly #clock: SampleClock;
  readonly #resampler: Resampler;
  #tolerance = TOLERANCE;

  constructor(stream: FileStream, transcoded?: string) {
    super(stream);
    const { sampleRate } = stream.decoder;
    const channels = rawChannels(stream.decoder.channels);
    this.#channels = channels;
    const raw = { channels, sampleRate: RAW_SAMPLE_RATE };
    this.#clock = new SampleClock(SLICE, (samples, timestamp) => this.#append(samples, timestamp), raw);
    this.#resampler = new Resampler((samples, timestamp) => {
      this.#clock.push(samples, timestamp, this.#tolerance);
      this.#tolerance = TOLERANCE;
    }, raw);
    this.description = { kind: 'audio', format: { sampleRate, channels }, transcoded };
    this.outlet.setFormat({ kind: 'audio', channels }, SLICE * channels * Float32Array.BYTES_PER_ELEMENT);
  }

  get due(): number | undefined {
    return this.#slices[0]?.timestamp;
  }

  prepare(shift: number): boolean {
    const { stream } = this;
    while (this.#slices.length === 0 && stream.decode()) {
      const timestamp = stream.timestamp + shift;
      this.#resampler.convert(stream.frame, timestamp);
      this.end = Math.max(this.end, timestamp + stream.duration);
      stream.consume();
    }
    if (this.#slices.length === 0 && stream.ended) this.#resampler.drain();
    return this.#slices.length > 0 || stream.ended;
  }

  handOn(now: number): void {
    const slice = this.#slices.shift();
    if (!slice) return;
    const room = now - slice.timestamp > TOO_LATE ? undefined : this.outlet.begin();
    if (room) {
      new Float32Array(room.buffer, room.byteOffset, SLICE * this.#channels).set(slice.samples);
      this.outlet.commit(slice.timestamp, SLICE_DURATION, SLICE);
    }
    this.#spare.push(slice);
  }

  settle(time: number): void {
    const { remainder } = this.#clock;
    if (this.stream.ended && this.#slices.length === 0 && remainder !== undefined && remainder < time) this.#clock.flush();
  }

  restart(): void {
    this.stream.restart();
    // The pictures have started over at an exact time; no loop may leave the sound a little further behind.
    this.#tolerance = 0;
  }

  close(): void {
    this.#resampler.close();
    this.stream.close();
  }

  #append(samples: Float32Array, timestamp: number): void {
    const slice = this.#spare.pop() ?? { samples: new Float32Array(SLICE * this.#channels), timestamp };
    slice.samples.set(samples);
    slice.timestamp = timestamp;
    this.#slices.push(slice);
  }
}
