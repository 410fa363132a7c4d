/** Keyframes of H.264: the sequence parameter set (ITU-T H.264 §7.3.2.1.1). */
import { NalUnits } from '../packetisers/annex-b.ts';
import { BitReader, withoutEmulationPrevention } from './bit-reader.ts';
import type { Keyframe } from './keyframe.ts';
import { parameterSets } from './parameter-sets.ts';

const SPS = 7;
const PPS = 8;
/** Profiles whose parameter sets tell of chroma and scaling. */
const HIGH_PROFILES: ReadonlySet<number> = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

const units = new NalUnits();

/** `data`: an access unit, Annex B. */
export function readH264Keyframe(data: Uint8Array): Keyframe | undefined {
  const sets = parameterSets(units, data, (header) => header & 0x1f, [SPS, PPS]);
  const sps = sets?.first;
  const size = sps && readSize(withoutEmulationPrevention(sps));
  return size && { ...size, configuration: sets.all };
}

function readSize(sps: Uint8Array): { width: number; height: number } | undefined {
  const reader = new BitReader(sps, 1);
  const profile = reader.bits(8);
  // constraint flags, level_idc, seq_parameter_set_id
  reader.skip(8 + 8);
  reader.exponential();
  let chroma = 1;
  let separatePlanes = false;
  if (HIGH_PROFILES.has(profile)) {
    chroma = reader.exponential();
    if (chroma === 3) separatePlanes = reader.flag();
    // bit depths, qpprime_y_zero_transform_bypass_flag
    reader.exponential();
    reader.exponential();
    reader.skip(1);
    if (reader.flag()) {
      for (let i = 0; i < (chroma === 3 ? 12 : 8); i++) if (reader.flag()) skipScalingList(reader, i < 6 ? 16 : 64);
    }
  }
  // log2_max_frame_num_minus4
  reader.exponential();
  const orderType = reader.exponential();
  if (orderType === 0) reader.exponential();
  else if (orderType === 1) {
    reader.skip(1);
    reader.exponential();
    reader.exponential();
    const cycle = Math.min(reader.exponential(), 255);
    for (let i = 0; i < cycle; i++) reader.exponential();
  }
  // max_num_ref_frames, gaps_in_frame_num_value_allowed_flag
  reader.exponential();
  reader.skip(1);
  const columns = reader.exponential() + 1;
  const rows = reader.exponential() + 1;
  const framesOnly = reader.flag();
  if (!framesOnly) reader.skip(1);
  reader.skip(1);
  let [left, right, top, bottom] = [0, 0, 0, 0];
  if (reader.flag()) {
    [left, right] = [reader.exponential(), reader.exponential()];
    [top, bottom] = [reader.exponential(), reader.exponential()];
  }
  if (reader.exhausted) return undefined;
  // Table 6-1: what is cropped counts in chroma samples, and of both fields.
  const planes = separatePlanes ? 0 : chroma;
  const cropX = planes === 1 || planes === 2 ? 2 : 1;
  const fields = framesOnly ? 1 : 2;
  const cropY = (planes === 1 ? 2 : 1) * fields;
  return { width: 16 * columns - cropX * (left + right), height: 16 * rows * fields - cropY * (top + bottom) };
}

function skipScalingList(reader: BitReader, size: number): void {
  let last = 8;
  let next = 8;
  for (let i = 0; i < size; i++) {
    if (next !== 0) next = (last + reader.signedExponential() + 256) % 256;
    if (next !== 0) last = next;
  }
}
