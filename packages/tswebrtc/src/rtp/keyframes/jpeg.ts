/** The size of a JPEG: its frame header (ITU-T T.81 §B.2.2). */
import type { Keyframe } from './keyframe.ts';

const NONE = new Uint8Array();

export function readJpeg(data: Uint8Array): Keyframe | undefined {
  for (let at = 2; at + 9 <= data.length && data[at] === 0xff; ) {
    const marker = data[at + 1]!;
    // Baseline, extended and progressive; the scan comes behind.
    if (marker >= 0xc0 && marker <= 0xc2) {
      return { height: (data[at + 5]! << 8) | data[at + 6]!, width: (data[at + 7]! << 8) | data[at + 8]!, configuration: NONE };
    }
    at += 2 + ((data[at + 2]! << 8) | data[at + 3]!);
  }
  return undefined;
}
