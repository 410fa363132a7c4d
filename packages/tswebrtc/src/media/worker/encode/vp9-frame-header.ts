/**
 * Reads of a VP9 frame what FFmpeg does not tell: its quantiser, and whether anything can be predicted from it. VP9 bitstream
 * specification §6.2 (uncompressed header), profiles 0 to 3.
 */
import { BitReader } from '../../../rtp/keyframes/bit-reader.ts';

export interface Vp9FrameHeader {
  /** base_q_idx, 0..255. */
  readonly quantiser: number;
  /** Leaves nothing behind: no reference picture, and no probabilities or motion vectors, which error resilience keeps apart. */
  readonly discardable: boolean;
}

const RGB = 7;
const REFERENCES = 3;
const SIZE_BITS = 16;

/** Undefined of what is no frame, or only shows another. */
export function readVp9FrameHeader(data: Uint8Array): Vp9FrameHeader | undefined {
  const reader = new BitReader(data);
  if (reader.bits(2) !== 2) return undefined;
  const profile = reader.bits(1) + 2 * reader.bits(1);
  if (profile === 3) reader.skip(1);
  if (reader.flag()) return undefined;
  const inter = reader.flag();
  const shown = reader.flag();
  const resilient = reader.flag();
  const refreshed = inter ? readInterHeader(reader, profile, shown, resilient) : readKeyframeHeader(reader, profile);
  // refresh_frame_context, frame_parallel_decoding_mode
  if (!resilient) reader.skip(2);
  // frame_context_idx, then loop filter level and sharpness
  reader.skip(2 + 6 + 3);
  if (reader.flag() && reader.flag()) {
    for (let i = 0; i < 4; i++) if (reader.flag()) reader.skip(7);
    for (let i = 0; i < 2; i++) if (reader.flag()) reader.skip(7);
  }
  const quantiser = reader.bits(8);
  return reader.exhausted ? undefined : { quantiser, discardable: refreshed === 0 && resilient };
}

/** Returns which reference pictures are replaced, a bit each. */
function readKeyframeHeader(reader: BitReader, profile: number): number {
  reader.skip(24);
  skipColours(reader, profile);
  reader.skip(2 * SIZE_BITS);
  if (reader.flag()) reader.skip(2 * SIZE_BITS);
  return 0xff;
}

function readInterHeader(reader: BitReader, profile: number, shown: boolean, resilient: boolean): number {
  const intraOnly = shown ? false : reader.flag();
  // reset_frame_context
  if (!resilient) reader.skip(2);
  if (intraOnly) {
    reader.skip(24);
    if (profile > 0) skipColours(reader, profile);
    const refreshed = reader.bits(8);
    reader.skip(2 * SIZE_BITS);
    if (reader.flag()) reader.skip(2 * SIZE_BITS);
    return refreshed;
  }
  const refreshed = reader.bits(8);
  // ref_frame_idx and sign bias of each
  reader.skip(REFERENCES * (3 + 1));
  let sized = false;
  for (let i = 0; i < REFERENCES && !sized; i++) sized = reader.flag();
  if (!sized) reader.skip(2 * SIZE_BITS);
  if (reader.flag()) reader.skip(2 * SIZE_BITS);
  // allow_high_precision_mv; is_filter_switchable or which filter
  reader.skip(1);
  if (!reader.flag()) reader.skip(2);
  return refreshed;
}

function skipColours(reader: BitReader, profile: number): void {
  if (profile >= 2) reader.skip(1);
  const rgb = reader.bits(3) === RGB;
  if (!rgb) reader.skip(1);
  if (profile === 1 || profile === 3) reader.skip(rgb ? 1 : 3);
}
