/** For tests of packetisers: frames to feed them, and the payloads they made. */

import { parseRtp, RtpHeader } from '../packet.ts';
import type { PacketArena } from '../packet-arena.ts';
import type { PacketisedFrame } from '../packetised-frame.ts';
import type { EncodedFrameInput } from './types.ts';

export function frameOf(data: ArrayLike<number>, fields: Partial<EncodedFrameInput> = {}): EncodedFrameInput {
  const rest = { timestamp: 1_000_000, captureTime: 5000, keyframe: false, temporalLayer: 0, duration: 0, ...fields };
  return { data: Uint8Array.from(data), ...rest };
}

/** Payload of each packet; throws where a template is not a whole RTP packet. */
export function payloads(arena: PacketArena, frame: PacketisedFrame): Uint8Array[] {
  return Array.from(frame.positions, (position, i) => {
    const at = arena.offset(position);
    const packet = arena.bytes.slice(at, at + frame.lengths[i]!);
    const header = new RtpHeader();
    if (!parseRtp(packet, header) || header.extensionProfile !== 0xbede) throw new Error(`packet ${i} is no template`);
    return packet.subarray(header.payloadOffset);
  });
}

/** Largest packet of `frame`, headers included, bytes. */
export function largest(frame: PacketisedFrame): number {
  return Math.max(...frame.lengths);
}
