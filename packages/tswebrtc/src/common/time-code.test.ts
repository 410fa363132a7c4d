import { describe, expect, it } from 'vitest';
import { countFrames, parseTimeCode, TimeCodeLine, timeCodeOfFrame } from './time-code.ts';

const NTSC = 30_000 / 1001;
const text = (count: number, framerate: number, drop: boolean): string => {
  const { hours, minutes, seconds, frames, dropFrame } = timeCodeOfFrame(count, framerate, drop);
  const [h, m, s, f] = [hours, minutes, seconds, frames].map((value) => String(value).padStart(2, '0'));
  return `${h}:${m}:${s}${dropFrame ? ';' : ':'}${f}`;
};
const count = (code: string, framerate: number): number => countFrames(parseTimeCode(code, framerate)!, framerate);

describe('a time code', () => {
  it.each([
    ['00:00:59;29', '00:01:00;02', NTSC],
    ['00:08:59;29', '00:09:00;02', NTSC],
    ['00:09:59;29', '00:10:00;00', NTSC],
    ['00:10:59;29', '00:11:00;02', NTSC],
    ['23:59:59;29', '00:00:00;00', NTSC],
    ['00:00:59;59', '00:01:00;04', 2 * NTSC],
    ['00:09:59;59', '00:10:00;00', 2 * NTSC],
    ['00:00:59:29', '00:01:00:00', NTSC],
    ['23:59:59:24', '00:00:00:00', 25],
    ['00:00:00:23', '00:00:01:00', 24_000 / 1001],
  ])('%s is followed by %s at %d', (before, after, framerate) => {
    expect(text(count(before, framerate) + 1, framerate, before.includes(';'))).toBe(after);
  });

  it('comes back as it was for every frame of a day', () => {
    for (const [framerate, drop, day] of [
      [NTSC, true, 2_589_408],
      [NTSC, false, 2_592_000],
      [2 * NTSC, true, 5_178_816],
      [25, false, 2_160_000],
    ] as const) {
      let wrong = 0;
      // A prime, so that all places in minutes and tens of minutes come.
      for (let frame = 0; frame < day; frame += 37) {
        if (countFrames(timeCodeOfFrame(frame, framerate, drop), framerate) !== frame) wrong++;
      }
      expect(wrong).toBe(0);
      expect(text(day, framerate, drop)).toBe(text(0, framerate, drop));
    }
  });

  it('keeps up with the clock where it drops: an hour is an hour, to 4 ms', () => {
    expect(Math.abs(count('01:00:00;00', NTSC) / NTSC - 3600)).toBeLessThan(0.004);
  });

  it('is read as containers write it, and nothing else is', () => {
    expect(parseTimeCode('01:02:03;04', NTSC)).toEqual({ hours: 1, minutes: 2, seconds: 3, frames: 4, dropFrame: true });
    expect(parseTimeCode('01:02:03.04', NTSC)?.dropFrame).toBe(true);
    // At 25 frames a second nothing is dropped, whatever stands there.
    expect(parseTimeCode('01:02:03;04', 25)?.dropFrame).toBe(false);
    for (const wrong of ['', '1:2:3:4', '24:00:00:00', '00:60:00:00', '00:00:00:25', 'at one', '00:00:00']) {
      expect(parseTimeCode(wrong, 25), wrong).toBeUndefined();
    }
  });
});

describe('the codes of a track', () => {
  it('count on from the newest beginning before the picture', () => {
    const line = new TimeCodeLine();
    expect(line.at(0)).toBeUndefined();
    const start = { count: count('01:02:03;04', NTSC), dropFrame: true, framerate: NTSC };
    line.add({ ...start, timestamp: 0 });
    line.add({ ...start, timestamp: 2_002_000 });
    const at = (timestamp: number): string => {
      const { seconds, frames } = line.at(timestamp)!;
      return `${seconds};${frames}`;
    };
    expect([0, 33_367, 66_733, 1_968_633].map(at)).toEqual(['3;4', '3;5', '3;6', '5;3']);
    // Rounding may put the first picture of the second round a little before it.
    expect([2_001_900, 2_035_367].map(at)).toEqual(['3;4', '3;5']);
  });
});
