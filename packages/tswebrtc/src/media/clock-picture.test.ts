import { describe, expect, it } from 'vitest';
import { drawClock, readClock } from './clock-picture.ts';

describe('the clock in the picture', () => {
  const width = 800;
  const height = 64;

  it.each([0, 1, 1_764_000_123_456, 2 ** 40 - 1, 2 ** 40, 2 ** 41])('reads back %d', (time) => {
    const picture = new Uint8Array((width * height * 3) / 2).fill(99);
    drawClock(picture, width, height, time + 0.7);
    expect(readClock(picture, width, time + 3000)).toBe(time);
    expect(readClock(picture, width, time - 3000)).toBe(time);
  });

  it('lays out 48 blocks of 16 pixels, most significant first, and the XOR of the time last', () => {
    const picture = new Uint8Array((width * height * 3) / 2);
    drawClock(picture, width, height, 0x80_00_00_00_01);
    const block = (n: number): number => picture[8 * width + n * 16 + 8]!;
    const bits = Array.from({ length: 48 }, (_, n) => (block(n) > 128 ? 1 : 0));
    expect(bits.join('')).toBe(`1${'0'.repeat(38)}1${'10000001'}`);
  });

  it('leaves the rest of the picture alone', () => {
    const picture = new Uint8Array((width * height * 3) / 2).fill(99);
    drawClock(picture, width, height, 1_764_000_123_456);
    expect(picture[16 * width]).toBe(99);
    expect(picture[768]).toBe(99);
  });

  it('tells that a picture has no clock', () => {
    const noise = Uint8Array.from({ length: width * 16 }, (_, i) => ((i >> 4) * 37) & 255);
    expect(readClock(noise, width)).toBeUndefined();
  });
});
