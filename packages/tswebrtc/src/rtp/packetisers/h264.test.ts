import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PacketArena } from '../packet-arena.ts';
import { NalUnits } from './annex-b.ts';
import { H264Packetiser } from './h264.ts';
import { frameOf, largest, payloads } from './packetisers.testing.ts';

/** SPS 0 of constrained baseline 3.1; the id follows the three bytes of profile. */
const SPS = [0x67, 0x42, 0xc0, 0x1f, 0xda, 0x01, 0x40];
const PPS = [0x68, 0xce, 0x3c, 0x80, 0x01];
const AUD = [0x09, 0xf0];
const FILLER = [0x0c, 0xff, 0xff, 0x80];
const SEI = [0x06, 0x05, 0x01, 0x02, 0x80];
const IDR = 0x65;
const SLICE = 0x41;

/** A NAL unit of `length` bytes without anything that looks like a start code, not ending in zero. */
const unit = (header: number, length: number): number[] => [
  header,
  ...Array.from({ length: length - 1 }, (_, i) => 1 + (i % 250)),
];

/** Behind 3- and 4-byte start codes in turn. */
const annexB = (...units: number[][]): number[] => units.flatMap((u, i) => [...(i % 2 ? [] : [0]), 0, 0, 1, ...u]);

/** NAL units out of RTP payloads, written from RFC 6184 §5.6–5.8 alone. */
function depacketise(packets: Uint8Array[]): number[][] {
  const units: number[][] = [];
  let fragments: number[] | undefined;
  for (const payload of packets) {
    const type = payload[0]! & 0x1f;
    if (type === 24) {
      for (let at = 1; at < payload.length; ) {
        const size = payload[at]! * 256 + payload[at + 1]!;
        expect(at + 2 + size).toBeLessThanOrEqual(payload.length);
        units.push([...payload.subarray(at + 2, at + 2 + size)]);
        at += 2 + size;
      }
    } else if (type === 28) {
      const [start, end] = [payload[1]! & 0x80, payload[1]! & 0x40];
      expect(start !== 0).toBe(fragments === undefined);
      expect(start && end).toBe(0);
      fragments ??= [(payload[0]! & 0xe0) | (payload[1]! & 0x1f)];
      fragments.push(...payload.subarray(2));
      if (end) {
        units.push(fragments);
        fragments = undefined;
      }
    } else units.push([...payload]);
  }
  expect(fragments).toBeUndefined();
  return units;
}

function packetise(...accessUnits: number[][][]): { units: number[][]; types: number[]; largest: number }[] {
  const packetiser = new H264Packetiser();
  const arena = new PacketArena(1 << 20);
  return accessUnits.map((units) => {
    const frame = packetiser.packetise(frameOf(annexB(...units)), arena)!;
    const packets = payloads(arena, frame);
    return { units: depacketise(packets), types: packets.map((p) => p[0]! & 0x1f), largest: largest(frame) };
  });
}

