/**
 * Reads the time codes of a track of pictures: the one with which its container says that it begins, and those that pictures carry. It tells
 * where they count on from, which is once unless they leap.
 */
import { AV_FRAME_DATA_S12M_TIMECODE } from 'node-av/constants';
import type { Frame } from 'node-av/lib';
import {
  countAt,
  countFrames,
  type FrameTimeCode,
  parseTimeCode,
  type TimeCodeAnchor,
  TimeCodeLine,
} from '../../../common/time-code.ts';

export class TimeCodeReader {
  /** Is told where codes count on from. */
  readonly line = new TimeCodeLine();
  #start: string | undefined;
  #framerate: number;
  #atStart = true;
  #anchor: TimeCodeAnchor | undefined;

  /** `start`: as the container has it; `framerate`: frames per second, without which there is no counting. */
  constructor(start: string | undefined, framerate: number) {
    this.#start = start;
    this.#framerate = framerate;
  }

  /** What comes is the beginning: of the same, or of another stream. */
  restart(start = this.#start, framerate = this.#framerate): void {
    this.#start = start;
    this.#framerate = framerate;
    this.#atStart = true;
  }

  /** A picture is due at `timestamp`, µs on the timeline. */
  picture(timestamp: number): void {
    if (!this.#atStart) return;
    this.#atStart = false;
    const code = this.#start === undefined ? undefined : parseTimeCode(this.#start, this.#framerate);
    if (code) this.#count(code, timestamp);
  }

  /** The same of a decoded one, which may carry a code. */
  decoded(frame: Frame, timestamp: number): void {
    const data = frame.getSideData(AV_FRAME_DATA_S12M_TIMECODE);
    const code = data ? readS12m(data, this.#framerate) : undefined;
    if (code) this.#count(code, timestamp);
  }

  #count(code: FrameTimeCode, timestamp: number): void {
    const framerate = this.#framerate;
    if (framerate <= 0) return;
    const { dropFrame } = code;
    const anchor = { timestamp, count: countFrames(code, framerate), dropFrame, framerate };
    const before = this.#anchor;
    const goesOn = before && before.dropFrame === dropFrame && before.framerate === framerate;
    if (goesOn && before.timestamp <= timestamp && countAt(before, timestamp) === anchor.count) return;
    this.#anchor = anchor;
    this.line.add(anchor);
  }
}

/**
 * The first code of S12M side data: a count, then 32 bits each in binary-coded decimals (SMPTE ST 12-1 §9.1). Above 30 frames a second
 * two frames share a number, and a bit beside the seconds tells the second.
 */
function readS12m(data: Buffer, framerate: number): FrameTimeCode | undefined {
  if (data.length < 8 || data.readUInt32LE(0) < 1) return undefined;
  const word = data.readUInt32LE(4);
  const decimal = (shift: number, tens: number): number => ((word >>> (shift + 4)) & tens) * 10 + ((word >>> shift) & 0xf);
  const frames = decimal(24, 3);
  const second = framerate > 30.5 ? (word >>> (Math.round(framerate) === 50 ? 7 : 23)) & 1 : 0;
  const nominal = Math.round(framerate);
  const text = (value: number): string => String(value).padStart(2, '0');
  const separator = word & 0x4000_0000 && nominal % 30 === 0 ? ';' : ':';
  const number = framerate > 30.5 ? 2 * frames + second : frames;
  return parseTimeCode(
    `${text(decimal(0, 3))}:${text(decimal(8, 7))}:${text(decimal(16, 7))}${separator}${text(number)}`,
    framerate,
  );
}
