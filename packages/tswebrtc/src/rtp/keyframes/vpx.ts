/** Keyframes of VP8 (RFC 6386 §9.1) and VP9 (bitstream specification §6.2, §7.2). */
import { BitReader } from './bit-reader.ts';
import type { Keyframe } from './keyframe.ts';

const NOTHING = new Uint8Array(0);
const VP9_SYNC_CODE = 0x49_83_42;
const VP9_RGB = 7;

export function readVp8Keyframe(data: Uint8Array): Keyframe | undefined {
  const [tag, , , start0, start1, start2, width0, width1, height0, height1] = data;
  if (height1 === undefined || (tag! & 1) !== 0) return undefined;
  if (start0 !== 0x9d || start1 !== 0x01 || start2 !== 0x2a) return undefined;
  // The two upper bits of each are a scale for the player.
  return {
    width: ((width1! << 8) | width0!) & 0x3fff,
    height: ((height1 << 8) | height0!) & 0x3fff,
    configuration: NOTHING,
  };
}

export function readVp9Keyframe(data: Uint8Array): Keyframe | undefined {
  const reader = new BitReader(data);
  if (reader.bits(2) !== 2) return undefined;
  const profile = reader.bits(1) + 2 * reader.bits(1);
  if (profile === 3) reader.skip(1);
  const showsExisting = reader.flag();
  const isKeyframe = !reader.flag();
  if (showsExisting || !isKeyframe) return undefined;
  // show_frame, error_resilient_mode
  reader.skip(2);
  if (reader.bits(24) !== VP9_SYNC_CODE) return undefined;
  if (profile >= 2) reader.skip(1);
  const colorSpace = reader.bits(3);
  if (colorSpace !== VP9_RGB) reader.skip(1);
  // Subsampling and a reserved bit, or that bit alone.
  if (profile === 1 || profile === 3) reader.skip(colorSpace === VP9_RGB ? 1 : 3);
  const width = reader.bits(16) + 1;
  const height = reader.bits(16) + 1;
  return reader.exhausted ? undefined : { width, height, configuration: NOTHING };
}