describe('Annex B', () => {
  it('is split at start codes of both lengths, without trailing zeros and empty units', () => {
    const data = Uint8Array.of(0xff, 0, 0, 1, 7, 1, 0, 0, 0, 1, 8, 0, 0, 1, 0, 0, 1, 5, 0, 0, 2, 1, 0, 0);
    const found = new NalUnits();
    found.find(data);
    const units = Array.from({ length: found.count }, (_, i) => [
      ...data.subarray(found.offsets[2 * i], found.offsets[2 * i + 1]),
    ]);
    expect(units).toEqual([[7, 1], [8], [5, 0, 0, 2, 1]]);
  });

  it('is split as a plain search for 00 00 01 splits it, whatever it holds', () => {
    const bytes = fc.array(fc.constantFrom(0, 0, 0, 1, 1, 2, 3, 255), { maxLength: 200 });
    const found = new NalUnits();
    fc.assert(
      fc.property(bytes, (list) => {
        const data = Uint8Array.from(list);
        found.find(data);
        const units = Array.from({ length: found.count }, (_, i) => [
          ...data.subarray(found.offsets[2 * i], found.offsets[2 * i + 1]),
        ]);
        const expected = String.fromCharCode(...list)
          .split('\0\0\x01')
          .slice(1)
          .map((part) => [...part.replace(/\0+$/, '')].map((c) => c.charCodeAt(0)))
          .filter((part) => part.length > 0);
        expect(units).toEqual(expected);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('H.264', () => {
  it('aggregates small units of an access unit, sends middling ones alone and splits large ones evenly', () => {
    const units = [SPS, PPS, SEI, unit(IDR, 5000), unit(IDR, 1160), unit(IDR, 30), unit(IDR, 40)];
    const [sent] = packetise(units);
    expect(sent!.units).toEqual(units);
    expect(sent!.types).toEqual([24, 28, 28, 28, 28, 28, 5, 24]);
  });

  it('sends the largest unit that fits alone and fragments the next', () => {
    const [a, b] = packetise([unit(SLICE, 1173)], [unit(SLICE, 1174)]);
    expect(a).toMatchObject({ types: [1], largest: 1197 });
    expect(b!.types).toEqual([28, 28]);
    expect(b!.largest).toBeLessThan(620);
  });

  it('drops delimiters and filler', () => {
    const [sent] = packetise([AUD, unit(SLICE, 50), FILLER]);
    expect(sent!.units).toEqual([unit(SLICE, 50)]);
  });

  it('puts the parameter sets it has seen before every keyframe that lacks them, ahead of anything else in it', () => {
    const idr = unit(IDR, 60);
    const sent = packetise([SPS, PPS, idr], [unit(SLICE, 20)], [SEI, idr], [AUD, SPS, idr]);
    expect(sent.map(({ units }) => units)).toEqual([[SPS, PPS, idr], [unit(SLICE, 20)], [SPS, PPS, SEI, idr], [SPS, PPS, idr]]);
  });

  it('takes a changed parameter set for the old one of its id, and another id beside it', () => {
    const idr = unit(IDR, 60);
    const changed = [...SPS.slice(0, 6), 0x55];
    const second = [...PPS.slice(0, 1), 0x4e, 0x3c]; // pps id 1: 010…
    const sent = packetise([SPS, PPS, idr], [changed, second, idr], [idr]);
    expect(sent[2]!.units).toEqual([changed, PPS, second, idr]);
  });

  it('says of a frame what it is', () => {
    const packetiser = new H264Packetiser();
    const arena = new PacketArena(1 << 20);
    const fields = { timestamp: 2_000_000, captureTime: 77, temporalLayer: 1 };
    const key = packetiser.packetise(frameOf(annexB(SPS, PPS, unit(IDR, 3000)), fields), arena)!;
    expect(key).toMatchObject({ keyframe: true, timestamp: 180_000, captureTime: 77, temporalLayer: 1, marker: true, count: 4 });
    expect(key.size).toBe(key.lengths.reduce((a, b) => a + b));
    expect(packetiser.packetise(frameOf(annexB(unit(SLICE, 9)), fields), arena)).toMatchObject({ keyframe: false, count: 1 });
  });

  it('has nothing to send for frames without units, and for frames the arena is too small for', () => {
    const packetiser = new H264Packetiser();
    const arena = new PacketArena(64 << 10);
    expect(packetiser.packetise(frameOf([]), arena)).toBeUndefined();
    expect(packetiser.packetise(frameOf([1, 2, 3, 4, 5]), arena)).toBeUndefined();
    expect(packetiser.packetise(frameOf(annexB(AUD)), arena)).toBeUndefined();
    expect(packetiser.packetise(frameOf(annexB(unit(SLICE, 40_000))), arena)).toBeUndefined();
    expect(packetiser.packetise(frameOf(annexB(unit(SLICE, 20_000))), arena)?.count).toBe(18);
  });

  it('loses and adds nothing, and keeps every packet within the size, for access units of any make', () => {
    const lengths = fc.array(fc.integer({ min: 2, max: 4000 }), { minLength: 1, maxLength: 12 });
    const arena = new PacketArena(1 << 20);
    fc.assert(
      fc.property(lengths, fc.integer({ min: 0, max: 3 }), (list, importance) => {
        const units = list.map((length) => unit((importance << 5) | 1, length));
        const frame = new H264Packetiser().packetise(frameOf(annexB(...units)), arena)!;
        expect(depacketise(payloads(arena, frame))).toEqual(units);
        expect(largest(frame)).toBeLessThanOrEqual(1197);
        // As few packets as the sizes allow, and at most one more where two neighbours do not share.
        expect(frame.count).toBeLessThanOrEqual(list.reduce((sum, length) => sum + Math.ceil((length - 1) / 1171), 0));
      }),
      { numRuns: 300 },
    );
  });

  it('takes any bytes as a frame', () => {
    const packetiser = new H264Packetiser();
    const arena = new PacketArena(1 << 20);
    const bytes = fc.array(fc.oneof(fc.constantFrom(0, 1), fc.integer({ min: 0, max: 255 })), { maxLength: 3000 });
    fc.assert(
      fc.property(bytes, fc.boolean(), (data, keyframe) => {
        const frame = packetiser.packetise(frameOf([0, 0, 1, ...data], { keyframe }), arena);
        if (frame) expect(largest(frame)).toBeLessThanOrEqual(1197);
      }),
      { numRuns: 500 },
    );
  });
});
