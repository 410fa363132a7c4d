/**
 * The SPS and PPS an H.264 stream uses, remembered so that every keyframe can be sent with them: a viewer who joins, or who
 * lost them, can decode from any keyframe (the reference's `config-interval=-1`).
 */

/** Highest ids (ITU-T H.264 §7.4.2): bounds what is remembered. */
const MAX_SPS_ID = 31;
const MAX_PPS_ID = 255;

export class H264ParameterSets {
  readonly sequence: (Uint8Array | undefined)[] = [];
  readonly picture: (Uint8Array | undefined)[] = [];

  /** Remembers a copy of the SPS at `[start, end)`, in place of an earlier one of its id. */
  addSequence(data: Uint8Array, start: number, end: number): void {
    // Its id follows profile, constraints and level.
    remember(this.sequence, readUnsignedExpGolomb(data, start + 4, end), MAX_SPS_ID, data, start, end);
  }

  /** The same for a PPS. */
  addPicture(data: Uint8Array, start: number, end: number): void {
    remember(this.picture, readUnsignedExpGolomb(data, start + 1, end), MAX_PPS_ID, data, start, end);
  }
}

function remember(sets: (Uint8Array | undefined)[], id: number, max: number, data: Uint8Array, start: number, end: number): void {
  if (id < 0 || id > max) return;
  const known = sets[id];
  if (known?.length === end - start && known.every((byte, i) => byte === data[start + i])) return;
  sets[id] = data.slice(start, end);
}

/** ue(v) (ITU-T H.264 §9.1) of at most 8 leading zero bits, from a byte boundary; -1 where there is none. */
function readUnsignedExpGolomb(data: Uint8Array, start: number, end: number): number {
  const bit = (i: number): number => (start + (i >> 3) < end ? (data[start + (i >> 3)]! >> (7 - (i & 7))) & 1 : -1);
  let zeros = 0;
  while (bit(zeros) === 0 && zeros <= 8) zeros++;
  let value = 0;
  for (let i = 0; i <= zeros; i++) {
    const b = bit(zeros + i);
    if (b < 0) return -1;
    value = 2 * value + b;
  }
  return value - 1;
}
