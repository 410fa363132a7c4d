import { expect, it } from 'vitest';
import type { PictureLayout } from '../../picture-layouts.ts';
import { addWithResolvers } from '../with-resolvers.ts';

addWithResolvers();
const { Frame } = await import('node-av/lib');
const { AV_PIX_FMT_YUV420P } = await import('node-av/constants');
const { PictureCopy } = await import('./picture-copy.ts');

/** An encoder's frame. */
function frameOf(width: number, height: number): InstanceType<typeof Frame> {
  const frame = new Frame();
  frame.alloc();
  Object.assign(frame, { width, height, format: AV_PIX_FMT_YUV420P });
  frame.getBuffer(0);
  return frame;
}

/** The bytes of a plane without what pads its rows. */
const plane = (frame: InstanceType<typeof Frame>, index: number, width: number, height: number): number[] =>
  Array.from({ length: height }, (_, y) => [
    ...frame.data![index]!.subarray(y * frame.linesize[index]!).subarray(0, width),
  ]).flat();

it.each<[layout: PictureLayout, width: number, height: number]>([
  // With rows that need no padding, that do, and of which the chroma's do.
  ['I420', 128, 64],
  ['I420', 320, 64],
  ['I420', 162, 50],
])(
  'a picture in %s of %i x %i is copied byte by byte, and what becomes of it afterwards changes nothing',
  (layout, width, height) => {
    const frame = frameOf(width, height);
    const copy = new PictureCopy(width, height, layout, frame);
    const picture = new Uint8Array(new SharedArrayBuffer((width * height * 3) / 2)).map((_, i) => (i * 7) % 251);
    const pool = new Uint8Array(new SharedArrayBuffer(picture.length + 16), 16);
    pool.set(picture);
    copy.copy(pool);
    pool.fill(0);
    const [luma, chroma] = [width * height, (width * height) / 4];
    expect(plane(frame, 0, width, height)).toEqual([...picture.subarray(0, luma)]);
    expect(plane(frame, 1, width / 2, height / 2)).toEqual([...picture.subarray(luma, luma + chroma)]);
    expect(plane(frame, 2, width / 2, height / 2)).toEqual([...picture.subarray(luma + chroma)]);
    copy.close();
    frame.free();
  },
);

it('a picture of another size is scaled into the frame and nowhere else', () => {
  const frame = frameOf(64, 64);
  const picture = new Uint8Array(new SharedArrayBuffer((64 * 64 * 3) / 2)).fill(50);
  const copy = new PictureCopy(64, 64, 'I420', frame);
  copy.copy(picture);
  copy.close();
  const larger = new Uint8Array(new SharedArrayBuffer((128 * 128 * 3) / 2)).fill(200);
  const scaled = new PictureCopy(128, 128, 'I420', frame);
  scaled.copy(larger);
  expect(new Set(picture)).toEqual(new Set([50]));
  expect(new Set(plane(frame, 0, 64, 64))).toEqual(new Set([200]));
  scaled.close();
  frame.free();
});
