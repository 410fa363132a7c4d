import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PacketArena } from '../packet-arena.ts';
import { frameOf, largest, payloads } from './packetisers.testing.ts';
import { Vp8Packetiser } from './vp8.ts';

describe('VP8', () => {
  it('comes out as it went in, behind descriptors of which only the first starts the partition', () => {
    const arena = new PacketArena(1 << 20);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 9000 }), fc.integer({ min: 0, max: 2 }), (data, temporalLayer) => {
        const frame = new Vp8Packetiser().packetise(frameOf(data, { temporalLayer }), arena)!;
        const packets = payloads(arena, frame);
        // Upper layers say that they build on the base layer alone: a receiver drops them all otherwise.
        const layer = (temporalLayer << 6) | (temporalLayer > 0 ? 0x20 : 0);
        for (const [i, payload] of packets.entries()) {
          expect([...payload.subarray(0, 6)]).toEqual([i === 0 ? 0x90 : 0x80, 0xe0, 0x80, 0, 0, layer]);
        }
        expect(Buffer.concat(packets.map((payload) => payload.subarray(6)))).toEqual(Buffer.from(data));
        expect(largest(frame)).toBeLessThanOrEqual(1197);
        expect(frame.count).toBe(Math.ceil(data.length / 1167));
        // Even pieces: nothing small is left over at the end.
        expect(Math.max(...frame.lengths) - Math.min(...frame.lengths)).toBeLessThanOrEqual(1);
      }),
      { numRuns: 300 },
    );
  });

  it('leaves PictureID and TL0PICIDX at the offset it names', () => {
    const arena = new PacketArena(1 << 20);
    const frame = new Vp8Packetiser().packetise(frameOf([0x10, 1, 2]), arena)!;
    const at = arena.offset(frame.positions[0]!) + 24 + frame.pictureIdOffset!;
    expect([...arena.bytes.subarray(at, at + 3)]).toEqual([0x80, 0, 0]);
    expect(frame.pictureIdOffset).toBe(2);
  });

  it('tells keyframes by their first bit', () => {
    const arena = new PacketArena(1 << 20);
    const packetiser = new Vp8Packetiser();
    expect(packetiser.packetise(frameOf([0x10, 2, 0, 0x9d, 0x01, 0x2a], { keyframe: false }), arena)!.keyframe).toBe(true);
    expect(packetiser.packetise(frameOf([0x11, 2, 0], { keyframe: true }), arena)!.keyframe).toBe(false);
  });

  it('has nothing to send for an empty frame, and for one the arena is too small for', () => {
    const arena = new PacketArena(16 << 10);
    expect(new Vp8Packetiser().packetise(frameOf([]), arena)).toBeUndefined();
    expect(new Vp8Packetiser().packetise(frameOf(new Uint8Array(9000)), arena)).toBeUndefined();
  });
});
