import { describe, expect, it } from 'vitest';
import { KEYFRAME_INTERVAL, KeyframeGovernor } from './keyframe-governor.ts';

const BITRATE = 2_000_000;

/** Requests at the given times, ms; returns when keyframes were made, each costing `extraBytes` more than a frame. */
function run(governor: KeyframeGovernor, requests: readonly number[], extraBytes: number, until: number): number[] {
  const made: number[] = [];
  let wake: number | undefined;
  for (let now = 0; now <= until; now++) {
    if (requests.includes(now)) wake = governor.request(now) ?? wake;
    if (wake !== undefined && now >= wake && governor.take(now)) {
      made.push(now);
      governor.made(now, extraBytes);
      wake = undefined;
    }
  }
  return made;
}

const storm = Array.from({ length: 1000 }, (_, i) => i);

describe('KeyframeGovernor', () => {
  it('answers the first request at once', () => {
    const governor = new KeyframeGovernor(BITRATE);
    expect(governor.request(1000)).toBe(1000);
    expect(governor.take(1000)).toBe(true);
    expect(governor.take(1001)).toBe(false);
  });

  it('answers a second one soon, and makes a storm pay', () => {
    // 20 kB more than a frame: at a tenth of 2 Mbit/s that is worth 800 ms.
    expect(run(new KeyframeGovernor(BITRATE), [0, 500], 20_000, 2000)).toEqual([0, 500]);
    const made = run(new KeyframeGovernor(BITRATE), storm, 20_000, 5000);
    expect(made[0]).toBe(0);
    expect(made[1]).toBe(KEYFRAME_INTERVAL);
    expect(made.length).toBeLessThanOrEqual(4);
    // Nobody waits longer than a second.
    expect(made.at(-1)).toBeGreaterThanOrEqual(999);
  });

  it('bounds only the distance of keyframes that cost nothing', () => {
    expect(run(new KeyframeGovernor(BITRATE), storm, 0, 1100)).toEqual([0, 1, 2, 3].map((n) => n * KEYFRAME_INTERVAL));
  });

  it('lets who must go down wait half as long at most', () => {
    const governor = new KeyframeGovernor(100_000);
    governor.made(0, 50_000);
    governor.made(300, 50_000);
    expect(governor.request(400)).toBe(1400);
    expect(governor.request(410, 'switch')).toBe(910);
    expect(governor.request(420)).toBeUndefined();
  });

  it('makes who goes up wait for the others who do, but nobody else for them', () => {
    const governor = new KeyframeGovernor(BITRATE);
    governor.made(0, 0);
    expect(governor.request(100, 'climb')).toBe(2000);
    expect(governor.request(900, 'climb')).toBeUndefined();
    // Who needs one now gets it, and who climbs has it too.
    expect(governor.request(1000)).toBe(1000);
    governor.take(1000);
    governor.made(1020, 0);
    expect(governor.take(2000)).toBe(false);
    expect(governor.request(4000, 'climb')).toBe(4000);
  });

  it('takes a keyframe that the encoder made by itself as the answer', () => {
    const governor = new KeyframeGovernor(BITRATE);
    governor.made(0, 1000);
    expect(governor.request(10)).toBe(KEYFRAME_INTERVAL);
    governor.made(20, 1000);
    expect(governor.take(KEYFRAME_INTERVAL)).toBe(false);
  });
});
