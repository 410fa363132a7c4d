/** One medium of a file on its way from the demultiplexer to the encodings: what is next, when it is due, and its end. */
import type { Packet } from 'node-av/lib';
import type { SourceTrack } from './source.ts';

/** Times are in µs, on the input's timeline. */
export interface Lane extends SourceTrack {
  /** Of its stream in the file. */
  readonly index: number;
  /** When what is next is due; undefined when there is nothing. */
  readonly due: number | undefined;
  /** Where what was decoded ends. */
  readonly end: number;
  /** Takes a packet, which it frees when it is done with it. */
  push(packet: Packet): void;
  /** The file has no more packets. */
  complete(): void;
  /** When what comes first is due, on the file's own clock; `packet`: it needs one first; undefined when there is nothing. */
  first(): number | 'packet' | undefined;
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
