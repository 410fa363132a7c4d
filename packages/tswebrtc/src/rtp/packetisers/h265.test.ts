import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDepacketiser } from '../depacketiser.ts';
import { PacketArena } from '../packet-arena.ts';
import { H265Packetiser } from './h265.ts';
import { frameOf, largest, payloads } from './packetisers.testing.ts';

const [VPS, SPS, PPS, IDR, TRAIL, AUD] = [32, 33, 34, 19, 1, 35].map((type) => [type << 1, 1]) as [
  number[],
  number[],
  number[],
  number[],
  number[],
  number[],
];

/** A NAL unit of `length` bytes, header included, without anything like a start code. */
const unit = (header: number[], length: number): number[] => [
  ...header,
  ...Array.from({ length: length - 2 }, (_, i) => 1 + (i % 250)),
];
const annexB = (...units: number[][]): number[] => units.flatMap((one) => [0, 0, 0, 1, ...one]);
const SETS = [unit(VPS, 24), unit(SPS, 40), unit(PPS, 9)];

describe('H.265', () => {
  it('comes out as it went in: units together, alone and in fragments', () => {
    const arena = new PacketArena(1 << 20);
    const depacketiser = createDepacketiser('H265');
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 3, max: 4000 }), { minLength: 1, maxLength: 9 }), (lengths) => {
        const data = annexB(...lengths.map((length) => unit(TRAIL, length)));
        const frame = new H265Packetiser().packetise(frameOf(data), arena)!;
        expect(Buffer.from(depacketiser.assemble(payloads(arena, frame))!).equals(Uint8Array.from(data))).toBe(true);
        expect(largest(frame)).toBeLessThanOrEqual(1197);
      }),
      { numRuns: 50 },
    );
  });

  it('sends the parameter sets with every keyframe, and no delimiters', () => {
    const arena = new PacketArena(1 << 20);
    const packetiser = new H265Packetiser();
    const send = (...units: number[][]): Uint8Array | undefined =>
      createDepacketiser('H265').assemble(payloads(arena, packetiser.packetise(frameOf(annexB(...units)), arena)!));
    const idr = unit(IDR, 3000);
    expect(send(unit(AUD, 3), ...SETS, idr)).toEqual(Uint8Array.from(annexB(...SETS, idr)));
    expect(send(unit(TRAIL, 50))).toEqual(Uint8Array.from(annexB(unit(TRAIL, 50))));
    expect(send(idr)).toEqual(Uint8Array.from(annexB(...SETS, idr)));
  });

  it('tells keyframes by their units', () => {
    const arena = new PacketArena(1 << 20);
    const packetiser = new H265Packetiser();
    expect(packetiser.packetise(frameOf(annexB(unit(IDR, 30))), arena)!.keyframe).toBe(true);
    expect(packetiser.packetise(frameOf(annexB(unit(TRAIL, 30))), arena)!.keyframe).toBe(false);
  });
});
