import type { TimeCode } from '@tswebrtc/protocol';
import { describe, expect, it } from 'vitest';
import { TimeCodes, timeCodeOf } from './time-codes.ts';

/** In the zone of this machine, whatever that is. */
const at = (hours: number, minutes: number, seconds: number, ms: number): number =>
  new Date(2026, 5, 1, hours, minutes, seconds, ms).getTime();

describe('the time code of a picture', () => {
  it('is the time of day in frames', () => {
    expect(timeCodeOf(at(1, 2, 3, 140), 30)).toEqual({
      type: 'timeCode',
      hours: 1,
      minutes: 2,
      seconds: 3,
      frames: 4,
      field_count: 0,
      fps: [30, 1],
      flags: 'none',
      latest_daily_jam: new Date(2026, 5, 1).toISOString(),
    });
    expect(timeCodeOf(at(0, 0, 0, 999), 25)).toMatchObject({ seconds: 0, frames: 24, fps: [25, 1] });
    expect(timeCodeOf(at(0, 0, 0, 0), 30_000 / 1001).fps).toEqual([30_000, 1001]);
    // Capture times are rounded: a third of a ms before its frame is its frame.
    expect(timeCodeOf(at(0, 0, 0, 0) + 33, 30).frames).toBe(1);
  });

  it('is that of the source where it has one', () => {
    const told: TimeCode[] = [];
    const codes = new TimeCodes((_mid, code) => told.push(code));
    const timeCode = { hours: 1, minutes: 2, seconds: 3, frames: 4, dropFrame: true };
    codes.picture('video0', { captureTime: at(5, 0, 0, 0), timeCode }, 30_000 / 1001);
    const rest = { type: 'timeCode', field_count: 0, fps: [30_000, 1001], flags: 'drop-frame', latest_daily_jam: null };
    expect(told).toEqual([{ hours: 1, minutes: 2, seconds: 3, frames: 4, ...rest }]);
  });

  it('is told once, for each stream', () => {
    const told: [string, TimeCode][] = [];
    const codes = new TimeCodes((mid, code) => told.push([mid, code]));
    for (const ms of [0, 1, 40]) for (const mid of ['video0', 'video1']) codes.picture(mid, { captureTime: at(5, 0, 0, ms) }, 30);
    expect(told.map(([mid, { frames }]) => [mid, frames])).toEqual([
      ['video0', 0],
      ['video1', 0],
      ['video0', 1],
      ['video1', 1],
    ]);
  });
});
