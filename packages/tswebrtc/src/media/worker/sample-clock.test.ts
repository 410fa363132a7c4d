import { describe, expect, it } from 'vitest';
import { SampleClock } from './sample-clock.ts';

const FRAME = 960;

/** Interleaved stereo of one value. */
const sound = (length: number, value = 1): Float32Array => new Float32Array(length * 2).fill(value);

function record() {
  const frames: { timestamp: number; samples: number[] }[] = [];
  const clock = new SampleClock(FRAME, (samples, timestamp) => {
    frames.push({ timestamp, samples: Array.from({ length: FRAME }, (_, i) => samples[2 * i]!) });
  });
  return { clock, frames };
}

const ms = (samples: number): number => (samples * 1000) / 48;

describe('sample clock', () => {
  it('cuts pieces of any length into frames 20 ms apart', () => {
    const { clock, frames } = record();
    let position = 0;
    for (const length of [1115, 300, 2048, 7, 960, 1370]) {
      // A container that rounds to milliseconds.
      clock.push(sound(length), Math.round(ms(position) / 1000) * 1000);
      position += length;
    }
    expect(frames.map((frame) => frame.timestamp)).toEqual([0, 20_000, 40_000, 60_000, 80_000, 100_000]);
    expect(frames.every((frame) => frame.samples.every((sample) => sample === 1))).toBe(true);
  });

  it('fills a hole with silence', () => {
    const { clock, frames } = record();
    clock.push(sound(FRAME), 0);
    clock.push(sound(FRAME), 60_000);
    expect(frames.map((frame) => frame.timestamp)).toEqual([0, 20_000, 40_000, 60_000]);
    expect(frames.map((frame) => frame.samples[FRAME / 2])).toEqual([1, 0, 0, 1]);
  });

  it('goes on at the new time after a hole too long to fill', () => {
    const { clock, frames } = record();
    clock.push(sound(FRAME), 0);
    clock.push(sound(FRAME), 5_000_000);
    expect(frames.map((frame) => frame.timestamp)).toEqual([0, 5_000_000]);
  });

  it('leaves out what was heard already, so that timestamps never go back', () => {
    const { clock, frames } = record();
    clock.push(sound(3 * FRAME), 0);
    clock.push(sound(3 * FRAME, 2), 20_000);
    expect(frames.map((frame) => frame.timestamp)).toEqual([0, 20_000, 40_000, 60_000]);
    expect(frames[3]!.samples[0]).toBe(2);
  });

  it('ends with a full frame', () => {
    const { clock, frames } = record();
    clock.push(sound(FRAME + 1), 0);
    clock.flush();
    expect(frames).toHaveLength(2);
    expect(frames[1]!.samples.slice(0, 3)).toEqual([1, 0, 0]);
  });
});
