import { describe, expect, it } from 'vitest';
import { PacketArena } from '../packet-arena.ts';
import { OpusPacketiser, opusDuration } from './opus.ts';
import { frameOf, payloads } from './packetisers.testing.ts';

/** CELT, fullband, 20 ms, one frame. */
const TOC_20_MS = 31 << 3;

describe('Opus', () => {
  it('goes into one packet as it is', () => {
    const arena = new PacketArena(1 << 16);
    const data = [TOC_20_MS, 1, 2, 3];
    const frame = new OpusPacketiser().packetise(frameOf(data, { timestamp: 20_000 }), arena)!;
    expect(payloads(arena, frame).map((payload) => [...payload])).toEqual([data]);
    expect(frame).toMatchObject({ timestamp: 960, count: 1, size: 28, temporalLayer: 0 });
  });

  it('is marked where talk begins: at the start and after a gap, not for rounding in the times', () => {
    const arena = new PacketArena(1 << 16);
    const packetiser = new OpusPacketiser();
    const marker = (timestamp: number): boolean => packetiser.packetise(frameOf([TOC_20_MS, 1], { timestamp }), arena)!.marker;
    expect([0, 20_000, 40_001, 59_999, 80_000, 400_000, 420_000, 0].map(marker)).toEqual([
      ...[true, false, false, false, false],
      ...[true, false],
      true,
    ]);
  });

  it('knows the duration of a packet from its first bytes', () => {
    expect(opusDuration(Uint8Array.of(TOC_20_MS))).toBe(960);
    expect(opusDuration(Uint8Array.of(28 << 3))).toBe(120); // CELT 2.5 ms
    expect(opusDuration(Uint8Array.of(3 << 3))).toBe(2880); // SILK 60 ms
    expect(opusDuration(Uint8Array.of((12 << 3) | 1))).toBe(960); // hybrid 10 ms, two frames
    expect(opusDuration(Uint8Array.of((13 << 3) | 3, 3))).toBe(2880); // hybrid 20 ms, three frames
    expect(opusDuration(Uint8Array.of((13 << 3) | 3))).toBe(0);
    expect(opusDuration(new Uint8Array(0))).toBe(0);
  });

  it('is sent above the usual size, since it cannot be split, but not above what a link takes', () => {
    const arena = new PacketArena(1 << 16);
    expect(new OpusPacketiser().packetise(frameOf(new Uint8Array(1275)), arena)?.size).toBe(1299);
    expect(new OpusPacketiser().packetise(frameOf(new Uint8Array(1500)), arena)).toBeUndefined();
    expect(new OpusPacketiser().packetise(frameOf([]), arena)).toBeUndefined();
  });
});
