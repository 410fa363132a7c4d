/**
 * Sound of the application: brought into the engine's sample format, cut into slices of one packet each, and each handed on when it is
 * due, or at once where it comes later: packets that leave in the rhythm of an application's buffers would look like a network's
 * jitter. Without timestamps its samples are counted.
 */
import { TsWebRTCError } from '../../common/errors.ts';
import { MOST_CHANNELS } from '../audio-codecs.ts';
import { checkChannels, invalid } from '../options.ts';
import type { WorkerInputTrack } from '../worker/messages.ts';
import { monotonicNow } from '../worker/timeline.ts';
import type { PushClock, TrackClock } from './push-clock.ts';
import { LEAD, PushedTrack } from './pushed-track.ts';
import type { Wait } from './write-queue.ts';

export interface PushedAudioOptions {
  /** Hz. */
  readonly sampleRate: number;
  /** 1 to 8, interleaved in the order of WAVE. */
  readonly channels: number;
  /** Integers of 16 bits, or floats of 32 bits of which full scale is 1; in the byte order of the machine. */
  readonly format: 's16' | 'f32';
}

export interface AudioWriteOptions {
  /**
   * Of the first sample, µs, on the clock that the tracks of a sink may share; default: the samples follow those written before, the first
   * of all at the time of the call. Sound that is more than 100 ms ahead of time waits until it is not.
   */
  readonly timestamp?: number;
}

/** Sound in an iterable. */
export interface PushedSound extends AudioWriteOptions {
  readonly samples: ArrayBufferView;
}

interface Sound {
  readonly samples: Int16Array | Float32Array;
  /** Of the first sample, µs on the monotonic clock. */
  readonly due: number | undefined;
  /** Sample frames taken; undefined before the first attempt. */
  taken: number | undefined;
}

interface Slice {
  readonly samples: Float32Array;
  /** µs on the monotonic clock. */
  due: number;
}

/** Of a slice, s. */
const SLICE_DURATION = 0.02;
/** Sound that may wait where the application does not wait for its writes, s. */
const MAX_WAITING = 1;
/** Timestamps that stray from the count of samples by less are the application's rounding, µs. */
const TOLERANCE = 30_000;
/** How late sound may be for good, µs, and how long it is watched before that is believed. */
const MAX_LATE = 60_000;
const LATE_WINDOW = 1_000_000;
/** Sound this late is so for good: there was a hole, µs. */
const HOLE = 500_000;

export class PushedAudio extends PushedTrack<Sound> {
  /** @internal */
  readonly description: Extract<WorkerInputTrack, { kind: 'audio' }>;
  readonly #options: PushedAudioOptions;
  readonly #clock: TrackClock;
  /** Sample frames of a slice. */
  readonly #sliceSize: number;
  /** Full slices that are not due yet. */
  readonly #slices: Slice[] = [];
  readonly #spare: Slice[] = [];
  #slice: Slice;
  /** Sample frames in `#slice`. */
  #filled = 0;
  /** Where the count of samples begins, µs on the monotonic clock. */
  #start: number | undefined;
  /** Sample frames counted since. */
  #count = 0;
  /** How late the sound was that came least late in the present window, µs. */
  #leastLate = Number.POSITIVE_INFINITY;
  #windowEnd = 0;
  #timer: NodeJS.Timeout | undefined;
  #onFlushed: (() => void) | undefined;

