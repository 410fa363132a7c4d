/**
 * Reads of a VP8 frame what FFmpeg does not tell: its quantiser, and whether anything can be predicted from it. RFC 6386 §9.2
 * to §9.11 (frame header), §7.3 (boolean decoder); the order of the fields is that of §19.2.
 */

export interface Vp8FrameHeader {
  /** y_ac_qi, 0..127. */
  readonly quantiser: number;
  /**
   * Leaves nothing behind: no reference picture, no probabilities, no segment map. Whatever follows decodes the same with and
   * without it. (libvpx does repeat the loop filter deltas in each frame, which are those of the keyframe.)
   */
  readonly discardable: boolean;
}

/** Bytes before the first partition: frame tag; in a keyframe start code and size besides. */
const TAG_LENGTH = 3;
const KEYFRAME_TAG_LENGTH = 10;
const SEGMENTS = 4;
const SEGMENT_TREE_PROBABILITIES = 3;
const LOOP_FILTER_DELTAS = 8;
const QUANTISER_DELTAS = 5;

/** Reads the header. Of data that is no VP8 frame nothing sensible comes out, but nothing is thrown either. */
export function readVp8FrameHeader(frame: Uint8Array): Vp8FrameHeader {
  const keyframe = isVp8Keyframe(frame);
  const bits = new BooleanDecoder(frame, keyframe ? KEYFRAME_TAG_LENGTH : TAG_LENGTH);
  // color_space, clamping_type
  if (keyframe) bits.literal(2);
  const segmentMap = readSegmentation(bits);
  // filter_type, loop_filter_level, sharpness_level
  bits.literal(1 + 6 + 3);
  if (bits.flag() && bits.flag()) bits.optional(LOOP_FILTER_DELTAS, 6 + 1);
  // log2_nbr_of_dct_partitions
  bits.literal(2);
  const quantiser = bits.literal(7);
  bits.optional(QUANTISER_DELTAS, 4 + 1);
  if (keyframe) return { quantiser, discardable: false };
  const golden = bits.flag();
  const altref = bits.flag();
  const copies = (golden ? 0 : bits.literal(2)) + (altref ? 0 : bits.literal(2));
  // sign_bias_golden, sign_bias_alternate
  bits.literal(2);
  const probabilities = bits.flag();
  const last = bits.flag();
  return { quantiser, discardable: !golden && !altref && copies === 0 && !probabilities && !last && !segmentMap };
}

/** The frame tag says it (§9.1), whatever the encoder's wrapper claims. */
export function isVp8Keyframe(frame: Uint8Array): boolean {
  return frame.length > 0 && (frame[0]! & 1) === 0;
}

/** Reads §9.3; true when the frame changes what later frames take their segments from. */
function readSegmentation(bits: BooleanDecoder): boolean {
  if (!bits.flag()) return false;
  const map = bits.flag();
  const data = bits.flag();
  if (data) {
    // segment_feature_mode; quantizers, loop filter levels
    bits.flag();
    bits.optional(SEGMENTS, 7 + 1);
    bits.optional(SEGMENTS, 6 + 1);
  }
  if (map) bits.optional(SEGMENT_TREE_PROBABILITIES, 8);
  return map || data;
}

class BooleanDecoder {
  readonly #data: Uint8Array;
  #at: number;
  #value: number;
  #range = 255;
  #shifted = 0;

  constructor(data: Uint8Array, at: number) {
    this.#data = data;
    this.#value = ((data[at] ?? 0) << 8) | (data[at + 1] ?? 0);
    this.#at = at + 2;
  }

  /** A bit of even chance, as all in the header are. */
  flag(): boolean {
    const split = 1 + ((this.#range - 1) >> 1);
    const bit = this.#value >= split << 8;
    if (bit) {
      this.#range -= split;
      this.#value -= split << 8;
    } else {
      this.#range = split;
    }
    while (this.#range < 128) {
      this.#value <<= 1;
      this.#range <<= 1;
      if (++this.#shifted === 8) {
        this.#shifted = 0;
        this.#value |= this.#data[this.#at++] ?? 0;
      }
    }
    return bit;
  }

  literal(length: number): number {
    let value = 0;
    for (let i = 0; i < length; i++) value = 2 * value + (this.flag() ? 1 : 0);
    return value;
  }

  /** Skips `count` fields of `length` bits that are each announced by a flag. */
  optional(count: number, length: number): void {
    for (let i = 0; i < count; i++) if (this.flag()) this.literal(length);
  }
}
