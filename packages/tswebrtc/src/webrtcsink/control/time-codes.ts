/**
 * Time codes of a session's pictures (`forward-metas`, reference §2.15): the time of day at which each was captured, counted in frames
 * as SMPTE ST 12 has it, told once a picture and stream. Sans-IO.
 */
import type { TimeCode } from '@tswebrtc/protocol';

/** Frame rates of television, which are no whole numbers: numerator by nominal rate, over 1001. */
const FRACTIONAL = [24, 30, 48, 60, 120];
/** ms by which a capture time may be short of its frame, from rounding. */
const SLACK = 0.5;

/** The time code of a picture captured at `captureTime`, ms since the Unix epoch, in the time zone of this machine. */
export function timeCodeOf(captureTime: number, framerate: number): TimeCode {
  const time = new Date(captureTime + SLACK);
  const nominal = Math.max(1, Math.round(framerate));
  const fractional = FRACTIONAL.includes(nominal) && Math.abs(framerate - (nominal * 1000) / 1001) < 0.005;
  const within = (captureTime + SLACK) % 1000;
  return {
    type: 'timeCode',
    hours: time.getHours(),
    minutes: time.getMinutes(),
    seconds: time.getSeconds(),
    frames: Math.min(nominal - 1, Math.floor((within * nominal) / 1000)),
    field_count: 0,
    fps: fractional ? [nominal * 1000, 1001] : [nominal, 1],
    flags: 'none',
    latest_daily_jam: new Date(time.getFullYear(), time.getMonth(), time.getDate()).toISOString(),
  };
}

export class TimeCodes {
  readonly #inform: (mid: string, code: TimeCode) => void;
  /** Of each stream, in frames since midnight. */
  readonly #told = new Map<string, number>();

  constructor(inform: (mid: string, code: TimeCode) => void) {
    this.#inform = inform;
  }

  /** A picture of the stream `mid` is about to leave. */
  picture(mid: string, captureTime: number, framerate: number): void {
    const code = timeCodeOf(captureTime, framerate);
    const { hours, minutes, seconds, frames, fps } = code;
    const count = ((hours * 60 + minutes) * 60 + seconds) * 1000 + frames + fps[0] / 1e9;
    if (this.#told.get(mid) === count) return;
    this.#told.set(mid, count);
    this.#inform(mid, code);
  }
}
