import { describe, expect, it } from 'vitest';
import { readOrientation } from './orientation.ts';

const ONE = 0x10000;
const matrix = (a: number, b: number, c: number, d: number): Buffer =>
  Buffer.from(Int32Array.of(a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 0x40000000).buffer);

describe('orientation', () => {
  it.each([
    ['as it is', matrix(1, 0, 0, 1), undefined],
    ['a quarter clockwise', matrix(0, 1, -1, 0), 'transpose dir=clock'],
    ['a half', matrix(-1, 0, 0, -1), 'hflip vflip'],
    ['a quarter counterclockwise', matrix(0, -1, 1, 0), 'transpose dir=cclock'],
    ['mirrored', matrix(-1, 0, 0, 1), 'hflip'],
    ['mirrored along a diagonal', matrix(0, 1, 1, 0), 'transpose dir=cclock_flip'],
    ['no matrix', null, undefined],
    ['all zeros', matrix(0, 0, 0, 0), undefined],
    ['half a matrix', Buffer.alloc(16), undefined],
  ])('is read from the display matrix: %s', (_, bytes, filters) => {
    expect(
      readOrientation(bytes)
        ?.filters.map((filter) => filter.join(' ').trim())
        .join(' '),
    ).toBe(filters);
  });
});
