/** Keyframes of H.265: the sequence parameter set (ITU-T H.265 §7.3.2.2). */
import { NalUnits } from '../packetisers/annex-b.ts';
import { BitReader, withoutEmulationPrevention } from './bit-reader.ts';
import type { Keyframe } from './keyframe.ts';
import { parameterSets } from './parameter-sets.ts';

const VPS = 32;
const SPS = 33;
const PPS = 34;
/** Bits of a profile in profile_tier_level (§7.3.3), and of a level behind it. */
const PROFILE = 88;
const LEVEL = 8;

const units = new NalUnits();

/** `data`: an access unit, Annex B. */
export function readH265Keyframe(data: Uint8Array): Keyframe | undefined {
  const sets = parameterSets(units, data, (header) => (header >> 1) & 0x3f, [SPS, VPS, PPS]);
  const sps = sets?.first;
  const size = sps && readSize(withoutEmulationPrevention(sps));
  return size && { ...size, configuration: sets.all };
}

function readSize(sps: Uint8Array): { width: number; height: number } | undefined {
  const reader = new BitReader(sps, 2);
  reader.skip(4);
  const subLayers = reader.bits(3);
  reader.skip(1 + PROFILE + LEVEL);
  const present = Array.from({ length: subLayers }, () => [reader.flag(), reader.flag()] as const);
  if (subLayers > 0) reader.skip(2 * (8 - subLayers));
  for (const [profile, level] of present) reader.skip((profile ? PROFILE : 0) + (level ? LEVEL : 0));
  // sps_seq_parameter_set_id
  reader.exponential();
  const chroma = reader.exponential();
  if (chroma === 3) reader.skip(1);
  const width = reader.exponential();
  const height = reader.exponential();
  let [left, right, top, bottom] = [0, 0, 0, 0];
  if (reader.flag()) {
    [left, right] = [reader.exponential(), reader.exponential()];
    [top, bottom] = [reader.exponential(), reader.exponential()];
  }
  if (reader.exhausted) return undefined;
  const cropX = chroma === 1 || chroma === 2 ? 2 : 1;
  const cropY = chroma === 1 ? 2 : 1;
  return { width: width - cropX * (left + right), height: height - cropY * (top + bottom) };
}
