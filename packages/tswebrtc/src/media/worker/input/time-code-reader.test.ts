import { AV_FRAME_DATA_S12M_TIMECODE } from 'node-av/constants';
import { Frame } from 'node-av/lib';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type TimeCodeAnchor, timeCodeOfFrame } from '../../../common/time-code.ts';
import { addWithResolvers } from '../with-resolvers.ts';
import { TimeCodeReader } from './time-code-reader.ts';

addWithResolvers();

let frame: Frame;
const anchors: TimeCodeAnchor[] = [];

beforeEach(() => {
  frame = new Frame();
  frame.alloc();
  anchors.length = 0;
});
afterEach(() => frame.free());

function reader(start: string | undefined, framerate: number): TimeCodeReader {
  const made = new TimeCodeReader(start, framerate);
  vi.spyOn(made.line, 'add').mockImplementation((anchor) => void anchors.push(anchor));
  return made;
}

/** Binary-coded decimals from the hours up, as SMPTE ST 12-1 lays them out. */
function carry(hours: number, minutes: number, seconds: number, frames: number, bits = 0): Frame {
  frame.removeSideData(AV_FRAME_DATA_S12M_TIMECODE);
  const data = frame.newSideData(AV_FRAME_DATA_S12M_TIMECODE, 16);
  data.fill(0);
  data.writeUInt32LE(1, 0);
  data.writeUInt32LE((hours | (minutes << 8) | (seconds << 16) | (frames << 24) | bits) >>> 0, 4);
  return frame;
}

const codes = (): (string | number)[][] =>
  anchors.map(({ timestamp, count, framerate, dropFrame }) => {
    const { hours, minutes, seconds, frames } = timeCodeOfFrame(count, framerate, dropFrame);
    return [timestamp, `${hours}:${minutes}:${seconds}${dropFrame ? ';' : ':'}${frames}`];
  });

it('tells once with what the container begins, and again when it begins anew', () => {
  const own = reader('10:00:00:00', 25);
  for (const at of [0, 40_000, 80_000]) own.picture(at);
  own.restart();
  own.picture(120_000);
  own.restart('11:00:00:00', 25);
  own.picture(160_000);
  expect(codes()).toEqual([
    [0, '10:0:0:0'],
    [120_000, '10:0:0:0'],
    [160_000, '11:0:0:0'],
  ]);
});

it('tells nothing of what has no code, or one that cannot be', () => {
  for (const [start, framerate] of [
    [undefined, 25],
    ['at noon', 25],
    ['10:00:00:30', 25],
    ['10:00:00:00', 0],
  ] as const) {
    const own = reader(start, framerate);
    own.picture(0);
    own.decoded(frame, 0);
  }
  expect(anchors).toEqual([]);
});

it('follows what the pictures carry, and tells of it when that leaps', () => {
  const own = reader('10:00:00:00', 25);
  own.picture(0);
  own.decoded(carry(0x12, 0x34, 0x56, 0x07), 0);
  own.decoded(carry(0x12, 0x34, 0x56, 0x08), 40_000);
  own.decoded(carry(0x12, 0x34, 0x56, 0x24), 80_000);
  expect(codes()).toEqual([
    [0, '10:0:0:0'],
    [0, '12:34:56:7'],
    [80_000, '12:34:56:24'],
  ]);
});

it.each([
  ['drop-frame', 30_000 / 1001, 1 << 30, '1:2:3;14'],
  ['of the second of two frames at 59.94', 60_000 / 1001, (1 << 30) | (1 << 23), '1:2:3;29'],
  ['of the second of two frames at 50', 50, 1 << 7, '1:2:3:29'],
])('reads codes that are %s', (_what, framerate, bits, text) => {
  reader(undefined, framerate).decoded(carry(1, 2, 3, 0x14, bits), 0);
  expect(codes()).toEqual([[0, text]]);
});
