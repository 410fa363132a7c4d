/**
 * Time codes of a session's pictures (`forward-metas`, reference §2.15): those that the source has, or else the time of day at which
 * each was captured, counted in frames as SMPTE ST 12 has it; told once a picture and stream. Sans-IO.
 */
import type { TimeCode } from '@tswebrtc/protocol';
import type { PacketisedFrame } from '../../rtp/packetised-frame.ts';

/** Frame rates of television, which are no whole numbers: numerator by nominal rate, over 1001. */
const FRACTIONAL = [24, 30, 48, 60, 120];
/** ms by which a capture time may be short of its frame, from rounding. */
const SLACK = 0.5;

/** The time code of a picture captured at `captureTime`, ms since the Unix epoch, in the time zone of this machine. */
export function timeCodeOf(captureTime: number, framerate: number): TimeCode {
  const time = new Date(captureTime + SLACK);
  const nominal = nominalRate(framerate);
  const within = (captureTime + SLACK) % 1000;
  return {
    type: 'timeCode',
    hours: time.getHours(),
    minutes: time.getMinutes(),
    seconds: time.getSeconds(),
    frames: Math.min(nominal - 1, Math.floor((within * nominal) / 1000)),
    field_count: 0,
    fps: fpsOf(framerate),
    flags: 'none',
    latest_daily_jam: new Date(time.getFullYear(), time.getMonth(), time.getDate()).toISOString(),
  };
}

/** A picture, and the code that it has from its source. */
export type CodedPicture = Pick<PacketisedFrame, 'captureTime' | 'timeCode'>;

/** A code that the source has, as consumers are told it. */
function carried({ dropFrame, ...code }: NonNullable<CodedPicture['timeCode']>, framerate: number): TimeCode {
  const flags = dropFrame ? 'drop-frame' : 'none';
  return { type: 'timeCode', ...code, field_count: 0, fps: fpsOf(framerate), flags, latest_daily_jam: null };
}

function nominalRate(framerate: number): number {
  return Math.max(1, Math.round(framerate));
}

function fpsOf(framerate: number): [numerator: number, denominator: number] {
  const nominal = nominalRate(framerate);
  const fractional = FRACTIONAL.includes(nominal) && Math.abs(framerate - (nominal * 1000) / 1001) < 0.005;
  return fractional ? [nominal * 1000, 1001] : [nominal, 1];
}

export class TimeCodes {
  readonly #inform: (mid: string, code: TimeCode) => void;
  /** Of each stream, in frames since midnight. */
  readonly #told = new Map<string, number>();

  constructor(inform: (mid: string, code: TimeCode) => void) {
    this.#inform = inform;
  }

  /** A picture of the stream `mid` is about to leave. */
  picture(mid: string, { captureTime, timeCode }: CodedPicture, framerate: number): void {
    const code = timeCode ? carried(timeCode, framerate) : timeCodeOf(captureTime, framerate);
    const { hours, minutes, seconds, frames, fps } = code;
    const count = ((hours * 60 + minutes) * 60 + seconds) * 1000 + frames + fps[0] / 1e9;
    if (this.#told.get(mid) === count) return;
    this.#told.set(mid, count);
    this.#inform(mid, code);
  }
}
