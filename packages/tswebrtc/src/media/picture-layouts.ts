/** How the bytes of a raw picture lie: planes without padding, one after the other. */

/** Planes of Y, U and V (`I420`), of Y and UV (`NV12`), or interleaved bytes. */
export type PictureLayout = 'I420' | 'NV12' | 'RGBA' | 'BGRA' | 'RGB24';

/** One plane: every how many pixels it has an element, and of how many bytes. */
interface PlaneShape {
  readonly every: 1 | 2;
  readonly bytes: number;
}

const Y: PlaneShape = { every: 1, bytes: 1 };
const CHROMA: PlaneShape = { every: 2, bytes: 1 };
const SHAPES: Record<PictureLayout, readonly PlaneShape[]> = {
  I420: [Y, CHROMA, CHROMA],
  NV12: [Y, { every: 2, bytes: 2 }],
  RGBA: [{ every: 1, bytes: 4 }],
  BGRA: [{ every: 1, bytes: 4 }],
  RGB24: [{ every: 1, bytes: 3 }],
};

export const PICTURE_LAYOUTS = Object.keys(SHAPES) as readonly PictureLayout[];

export interface Plane {
  /** Bytes. */
  readonly offset: number;
  /** Bytes of a row. */
  readonly stride: number;
  readonly rows: number;
}

/** The planes of a picture; where a side is odd, chroma covers its last pixel too. */
export function planesOf(layout: PictureLayout, width: number, height: number): Plane[] {
  let offset = 0;
  return SHAPES[layout].map(({ every, bytes }) => {
    const plane = { offset, stride: Math.ceil(width / every) * bytes, rows: Math.ceil(height / every) };
    offset += plane.stride * plane.rows;
    return plane;
  });
}

/** Bytes of a picture. */
export function pictureSize(layout: PictureLayout, width: number, height: number): number {
  const { offset, stride, rows } = planesOf(layout, width, height).at(-1)!;
  return offset + stride * rows;
}

/** Copies a picture; encoders take even sides only, so that the last pixel of an odd one is left out. */
export function copyEven(layout: PictureLayout, from: Uint8Array, width: number, height: number, to: Uint8Array): void {
  if (width % 2 === 0 && height % 2 === 0) {
    to.set(from);
    return;
  }
  const source = planesOf(layout, width, height);
  const target = planesOf(layout, width & ~1, height & ~1);
  for (const [i, { offset, stride, rows }] of target.entries()) {
    const plane = source[i]!;
    for (let row = 0; row < rows; row++) {
      const at = plane.offset + row * plane.stride;
      to.set(from.subarray(at, at + stride), offset + row * stride);
    }
  }
}
