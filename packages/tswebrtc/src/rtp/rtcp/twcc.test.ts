import { describe, expect, it } from 'vitest';
import { parseRtcp, writeRtcp } from './rtcp.ts';
import { NOT_RECEIVED } from './twcc.ts';
import type { TransportFeedback } from './types.ts';

const base = {
  type: 'transport-cc',
  senderSsrc: 1,
  mediaSsrc: 2,
  baseSequenceNumber: 65_530,
  referenceTime: -3,
  feedbackPacketCount: 9,
} as const;

/** A message whose chunks and deltas are `content`, for `count` packets. */
function message(count: number, ...content: number[]): Uint8Array {
  const bytes = [0, 0, 0, 1, 0, 0, 0, 2, 0, 5, count >> 8, count & 255, 0, 0, 1, 0, ...content];
  while (bytes.length & 3) bytes.push(0);
  return Uint8Array.of(0x8f, 205, 0, bytes.length / 4, ...bytes);
}

function arrivals(bytes: Uint8Array): number[] | undefined {
  const [packet] = parseRtcp(bytes);
  return packet?.type === 'transport-cc' ? [...packet.arrivals] : undefined;
}

const lost = NOT_RECEIVED;

describe('transport-wide congestion control feedback', () => {
  it('is read as a browser sends it', () => {
    const bytes = Buffer.from('afcd0005fa17fa1743032fa0009900013de8021720019401', 'hex');
    expect(parseRtcp(bytes)).toEqual([
      {
        type: 'transport-cc',
        senderSsrc: 0xfa17fa17,
        mediaSsrc: 0x43032fa0,
        baseSequenceNumber: 153,
        referenceTime: 4_057_090,
        feedbackPacketCount: 23,
        arrivals: Int32Array.of(0x94),
      },
    ]);
  });

  it('knows runs, one-bit and two-bit vectors, small, large and negative steps', () => {
    expect(arrivals(message(5, 0x20, 2, 0x00, 3, 7, 8))).toEqual([7, 15, lost, lost, lost]);
    expect(arrivals(message(5, 0xa8, 0x00, 1, 2))).toEqual([1, lost, 3, lost, lost]);
    expect(arrivals(message(3, 0xd2, 0x00, 1, 0xff, 0xf6))).toEqual([1, lost, -9]);
    expect(arrivals(message(2, 0x40, 2, 0x7f, 0xff, 0x00, 0x01))).toEqual([32_767, 32_768]);
  });

  it('ignores statuses beyond its count', () => {
    expect(arrivals(message(2, 0x3f, 0xff, 4, 5))).toEqual([4, 9]);
    expect(arrivals(message(1, 0xbf, 0xff, 6))).toEqual([6]);
  });

  it('is dropped whole where it is cut off or makes no sense', () => {
    expect(arrivals(message(20, 0x20, 8))).toBeUndefined(); // chunks for 8 of 20, then nothing
    expect(arrivals(message(0, 0x20, 1, 5))).toBeUndefined();
    expect(arrivals(message(0xffff, 0x1f, 0xff, 0x1f, 0xff))).toBeUndefined();
    expect(arrivals(message(40, 0x20, 40, 1, 2, 3, 4))).toBeUndefined(); // 40 arrivals, 4 deltas
    expect(arrivals(message(9, ...Array.from({ length: 40 }, () => 0)))).toBeUndefined(); // runs of nothing
  });

  it('is written no longer than it need be', () => {
    const size = (list: readonly number[]): number => writeRtcp([{ ...base, arrivals: Int32Array.from(list) }]).length;
    // 4 header, 16 fixed, chunks of 2, deltas of 1: a second of packets without loss is one chunk.
    expect(size(Array.from({ length: 200 }, (_, i) => i))).toBe(20 + 2 + 200 + 2);
    // One lost in between: a vector where a run would be too short.
    expect(size([0, 1, lost, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13])).toBe(20 + 2 + 13 + 1);
  });

  it('is refused where an arrival is too far from the last', () => {
    const write = (list: readonly number[]): Uint8Array => writeRtcp([{ ...base, arrivals: Int32Array.from(list) }]);
    expect(() => write([0, 32_768])).toThrow(RangeError);
    expect(() => write([])).toThrow(RangeError);
  });

  it('survives losses, gaps and reordering', () => {
    const list = Array.from({ length: 1000 }, (_, i) => (i % 7 === 3 ? lost : i * 4 + (i % 50 === 0 ? 900 : 0)));
    const feedback: TransportFeedback = { ...base, arrivals: Int32Array.from(list) };
    expect(parseRtcp(writeRtcp([feedback]))).toEqual([feedback]);
  });
});
