/** H.264 whose parameter sets were sent in the session description only (RFC 6184 §8.2.2): gives them to who decodes. */
import type { InboundFrame } from '../rtp/receive/inbound-stream.ts';

const START_CODE = Buffer.from([0, 0, 0, 1]);
const SPS = 7;

/** The frame, and where it is a keyframe that lacks parameter sets, those of `sprop-parameter-sets` before it. */
export function withParameterSets(frame: InboundFrame, fmtp: Readonly<Record<string, string>>): InboundFrame {
  const sets = fmtp['sprop-parameter-sets'];
  if (!frame.keyframe || sets === undefined || frame.codec.toUpperCase() !== 'H264' || hasSps(frame.data)) return frame;
  const units = sets.split(',').flatMap((set) => [START_CODE, Buffer.from(set, 'base64')]);
  return { ...frame, data: Uint8Array.from(Buffer.concat([...units, frame.data])) };
}

/** Parameter sets come first, if at all: only an access unit delimiter may stand before them. */
function hasSps(data: Uint8Array): boolean {
  const end = Math.min(data.length, 16);
  for (let i = 3; i < end; i++) {
    if (data[i - 1] === 1 && data[i - 2] === 0 && data[i - 3] === 0 && (data[i]! & 0x1f) === SPS) return true;
  }
  return false;
}
