/** What both ends of the fan-out benchmark know of a viewer without a word between them: no DTLS is needed. */
import { createHash } from 'node:crypto';
import type { LaneOptions } from '../packages/tswebrtc/dist/connection/types.js';

export const PAYLOAD_TYPE = 96;
export const TRANSPORT_CC_ID = 3;
export const FRAMERATE = 30;
/** Width of a step in histograms of delays, ms. */
export const DELAY_STEP = 0.1;

export type ViewerKeys = Pick<LaneOptions, 'profile' | 'masterKey' | 'masterSalt'>;

/** Keys of viewer `index`, what it receives or what it sends. */
export function viewerKeys(index: number, direction: 'media' | 'feedback'): ViewerKeys {
  const bytes = createHash('sha256').update(`${direction} ${index}`).digest();
  return { profile: 'AEAD_AES_128_GCM', masterKey: bytes.subarray(0, 16), masterSalt: bytes.subarray(16, 28) };
}

/** SSRC of the stream to viewer `index`. */
export const viewerSsrc = (index: number): number => 0x10000 + index;

/** A value of which a part `p` lies below, from values in `counts[i]`, i × `step`. */
export function histogramQuantile(counts: ArrayLike<number>, step: number, p: number): number {
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += counts[i]!;
  let seen = 0;
  for (let i = 0; i < counts.length; i++) {
    seen += counts[i]!;
    if (seen >= p * total && seen > 0) return i * step;
  }
  return Number.NaN;
}
