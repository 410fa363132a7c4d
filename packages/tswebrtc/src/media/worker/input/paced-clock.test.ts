import type { CodecParameters } from 'node-av/lib';
import { beforeEach, describe, expect, it } from 'vitest';
import type { EncodedUnit } from './encoded-unit.ts';
import type { FeedPacket, FeedStream } from './feed.ts';
import { PacedClock } from './paced-clock.ts';

const FRAME = 33_000;
const stream = (videoDelay: number): FeedStream => ({
  parameters: { videoDelay } as CodecParameters,
  timeBase: { num: 1, den: 1_000_000 },
  framerate: 30,
});
/** Shown as the `shown`th, decoded as the `decoded`th. */
const picture = (shown: number, decoded = shown): FeedPacket => ({
  stream: 0,
  unit: {} as EncodedUnit,
  time: shown * FRAME,
  due: decoded * FRAME,
  duration: FRAME,
});
const sound = (index: number): FeedPacket => ({ ...picture(index), stream: 1 });

let clock: PacedClock;
const begin = (videoDelay: number): void => {
  clock = new PacedClock();
  clock.restart([stream(videoDelay), stream(0)]);
};
beforeEach(() => begin(0));

describe('what comes as fast as it is read', () => {
  it('is due as its timestamps say', () => {
    expect(clock.due(picture(0), 5000, 5000)).toBe(5000);
    expect(clock.place(picture(0))).toBe(5000);
    expect(clock.due(picture(1), 6000, 6000)).toBe(5000 + FRAME);
    // Late because of us: nothing changes.
    expect(clock.due(picture(2), 400_000, 401_000)).toBe(5000 + 2 * FRAME);
  });

  it('is as much later as it came late', () => {
    clock.due(picture(0), 0, 0);
    expect(clock.due(picture(1), 0, 200_000)).toBe(200_000);
    expect(clock.place(picture(1))).toBe(200_000);
    expect(clock.due(picture(2), 200_000, 200_000)).toBe(200_000 + FRAME);
  });

  it('keeps the order of its pictures when it comes late between those that change places', () => {
    begin(2);
    const placed: number[] = [];
    const play = (packet: FeedPacket, asked: number, now: number): void => {
      clock.due(packet, asked, now);
      placed.push(clock.place(packet));
    };
    play(picture(0, -2), 0, 0);
    play(picture(3, -1), 0, FRAME);
    // These, and sound beside them, came late.
    play(picture(1, 0), FRAME, 500_000);
    play(sound(1), 500_000, 600_000);
    play(picture(2, 1), 600_000, 700_000);
    const [first, third, , , second] = placed;
    expect(third).toBeGreaterThan(second!);
    expect(second! - first!).toBe(2 * FRAME);
    // From here on it is later.
    expect(clock.due(picture(6, 2), 700_000, 900_000)).toBe(900_000);
  });
});

it('what begins anew follows what was, and does not lie in the past', () => {
  begin(2);
  clock.due(picture(0, -2), 0, 0);
  clock.place(picture(0, -2));
  clock.place(picture(3, -1));
  const end = clock.place(picture(3)) + FRAME;
  clock.restart([stream(2), stream(0)]);
  clock.due(picture(0, -2), end - 2 * FRAME, end - 2 * FRAME);
  expect(clock.place(picture(0, -2))).toBe(end);
  clock.restart([stream(2), stream(0)]);
  expect(clock.due(picture(0, -2), 0, end + 10 * FRAME)).toBe(end + 10 * FRAME);
});
