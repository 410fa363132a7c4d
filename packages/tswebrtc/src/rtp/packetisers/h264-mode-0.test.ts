import { describe, expect, it } from 'vitest';
import { PacketArena } from '../packet-arena.ts';
import { createPacketiser } from '../packetiser.ts';
import { frameOf, payloads } from './packetisers.testing.ts';

const unit = (header: number, length: number): number[] => [
  header,
  ...Array.from({ length: length - 1 }, (_, i) => 1 + (i % 250)),
];
const annexB = (...units: number[][]): number[] => units.flatMap((one) => [0, 0, 0, 1, ...one]);

describe('H.264 in packetization-mode 0', () => {
  it('puts each unit into a packet of its own, however small', () => {
    const arena = new PacketArena(1 << 20);
    const units = [unit(0x67, 9), unit(0x68, 5), unit(0x65, 1100), unit(0x65, 40)];
    const packetiser = createPacketiser('H264', { packetizationMode: 0 });
    const packets = payloads(arena, packetiser.packetise(frameOf(annexB(...units)), arena)!);
    expect(packets.map((packet) => [...packet])).toEqual(units);
  });

  it('cannot send a unit that does not fit', () => {
    const arena = new PacketArena(1 << 20);
    const packetiser = createPacketiser('H264', { packetizationMode: 0 });
    expect(packetiser.packetise(frameOf(annexB(unit(0x65, 1300))), arena)).toBeUndefined();
  });
});
