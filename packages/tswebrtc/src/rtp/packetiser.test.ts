import { describe, expect, it } from 'vitest';
import { PacketArena } from './packet-arena.ts';
import { createPacketiser } from './packetiser.ts';
import { frameOf, largest } from './packetisers/packetisers.testing.ts';

describe('createPacketiser', () => {
  it('gives the packetiser of a codec with its clock, in any case', () => {
    expect(['H264', 'VP8', 'vp9', 'H265', 'av1'].map((codec) => createPacketiser(codec).clockRate)).toEqual(
      Array.from({ length: 5 }, () => 90_000),
    );
    expect(['OPUS', 'opus'].map((codec) => createPacketiser(codec).clockRate)).toEqual([48_000, 48_000]);
  });

  it('gives the clock of each kind of sound', () => {
    expect(['MULTIOPUS', 'L16', 'L24', 'PCMU', 'pcma'].map((codec) => createPacketiser(codec).clockRate)).toEqual([
      ...[48_000, 48_000, 48_000],
      ...[8000, 8000],
    ]);
    expect(createPacketiser('L16', { clockRate: 44_100 }).clockRate).toBe(44_100);
  });

  it.each(['VP8', 'VP9', 'H264', 'H265', 'AV1'])('keeps the packets of %s within the MTU, and fills them', (codec) => {
    const arena = new PacketArena(1 << 20);
    // Of H.26x one slice, of AV1 one OBU with its size; for the others the bytes mean next to nothing.
    const start = { H264: [0, 0, 0, 1, 0x65], H265: [0, 0, 0, 1, 0x28, 1], AV1: [0x32, 0xc0, 0x3e] }[codec] ?? [0x10];
    const data = Uint8Array.from([...start, ...new Uint8Array(8000).fill(7)]);
    const counts = [576, 1200, 1400].map((mtu) => {
      const frame = createPacketiser(codec, { mtu }).packetise(frameOf(data), arena)!;
      expect(largest(frame)).toBeLessThanOrEqual(mtu);
      return frame.count;
    });
    expect(counts[0]).toBeGreaterThanOrEqual(15);
    expect(counts[1]).toBeLessThanOrEqual(8);
    expect(counts[2]).toBeLessThan(counts[1]!);
  });

  it('refuses a codec it cannot send, and names it', () => {
    expect(() => createPacketiser('H261')).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining('H261') }),
    );
  });
});
