/**
 * RED, redundant data in one RTP payload (RFC 2198 §3): block headers, then the blocks' data. WebRTC uses it twice: around
 * video with a single block, as the envelope that tells media and ULPFEC apart (RFC 5109 §14.1), and for audio with earlier
 * packets in front of the newest (RFC 8854 §4.1).
 */

/** Header byte of the last block, the primary: its payload type alone. */
export const PRIMARY_HEADER_LENGTH = 1;
/** Header of a block before it: payload type, 14 bits of timestamp offset, 10 bits of length. */
export const REDUNDANT_HEADER_LENGTH = 4;
/** First timestamp offset that does not fit, in units of the clock rate. */
export const TIMESTAMP_OFFSET_LIMIT = 1 << 14;
/** First block length that does not fit, bytes. */
export const BLOCK_LENGTH_LIMIT = 1 << 10;

export interface RedBlock {
  readonly payloadType: number;
  /** How much older than the packet's timestamp, in units of the clock rate; 0 for the primary. */
  readonly timestampOffset: number;
  readonly data: Uint8Array;
}

/** The blocks of a RED payload, the primary last; undefined where it is not whole. Views, no copies. */
export function parseRed(payload: Uint8Array): RedBlock[] | undefined {
  const headers: { payloadType: number; timestampOffset: number; length: number }[] = [];
  let at = 0;
  let redundant = 0;
  for (;;) {
    const first = payload[at];
    if (first === undefined) return undefined;
    const payloadType = first & 0x7f;
    if (first < 0x80) {
      at += PRIMARY_HEADER_LENGTH;
      const length = payload.length - at - redundant;
      if (length < 0) return undefined;
      headers.push({ payloadType, timestampOffset: 0, length });
      break;
    }
    if (at + REDUNDANT_HEADER_LENGTH > payload.length) return undefined;
    const word = (payload[at + 1]! << 16) | (payload[at + 2]! << 8) | payload[at + 3]!;
    const length = word & (BLOCK_LENGTH_LIMIT - 1);
    headers.push({ payloadType, timestampOffset: word >> 10, length });
    redundant += length;
    at += REDUNDANT_HEADER_LENGTH;
  }
  return headers.map(({ payloadType, timestampOffset, length }) => {
    const data = payload.subarray(at, at + length);
    at += length;
    return { payloadType, timestampOffset, data };
  });
}

/** Writes the header of a redundant block; returns the offset behind it. Offset and length must be below their limits. */
export function writeRedundantHeader(
  into: Uint8Array,
  offset: number,
  payloadType: number,
  timestampOffset: number,
  length: number,
): number {
  into[offset] = 0x80 | payloadType;
  into[offset + 1] = timestampOffset >> 6;
  into[offset + 2] = ((timestampOffset & 0x3f) << 2) | (length >> 8);
  into[offset + 3] = length;
  return offset + REDUNDANT_HEADER_LENGTH;
}

/** A RED payload of `blocks`, the primary last. Throws a `RangeError` for a block that does not fit its header. */
export function writeRed(blocks: readonly RedBlock[]): Uint8Array {
  const last = blocks.length - 1;
  const headers = last * REDUNDANT_HEADER_LENGTH + PRIMARY_HEADER_LENGTH;
  const payload = new Uint8Array(blocks.reduce((sum, { data }) => sum + data.length, headers));
  let at = 0;
  for (const [i, { payloadType, timestampOffset, data }] of blocks.entries()) {
    if (i === last) {
      payload[at++] = payloadType & 0x7f;
      continue;
    }
    if (!(timestampOffset >= 0 && timestampOffset < TIMESTAMP_OFFSET_LIMIT) || data.length >= BLOCK_LENGTH_LIMIT) {
      throw new RangeError(`RED takes no block of ${data.length} bytes that is ${timestampOffset} units old`);
    }
    at = writeRedundantHeader(payload, at, payloadType, timestampOffset, data.length);
  }
  for (const { data } of blocks) {
    payload.set(data, at);
    at += data.length;
  }
  return payload;
}
