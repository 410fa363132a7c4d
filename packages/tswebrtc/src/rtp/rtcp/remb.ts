/** Receiver estimated maximum bitrate: the body behind the RTCP header (draft-alvestrand-rmcat-remb-03 §2.2). */
import { type ByteWriter, readUint32 } from './bytes.ts';
import type { ReceiverEstimatedMaximumBitrate } from './types.ts';

/** "REMB": application layer feedback may be anything, and this tells what it is. */
const IDENTIFIER = 0x52454d42;
/** Sender, media source, identifier, number of SSRCs and bitrate. */
const FIXED_LENGTH = 16;
const MANTISSA_LIMIT = 2 ** 18;
const LARGEST_EXPONENT = 63;
const MOST_SSRCS = 255;

export function readReceiverEstimate(body: Uint8Array): ReceiverEstimatedMaximumBitrate | undefined {
  if (body.length < FIXED_LENGTH || readUint32(body, 8) !== IDENTIFIER) return undefined;
  const count = body[12]!;
  if (body.length < FIXED_LENGTH + 4 * count) return undefined;
  const mantissa = ((body[13]! & 3) << 16) | (body[14]! << 8) | body[15]!;
  const ssrcs: number[] = [];
  for (let i = 0; i < count; i++) ssrcs.push(readUint32(body, FIXED_LENGTH + 4 * i));
  // Not a shift: the exponent goes up to 63.
  return { type: 'remb', senderSsrc: readUint32(body, 0), bitrate: mantissa * 2 ** (body[13]! >> 2), ssrcs };
}

/** Rounds the bitrate down to 18 significant bits. Throws a `RangeError` for a negative one or more than 255 SSRCs. */
export function writeReceiverEstimate(out: ByteWriter, { senderSsrc, bitrate, ssrcs }: ReceiverEstimatedMaximumBitrate): void {
  if (!(bitrate >= 0)) throw new RangeError(`a receiver cannot estimate ${bitrate} bit/s`);
  if (ssrcs.length > MOST_SSRCS) throw new RangeError(`a receiver estimate names at most 255 streams, not ${ssrcs.length}`);
  let exponent = 0;
  let mantissa = bitrate;
  for (; mantissa >= MANTISSA_LIMIT && exponent < LARGEST_EXPONENT; exponent++) mantissa /= 2;
  mantissa = Math.min(Math.floor(mantissa), MANTISSA_LIMIT - 1);
  out.uint32(senderSsrc);
  out.uint32(0); // no one media source is meant (§2.2)
  out.uint32(IDENTIFIER);
  out.uint8(ssrcs.length);
  out.uint24((exponent << 18) | mantissa);
  for (const ssrc of ssrcs) out.uint32(ssrc);
}
