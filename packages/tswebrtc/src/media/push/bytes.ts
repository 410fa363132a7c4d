/** Checks of what an application writes. */
import { TsWebRTCError } from '../../common/errors.ts';
import { invalid } from '../options.ts';

/** Pixels. */
const MIN_SIDE = 16;
const MAX_SIDE = 8192;

export function bytesOf(view: ArrayBufferView): Uint8Array {
  if (!ArrayBuffer.isView(view)) {
    throw new TsWebRTCError('INVALID_OPTION', 'A frame is a Uint8Array, a Buffer or another view of its bytes.');
  }
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

export function checkSide(name: string, pixels: number): void {
  if (!Number.isInteger(pixels) || pixels < MIN_SIDE || pixels > MAX_SIDE) {
    throw invalid(name, pixels, `a number of pixels between ${MIN_SIDE} and ${MAX_SIDE}`);
  }
}
