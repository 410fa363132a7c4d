/** The test tone: a sine, in the engine's common audio format, at the pace of the clock. */
import type { TestAudioInput } from '../../types.ts';
import { RAW_SAMPLE_RATE } from '../raw-audio.ts';
import type { Timeline } from '../timeline.ts';
import { RawOutlet } from './raw-outlet.ts';
import type { Source, SourceTrack } from './source.ts';

const CHUNK_SAMPLES = 960;
const CHUNK_DURATION = (CHUNK_SAMPLES * 1e6) / RAW_SAMPLE_RATE;
/** After a longer stall (a suspended machine) the tone goes on from now, µs. */
const MAX_CATCH_UP = 1e6;

export class TestTone implements Source {
  readonly tracks: readonly SourceTrack[];
  readonly #outlet = new RawOutlet('audio');
  readonly #step: number;
  readonly #volume: number;
  readonly #channels: number;
  #timer: NodeJS.Timeout | undefined;
  #next = 0;

  constructor({ frequency = 440, volume = 0.2, channels = 2 }: TestAudioInput) {
    this.#step = (2 * Math.PI * frequency) / RAW_SAMPLE_RATE;
    this.#volume = volume;
    this.#channels = channels;
    this.tracks = [{ description: { kind: 'audio', format: { sampleRate: RAW_SAMPLE_RATE, channels } }, outlet: this.#outlet }];
    this.#outlet.setFormat({ kind: 'audio', channels }, CHUNK_SAMPLES * channels * Float32Array.BYTES_PER_ELEMENT);
  }

  start(timeline: Timeline): void {
    const tick = (): void => {
      const now = timeline.now();
      if (now - this.#next * CHUNK_DURATION > MAX_CATCH_UP) this.#next = Math.floor(now / CHUNK_DURATION);
      while (this.#next * CHUNK_DURATION <= now) this.#emit(this.#next++);
      const wait = this.#next * CHUNK_DURATION - timeline.now();
      this.#timer = setTimeout(tick, Math.max(0, Math.ceil(wait / 1000)));
    };
    tick();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #emit(index: number): void {
    const room = this.#outlet.begin();
    if (!room) return;
    const channels = this.#channels;
    const samples = new Float32Array(room.buffer, room.byteOffset, CHUNK_SAMPLES * channels);
    for (let i = 0; i < CHUNK_SAMPLES; i++) {
      samples.fill(this.#volume * Math.sin((index * CHUNK_SAMPLES + i) * this.#step), i * channels, (i + 1) * channels);
    }
    this.#outlet.commit(index * CHUNK_DURATION, CHUNK_DURATION, CHUNK_SAMPLES);
  }
}
