import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDepacketiser } from '../depacketiser.ts';
import { PacketArena } from '../packet-arena.ts';
import { frameOf, largest, payloads } from './packetisers.testing.ts';
import { Vp9Packetiser } from './vp9.ts';

/** Uncompressed header of a keyframe of profile 0, 1280 x 720 (VP9 bitstream specification §6.2), and of a predicted frame. */
const KEYFRAME = [0x82, 0x49, 0x83, 0x42, 0x20, 0x4f, 0xf0, 0x2c, 0xf0];
const PREDICTED = [0x86, 0x00, 0x40];

describe('VP9', () => {
  it('comes out as it went in, behind descriptors of which the first and the last say so', () => {
    const arena = new PacketArena(1 << 20);
    const depacketiser = createDepacketiser('VP9');
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 9000 }),
        fc.boolean(),
        fc.integer({ min: 0, max: 2 }),
        (rest, keyframe, temporalLayer) => {
          const data = [...(keyframe ? KEYFRAME : PREDICTED), ...rest];
          const frame = new Vp9Packetiser().packetise(frameOf(data, { temporalLayer }), arena)!;
          const packets = payloads(arena, frame);
          expect(frame).toMatchObject({ keyframe, temporalLayer });
          for (const [i, payload] of packets.entries()) {
            const ends = (i === 0 ? 0x08 : 0) | (i === packets.length - 1 ? 0x04 : 0);
            const flags = 0xa0 | (keyframe ? 0 : 0x40) | ends | (keyframe && i === 0 ? 0x02 : 0);
            // U is always set: nobody who was not sent the upper layer has to wait for anything.
            expect([...payload.subarray(0, 5)]).toEqual([flags, 0x80, 0, (temporalLayer << 5) | 0x10, 0]);
          }
          expect(packets.map((payload) => depacketiser.inspect(payload)?.begins)).toEqual(packets.map((_, i) => i === 0));
          expect(depacketiser.inspect(packets[0]!)).toMatchObject({ keyframe, temporalLayer });
          expect(Buffer.from(depacketiser.assemble(packets)!).equals(Uint8Array.from(data))).toBe(true);
          expect(largest(frame)).toBeLessThanOrEqual(1197);
          expect(Math.max(...frame.lengths) - Math.min(...frame.lengths)).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('sends the size and one picture a group with a keyframe', () => {
    const arena = new PacketArena(1 << 20);
    const [payload] = payloads(arena, new Vp9Packetiser().packetise(frameOf(KEYFRAME), arena)!);
    expect([...payload!.subarray(5, 13)]).toEqual([0x18, 0x05, 0x00, 0x02, 0xd0, 1, 0x04, 1]);
  });

  it('leaves PictureID, the layer and TL0PICIDX at the offset it names', () => {
    const arena = new PacketArena(1 << 20);
    const frame = new Vp9Packetiser().packetise(frameOf(PREDICTED, { temporalLayer: 1 }), arena)!;
    const at = arena.offset(frame.positions[0]!) + 24 + frame.pictureIdOffset!;
    expect([...arena.bytes.subarray(at, at + 4)]).toEqual([0x80, 0, frame.layerByte, 0]);
  });
});
