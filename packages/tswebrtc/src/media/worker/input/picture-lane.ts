/** The pictures of a file: decoded one ahead, handed on when due, given up when that is long past. */
import type { WorkerInputTrack } from '../messages.ts';
import { DecodedLane } from './decoded-lane.ts';
import type { FileStream } from './file-stream.ts';
import { displaySize, PictureWriter } from './picture-writer.ts';
import { RawOutlet } from './raw-outlet.ts';
import { TimeCodeReader } from './time-code-reader.ts';

/** A picture this much later than due is given up, in frame durations: the next one is due already. */
const TOO_LATE = 2;
/** But one gets through this often, however slow decoding is, µs. */
const LONGEST_FREEZE = 200_000;

export class PictureLane extends DecodedLane {
  readonly outlet = new RawOutlet('video');
  readonly description: WorkerInputTrack;
  readonly timeCodes: TimeCodeReader;
  due: number | undefined;
  readonly #writer: PictureWriter;
  #lastHandedOn = Number.NEGATIVE_INFINITY;

  constructor(stream: FileStream, transcoded?: string) {
    super(stream);
    const { decoder, framerate, orientation, timeCode } = stream;
    this.timeCodes = new TimeCodeReader(timeCode, framerate);
    this.#writer = new PictureWriter(this.outlet, framerate, orientation, this.timeCodes);
    const { width, height, sampleAspectRatio, colorSpace } = decoder;
    const { num, den } = sampleAspectRatio;
    const size = orientation?.transposed ? displaySize(height, width, den, num) : displaySize(width, height, num, den);
    this.description = { kind: 'video', format: { ...size, framerate }, colorSpace, transcoded };
  }

  prepare(shift: number): boolean {
    if (this.due !== undefined) return true;
    const { stream } = this;
    if (!stream.decode()) return stream.ended;
    this.due = stream.timestamp + shift;
    this.end = Math.max(this.end, this.due + stream.duration);
    return true;
  }

  handOn(now: number): void {
    const { stream, due } = this;
    if (due === undefined) return;
    this.timeCodes.picture(due);
    const giveUp = now - due > TOO_LATE * stream.duration && now - this.#lastHandedOn < LONGEST_FREEZE;
    if (!giveUp) {
      this.#lastHandedOn = now;
      this.#writer.write(stream.frame, due, stream.duration);
    }
    stream.consume();
    this.due = undefined;
  }

  settle(): void {}

  restart(): void {
    this.stream.restart();
    this.timeCodes.restart();
    this.due = undefined;
  }

  close(): void {
    this.#writer.close();
    this.stream.close();
  }
}
