/**
 * Time codes that a medium carries itself (SMPTE ST 12-1): hours, minutes, seconds and frames, counted on from a code that stands at
 * its beginning or in a picture. Drop-frame codes leave out numbers, never frames, to keep up with the clock at 29.97 and 59.94 frames
 * a second: the first two (four) of each minute but every tenth.
 */

export interface FrameTimeCode {
  readonly hours: number;
  readonly minutes: number;
  readonly seconds: number;
  readonly frames: number;
  readonly dropFrame: boolean;
}

/** From `timestamp` on, µs on the input's timeline, codes count on from `count`. */
export interface TimeCodeAnchor {
  readonly timestamp: number;
  /** Frames since 00:00:00:00. */
  readonly count: number;
  readonly dropFrame: boolean;
  /** Frames per second. */
  readonly framerate: number;
}

/** Anchors that are kept: frames under way are of the newest or the one before. */
const MOST_ANCHORS = 8;
/** Numbers in each. */
const ANCHOR_LENGTH = 4;
/** µs by which a timestamp may be short of its frame, from rounding. */
const SLACK = 500;

/** Reads `01:02:03:04`, with `;` or `.` before the frames for drop-frame codes; undefined for anything else. */
export function parseTimeCode(text: string, framerate: number): FrameTimeCode | undefined {
  const match = /^(\d{1,2}):(\d{2}):(\d{2})([:;.])(\d{2,3})$/.exec(text.trim());
  if (!match) return undefined;
  const [hours, minutes, seconds, frames] = [match[1], match[2], match[3], match[5]].map(Number) as [
    number,
    number,
    number,
    number,
  ];
  const nominal = nominalRate(framerate);
  if (hours > 23 || minutes > 59 || seconds > 59 || frames >= nominal) return undefined;
  return { hours, minutes, seconds, frames, dropFrame: match[4] !== ':' && canDrop(nominal) };
}

/** Frames since 00:00:00:00. */
export function countFrames({ hours, minutes, seconds, frames, dropFrame }: FrameTimeCode, framerate: number): number {
  const nominal = nominalRate(framerate);
  const minute = hours * 60 + minutes;
  const left = dropFrame ? dropped(nominal) * (minute - Math.floor(minute / 10)) : 0;
  return (minute * 60 + seconds) * nominal + frames - left;
}

/** The code of frame `count`, which begins anew every 24 hours. */
export function timeCodeOfFrame(count: number, framerate: number, dropFrame: boolean): FrameTimeCode {
  const nominal = nominalRate(framerate);
  const drop = dropFrame ? dropped(nominal) : 0;
  const minute = 60 * nominal - drop;
  const tenMinutes = 10 * minute + drop;
  const day = 144 * tenMinutes;
  const within = ((count % day) + day) % day;
  const tens = Math.floor(within / tenMinutes);
  const rest = within % tenMinutes;
  // The first minute of ten has all its numbers.
  const later = Math.max(0, Math.floor((rest - drop) / minute));
  const number = within + drop * (9 * tens + later);
  const seconds = Math.floor(number / nominal);
  return {
    hours: Math.floor(seconds / 3600),
    minutes: Math.floor(seconds / 60) % 60,
    seconds: seconds % 60,
    frames: number % nominal,
    dropFrame,
  };
}

/**
 * The codes of one track, by its timeline. They lie in shared memory, so that whoever has a picture has its code, whichever thread that
 * came through.
 */
export class TimeCodeLine {
  readonly buffer: SharedArrayBuffer;
  /** How many anchors there were. */
  readonly #count: Int32Array;
  readonly #anchors: Float64Array;

  /** `buffer`: of the line that another thread made. */
  constructor(buffer = new SharedArrayBuffer(8 + MOST_ANCHORS * ANCHOR_LENGTH * 8)) {
    this.buffer = buffer;
    this.#count = new Int32Array(buffer, 0, 1);
    this.#anchors = new Float64Array(buffer, 8);
  }

  add({ timestamp, count, dropFrame, framerate }: TimeCodeAnchor): void {
    const index = Atomics.load(this.#count, 0);
    this.#anchors.set([timestamp, count, dropFrame ? 1 : 0, framerate], (index % MOST_ANCHORS) * ANCHOR_LENGTH);
    Atomics.store(this.#count, 0, index + 1);
  }

  /** The code of the picture at `timestamp`, µs; undefined before the first that has one. */
  at(timestamp: number): FrameTimeCode | undefined {
    const newest = Atomics.load(this.#count, 0) - 1;
    // One less: the oldest may be being written over.
    for (let index = newest; index >= 0 && index > newest - (MOST_ANCHORS - 1); index--) {
      const at = (index % MOST_ANCHORS) * ANCHOR_LENGTH;
      const [from, count, drop, framerate] = this.#anchors.subarray(at, at + ANCHOR_LENGTH) as unknown as [
        number,
        number,
        number,
        number,
      ];
      if (from > timestamp + SLACK) continue;
      const anchor = { timestamp: from, count, dropFrame: drop === 1, framerate };
      return timeCodeOfFrame(countAt(anchor, timestamp), framerate, anchor.dropFrame);
    }
    return undefined;
  }
}

/** Number of the frame at `timestamp`, µs. */
export function countAt({ timestamp: from, count, framerate }: TimeCodeAnchor, timestamp: number): number {
  return count + Math.round(((timestamp - from) * framerate) / 1e6);
}

function nominalRate(framerate: number): number {
  return Math.max(1, Math.round(framerate));
}

function canDrop(nominal: number): boolean {
  return nominal % 30 === 0;
}

function dropped(nominal: number): number {
  return (2 * nominal) / 30;
}
