/** The test picture: bars with noise, or a ball, drawn in I420 at the pace of the clock. */
import { AVCOL_SPC_SMPTE170M } from 'node-av/constants';
import { drawClock } from '../../clock-picture.ts';
import type { TestVideoInput } from '../../types.ts';
import type { Timeline } from '../timeline.ts';
import { createPattern, type Pattern } from './patterns.ts';
import { RawOutlet } from './raw-outlet.ts';
import type { Source, SourceTrack } from './source.ts';

export class TestPicture implements Source {
  readonly tracks: readonly SourceTrack[];
  readonly #outlet = new RawOutlet('video');
  readonly #pattern: Pattern;
  readonly #width: number;
  readonly #height: number;
  readonly #framerate: number;
  readonly #clock: boolean;
  #timer: NodeJS.Timeout | undefined;
  #next = 0;

  constructor({ pattern = 'smpte', width = 1280, height = 720, framerate = 30, clock = false }: TestVideoInput) {
    this.#width = width;
    this.#height = height;
    this.#framerate = framerate;
    this.#clock = clock;
    this.#pattern = createPattern(pattern, width, height);
    const colorSpace = AVCOL_SPC_SMPTE170M;
    const format = { width, height, framerate };
    this.tracks = [{ description: { kind: 'video', format, colorSpace }, outlet: this.#outlet }];
    this.#outlet.setFormat({ kind: 'video', ...format, colorSpace }, (width * height * 3) / 2);
  }

  start(timeline: Timeline): void {
    const tick = (): void => {
      const now = timeline.now();
      // A late tick skips the frames it missed: the picture is of now, and the timestamps stay on their grid.
      const index = Math.floor((now * this.#framerate) / 1e6);
      if (index >= this.#next) {
        this.#emit(index, timeline);
        this.#next = index + 1;
      }
      const wait = this.#timestamp(this.#next) - timeline.now();
      this.#timer = setTimeout(tick, Math.max(0, Math.ceil(wait / 1000)));
    };
    tick();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #emit(index: number, timeline: Timeline): void {
    const picture = this.#outlet.begin();
    if (!picture) return;
    const timestamp = this.#timestamp(index);
    this.#pattern(picture, timestamp / 1e6);
    if (this.#clock) drawClock(picture, this.#width, this.#height, timeline.captureTime(timestamp));
    this.#outlet.commit(timestamp, this.#timestamp(index + 1) - timestamp);
  }

  #timestamp(index: number): number {
    return Math.round((index * 1e6) / this.#framerate);
  }
}
