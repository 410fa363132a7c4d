/** One medium of a file on its way from the demultiplexer to the encodings: what is next, when it is due, and its end. */
import type { WorkerInputTrack } from '../messages.ts';
import type { FileStream } from './file-stream.ts';
import type { RawOutlet } from './raw-outlet.ts';

/** Times are in µs, on the input's timeline. */
export interface Lane {
  readonly stream: FileStream;
  readonly outlet: RawOutlet;
  readonly description: WorkerInputTrack;
  /** When what is next is due; undefined when there is nothing. */
  readonly due: number | undefined;
  /** Where what was decoded ends. */
  readonly end: number;
  /**
   * Makes something ready to hand on; `shift` leads from the file's clock to the timeline. False when the stream needs a
   * packet for that; true also when nothing is left.
   */
  prepare(shift: number): boolean;
  /** Hands on what is next, or gives it up when `now` is too late for it. */
  handOn(now: number): void;
  /** The stream has ended and nothing of it follows before `time`: what lies there unfinished is finished if due before. */
  settle(time: number): void;
  /** Makes ready for packets from the start of the file. */
  restart(): void;
  close(): void;
}