  /** Throws `INVALID_OPTION`. */
  constructor(options: PushedAudioOptions, clock: PushClock) {
    super('audio', {
      attempt: (sound) => this.#attempt(sound),
      cost: ({ samples }) => samples.length / options.channels,
      limit: MAX_WAITING * options.sampleRate,
    });
    const { sampleRate, channels, format } = options;
    if (!(Number.isInteger(sampleRate) && sampleRate >= 8000 && sampleRate <= 192_000)) {
      throw invalid('sampleRate', sampleRate, 'between 8000 and 192000 Hz');
    }
    checkChannels(channels, MOST_CHANNELS);
    if (format !== 's16' && format !== 'f32') throw invalid('format', format, '"s16" or "f32"');
    this.#options = options;
    this.#clock = clock.join();
    this.#sliceSize = Math.round(sampleRate * SLICE_DURATION);
    this.#slice = this.#freshSlice();
    this.description = { kind: 'audio', format: { sampleRate, channels } };
    this.outlet.setFormat({ kind: 'audio', channels, sampleRate }, this.#slice.samples.byteLength);
  }

  /**
   * Takes any number of samples; resolves when there is room for more, which is while less than 100 ms lie ready, watched or not; the
   * buffer is free by then. Rejects with `INVALID_OPTION` for bytes that are no such samples, with `INVALID_STATE` after `end` and
   * `close`.
   */
  async write(samples: ArrayBufferView, { timestamp }: AudioWriteOptions = {}): Promise<void> {
    const now = monotonicNow() * 1000;
    if (timestamp !== undefined && !Number.isFinite(timestamp)) throw invalid('timestamp', timestamp, 'a number of µs');
    const due = timestamp === undefined ? undefined : this.#clock.due(timestamp, now);
    return this.queue.write({ samples: samplesOf(samples, this.#options), due, taken: undefined });
  }

  /** Writes what comes, in real time; resolves at its end. The track goes on: call `end`. */
  async pipeFrom(sounds: AsyncIterable<PushedSound | ArrayBufferView> | Iterable<PushedSound | ArrayBufferView>): Promise<void> {
    for await (const sound of sounds) {
      if (ArrayBuffer.isView(sound)) await this.write(sound);
      else await this.write(sound.samples, sound);
    }
  }

  override close(): void {
    clearTimeout(this.#timer);
    this.#slices.length = 0;
    this.#onFlushed?.();
    super.close();
  }

  protected flush(): Promise<void> {
    this.#finishSlice();
    if (this.#slices.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onFlushed = resolve;
    });
  }

  #attempt(sound: Sound): Wait {
    const now = monotonicNow() * 1000;
    if (sound.taken === undefined) this.#place(sound.due, now);
    sound.taken ??= 0;
    const total = sound.samples.length / this.#options.channels;
    while (sound.taken < total) {
      const early = this.#timeOf(this.#count) - now - LEAD;
      if (early > 0) return early;
      const part = Math.min(total - sound.taken, this.#sliceSize - this.#filled);
      this.#append(sound.samples, sound.taken, part);
      sound.taken += part;
    }
    return 0;
  }

  /** Decides when the samples to come are due: as the count has it, unless that is wrong. */
  #place(due: number | undefined, now: number): void {
    this.#start ??= due ?? now;
    const counted = this.#timeOf(this.#count);
    if (due !== undefined) {
      if (Math.abs(due - counted) > TOLERANCE) this.#countFrom(due);
      return;
    }
    const late = now - counted;
    this.#leastLate = Math.min(this.#leastLate, late);
    const longEnough = now >= this.#windowEnd;
    // An application that was held up for a moment makes up for it; one that left something out never does.
    if (late > HOLE) this.#countFrom(now);
    else if (longEnough && this.#leastLate > MAX_LATE) this.#countFrom(counted + this.#leastLate);
    if (!longEnough) return;
    this.#leastLate = Number.POSITIVE_INFINITY;
    this.#windowEnd = now + LATE_WINDOW;
  }

  #countFrom(time: number): void {
    this.#finishSlice();
    this.#start = time;
    this.#count = 0;
  }

  #append(from: Int16Array | Float32Array, at: number, count: number): void {
    const { channels } = this.#options;
    const scale = from instanceof Int16Array ? 1 / 32768 : 1;
    const to = this.#slice.samples;
    if (this.#filled === 0) this.#slice.due = this.#timeOf(this.#count);
    let target = this.#filled * channels;
    for (let i = at * channels; i < (at + count) * channels; i++) to[target++] = from[i]! * scale;
    this.#filled += count;
    this.#count += count;
    if (this.#filled === this.#sliceSize) this.#finishSlice();
  }

  /** What is missing of it is silence. */
  #finishSlice(): void {
    if (this.#filled === 0) return;
    this.#slice.samples.fill(0, this.#filled * this.#options.channels);
    this.#slices.push(this.#slice);
    this.#slice = this.#spare.pop() ?? this.#freshSlice();
    this.#filled = 0;
    this.#handOn();
  }

  #handOn(): void {
    clearTimeout(this.#timer);
    const now = monotonicNow() * 1000;
    for (let [first] = this.#slices; first; [first] = this.#slices) {
      if (first.due > now) {
        this.#timer = setTimeout(() => this.#handOn(), Math.ceil((first.due - now) / 1000));
        return;
      }
      this.#slices.shift();
      this.#emit(first);
      this.#spare.push(first);
    }
    this.#onFlushed?.();
  }

  #emit({ samples, due }: Slice): void {
    const { outlet, origin } = this;
    if (origin === undefined || due < origin) return;
    const room = outlet.begin();
    if (!room) return;
    new Float32Array(room.buffer, room.byteOffset, samples.length).set(samples);
    outlet.commit(due - origin, SLICE_DURATION * 1e6, this.#sliceSize);
  }

  #timeOf(count: number): number {
    return (this.#start ?? 0) + (count * 1e6) / this.#options.sampleRate;
  }

  #freshSlice(): Slice {
    return { samples: new Float32Array(this.#sliceSize * this.#options.channels), due: 0 };
  }
}

/** The samples in a view of whatever type. */
function samplesOf(view: ArrayBufferView, { format, channels }: PushedAudioOptions): Int16Array | Float32Array {
  if (!ArrayBuffer.isView(view)) {
    throw new TsWebRTCError(
      'INVALID_OPTION',
      'Samples are an Int16Array, a Float32Array, a Buffer or another view of their bytes.',
    );
  }
  const wrong = format === 's16' ? Float32Array : Int16Array;
  if (view instanceof wrong) {
    throw new TsWebRTCError('INVALID_OPTION', `The samples are a ${wrong.name}, but the track's format is "${format}".`);
  }
  const size = format === 's16' ? 2 : 4;
  if (view.byteLength % (size * channels) !== 0) {
    throw new TsWebRTCError(
      'INVALID_OPTION',
      `The samples have ${view.byteLength} bytes, which is not a multiple of ${size * channels}: ${channels} channel${channels > 1 ? 's' : ''} in ${format}.`,
    );
  }
  // A view may begin at a byte where such samples cannot.
  const { buffer, byteOffset } =
    view.byteOffset % size === 0 ? view : new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice();
  const length = view.byteLength / size;
  return format === 's16' ? new Int16Array(buffer, byteOffset, length) : new Float32Array(buffer, byteOffset, length);
}
