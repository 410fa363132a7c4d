/**
 * What the first packet of a frame tells without decoding it: whether it is a keyframe, and of VP8 how finely it is quantised.
 * VP8: RFC 7741 §4.2 and RFC 6386 §9.2 to §9.6; H.264: RFC 6184 §5.
 */
import type { Start } from './light-viewer-stream.ts';

/** Of the payload of one packet; undefined where it does not begin a frame, as far as that shows. */
export function readStart(codec: string, payload: Uint8Array): Start | undefined {
  return codec === 'VP8' ? readVp8(payload) : readH264(payload);
}

const SPS = 7;
const STAP_A = 24;

/** Only keyframes show where they begin: by their parameters. */
function readH264(payload: Uint8Array): Start | undefined {
  const type = payload[0]! & 0x1f;
  const first = type === STAP_A ? payload[3]! & 0x1f : type;
  return first === SPS ? { keyframe: true, quantiser: undefined } : undefined;
}

function readVp8(payload: Uint8Array): Start | undefined {
  const first = payload[0]!;
  // S and the partition's index
  if ((first & 0x10) === 0 || (first & 0x07) !== 0) return undefined;
  let at = 1;
  if (first & 0x80) {
    const extension = payload[at++]!;
    if (extension & 0x80) at += payload[at]! & 0x80 ? 2 : 1;
    if (extension & 0x40) at++;
    if (extension & 0x30) at++;
  }
  const keyframe = (payload[at]! & 1) === 0;
  return { keyframe, quantiser: quantiserOf(payload.subarray(at + (keyframe ? 10 : 3)), keyframe) };
}

/** y_ac_qi, 0..127, of a frame header behind its uncompressed part. */
function quantiserOf(header: Uint8Array, keyframe: boolean): number {
  const bits = new BoolDecoder(header);
  // color_space, clamping_type
  if (keyframe) bits.literal(2);
  if (bits.literal(1)) skipSegmentation(bits);
  // filter_type, loop_filter_level, sharpness_level
  bits.literal(10);
  // mode_ref_lf_delta_update
  if (bits.literal(1) && bits.literal(1)) bits.skipOptional(8, 7);
  // log2_nbr_of_dct_partitions
  bits.literal(2);
  return bits.literal(7);
}

function skipSegmentation(bits: BoolDecoder): void {
  const [map, data] = [bits.literal(1), bits.literal(1)];
  if (data) {
    bits.literal(1);
    bits.skipOptional(4, 8);
    bits.skipOptional(4, 7);
  }
  if (map) bits.skipOptional(3, 8);
}

/** RFC 6386 §7.3, for bits that are as likely 0 as 1. */
class BoolDecoder {
  readonly #input: Uint8Array;
  #at = 2;
  #value: number;
  #range = 255;
  #count = 0;

  constructor(input: Uint8Array) {
    this.#input = input;
    this.#value = ((input[0] ?? 0) << 8) | (input[1] ?? 0);
  }

  literal(length: number): number {
    let value = 0;
    for (let i = 0; i < length; i++) value = (value << 1) | this.#bit();
    return value;
  }

  /** Fields of `length` bits, each behind a flag that says whether it is there. */
  skipOptional(count: number, length: number): void {
    for (let i = 0; i < count; i++) if (this.literal(1)) this.literal(length);
  }

  #bit(): number {
    const split = 1 + (((this.#range - 1) * 128) >> 8);
    const bit = this.#value >= split << 8 ? 1 : 0;
    if (bit) {
      this.#range -= split;
      this.#value -= split << 8;
    } else this.#range = split;
    while (this.#range < 128) {
      this.#value <<= 1;
      this.#range <<= 1;
      if (++this.#count === 8) {
        this.#count = 0;
        this.#value |= this.#input[this.#at++] ?? 0;
      }
    }
    return bit;
  }
}
