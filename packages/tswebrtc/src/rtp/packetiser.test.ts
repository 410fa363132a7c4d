import { describe, expect, it } from 'vitest';
import { createPacketiser } from './packetiser.ts';

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

  it('refuses a codec it cannot send, and names it', () => {
    expect(() => createPacketiser('H261')).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining('H261') }),
    );
  });
});
