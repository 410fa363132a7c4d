import { describe, expect, it } from 'vitest';
import { PacketArena } from './packet-arena.ts';

describe('PacketArena', () => {
  it('keeps a template whole while it says that it has it', () => {
    const arena = new PacketArena(10_000);
    const live: { position: number; length: number; fill: number }[] = [];
    for (let i = 0; i < 500; i++) {
      const length = 1 + ((i * 397) % 1200);
      const position = arena.alloc(length);
      const offset = arena.offset(position);
      expect(offset + length).toBeLessThanOrEqual(arena.bytes.length);
      arena.bytes.fill(i & 0xff, offset, offset + length);
      live.push({ position, length, fill: i & 0xff });
      for (const old of live) {
        if (!arena.has(old.position)) continue;
        const at = arena.offset(old.position);
        expect(arena.bytes.subarray(at, at + old.length).every((byte) => byte === old.fill)).toBe(true);
      }
    }
    expect(live.filter((old) => arena.has(old.position)).length).toBeGreaterThan(5);
  });

  it('gives a template up before it is overwritten: what it says holds for another batch', () => {
    const arena = new PacketArena(8000);
    const position = arena.alloc(100);
    for (let i = 0; i < 69; i++) arena.alloc(100);
    expect(arena.has(position)).toBe(true);
    arena.alloc(100);
    expect(arena.has(position)).toBe(false);
  });

  it('refuses what can never fit', () => {
    expect(() => new PacketArena(100).alloc(101)).toThrow(RangeError);
  });
});
