import { expect, it } from 'vitest';
import { copyEven, type PictureLayout, pictureSize, planesOf } from './picture-layouts.ts';

it.each<[PictureLayout, number]>([
  ['I420', 6 * 4 * 1.5],
  ['NV12', 6 * 4 * 1.5],
  ['RGBA', 6 * 4 * 4],
  ['BGRA', 6 * 4 * 4],
  ['RGB24', 6 * 4 * 3],
])('a picture of 6x4 in %s has %i bytes', (layout, size) => {
  expect(pictureSize(layout, 6, 4)).toBe(size);
});

it('lays chroma out so that it covers the last pixel of an odd side', () => {
  expect(planesOf('I420', 5, 3)).toEqual([
    { offset: 0, stride: 5, rows: 3 },
    { offset: 15, stride: 3, rows: 2 },
    { offset: 21, stride: 3, rows: 2 },
  ]);
});

it('leaves the last pixel of an odd side out of a copy', () => {
  const from = Uint8Array.from([0, 1, 2, 10, 11, 12, 20, 21, 22, 100, 101, 102, 103, 200, 201, 202, 203]);
  const to = new Uint8Array(6);
  copyEven('I420', from, 3, 3, to);
  expect([...to]).toEqual([0, 1, 10, 11, 100, 200]);
});
