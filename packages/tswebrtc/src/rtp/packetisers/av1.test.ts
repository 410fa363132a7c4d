import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDepacketiser } from '../depacketiser.ts';
import { PacketArena } from '../packet-arena.ts';
import { Av1Packetiser } from './av1.ts';
import { frameOf, largest, payloads } from './packetisers.testing.ts';

const SEQUENCE_HEADER = 1;
const DELIMITER = [0x12, 0x00];

/** An OBU with its size, of one byte or padded to more. */
function obu(type: number, length: number, padded = false): number[] {
  const size: number[] = [];
  for (let rest = length; ; rest >>= 7) {
    if (rest < 0x80) {
      size.push(...(padded ? [rest | 0x80, 0] : [rest]));
      break;
    }
    size.push((rest & 0x7f) | 0x80);
  }
  return [(type << 3) | 0x02, ...size, ...Array.from({ length }, (_, i) => (i * 7 + type) & 0xff)];
}

const packetsOf = (arena: PacketArena, data: number[], keyframe = false, packetiser = new Av1Packetiser()): Uint8Array[] =>
  payloads(arena, packetiser.packetise(frameOf(data, { keyframe }), arena)!);

describe('AV1', () => {
  it('comes out as it went in, but for what RTP says itself', () => {
    const arena = new PacketArena(1 << 20);
    const depacketiser = createDepacketiser('AV1');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(3, 4, 5, 6), fc.integer({ min: 0, max: 4000 })), { minLength: 1, maxLength: 8 }),
        (units) => {
          const wanted = units.flatMap(([type, length]) => obu(type, length));
          const packetiser = new Av1Packetiser();
          const frame = packetiser.packetise(frameOf([...DELIMITER, ...wanted, ...obu(15, 30)]), arena)!;
          const packets = payloads(arena, frame);
          expect(Buffer.from(depacketiser.assemble(packets)!).equals(Uint8Array.from(wanted))).toBe(true);
          expect(largest(frame)).toBeLessThanOrEqual(1197);
          for (const [i, packet] of packets.entries()) {
            // Z of the first and Y of the last are clear, and each Y is followed by a Z.
            expect(packet[0]! & 0x80).toBe(i === 0 ? 0 : (packets[i - 1]![0]! & 0x40) << 1);
          }
          expect(packets.at(-1)![0]! & 0x40).toBe(0);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('takes sizes that are longer than they need be', () => {
    const arena = new PacketArena(1 << 20);
    const packets = packetsOf(arena, [...DELIMITER, ...obu(6, 50, true)]);
    expect(createDepacketiser('AV1').assemble(packets)).toEqual(Uint8Array.from(obu(6, 50)));
  });

  it('marks the start of a sequence, and sends every keyframe with its header', () => {
    const arena = new PacketArena(1 << 20);
    const packetiser = new Av1Packetiser();
    const header = obu(SEQUENCE_HEADER, 11);
    const first = packetsOf(arena, [...DELIMITER, ...header, ...obu(6, 3000)], true, packetiser);
    expect(first.map((packet) => packet[0]! & 0x08)).toEqual([0x08, ...first.slice(1).map(() => 0)]);
    const predicted = packetsOf(arena, obu(6, 100), false, packetiser);
    expect(predicted[0]![0]! & 0x08).toBe(0);
    const bare = packetsOf(arena, obu(6, 100), true, packetiser);
    expect(createDepacketiser('AV1').assemble(bare)).toEqual(Uint8Array.from([...header, ...obu(6, 100)]));
  });

  it('has nothing to send of what makes no sense', () => {
    const arena = new PacketArena(1 << 20);
    for (const data of [[], DELIMITER, [0x32, 0x7f, 1, 2], [0x32, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]]) {
      expect(new Av1Packetiser().packetise(frameOf(data), arena)).toBeUndefined();
    }
  });
});
