/**
 * The RTP fixed header (RFC 3550 §5.1), its padding and the place of its extension block (§5.3.1; the elements inside are
 * header-extensions.ts). Parsing fills a reusable object: a receiver keeps one and makes no garbage per packet.
 */

/** Bytes of a header without CSRCs and extensions. */
export const RTP_HEADER_LENGTH = 12;

/** The parsed header of one packet. Offsets count from the start of the packet. */
export class RtpHeader {
  marker = false;
  payloadType = 0;
  /** 16 bits. */
  sequenceNumber = 0;
  /** 32 bits, units of the clock rate. */
  timestamp = 0;
  ssrc = 0;
  csrcCount = 0;
  /** "Defined by profile" word of the extension block: 0xBEDE or 0x100x (RFC 8285); undefined where there is no block. */
  extensionProfile: number | undefined = undefined;
  /** Where the extension block's elements start. */
  extensionOffset = 0;
  /** Bytes of the extension block's elements. */
  extensionLength = 0;
  payloadOffset = 0;
  /** Bytes of payload, padding excluded. */
  payloadLength = 0;
  /** Bytes of padding behind the payload, its count byte included. */
  paddingLength = 0;
}

/** Reads the header of `packet` into `out`. False, with `out` undefined in content, where it is not a whole RTP packet. */
export function parseRtp(packet: Uint8Array, out: RtpHeader): boolean {
  const length = packet.length;
  if (length < RTP_HEADER_LENGTH) return false;
  const first = packet[0]!;
  if (first >> 6 !== 2) return false;
  const second = packet[1]!;
  out.marker = second > 127;
  out.payloadType = second & 0x7f;
  out.sequenceNumber = (packet[2]! << 8) | packet[3]!;
  out.timestamp = readUint32(packet, 4);
  out.ssrc = readUint32(packet, 8);
  out.csrcCount = first & 0x0f;
  let at = RTP_HEADER_LENGTH + 4 * out.csrcCount;
  out.extensionProfile = undefined;
  out.extensionOffset = at;
  out.extensionLength = 0;
  if (first & 0x10) {
    if (at + 4 > length) return false;
    out.extensionProfile = (packet[at]! << 8) | packet[at + 1]!;
    out.extensionLength = 4 * ((packet[at + 2]! << 8) | packet[at + 3]!);
    out.extensionOffset = at + 4;
    at += 4 + out.extensionLength;
  }
  if (at > length) return false;
  let padding = 0;
  if (first & 0x20) {
    padding = packet[length - 1]!;
    if (padding === 0 || at + padding > length) return false;
  }
  out.payloadOffset = at;
  out.payloadLength = length - at - padding;
  out.paddingLength = padding;
  return true;
}

export interface RtpHeaderFields {
  readonly marker?: boolean;
  readonly payloadType: number;
  readonly sequenceNumber: number;
  readonly timestamp: number;
  readonly ssrc: number;
  /** An extension block follows the header (see `writeExtensionBlock`). */
  readonly hasExtensions?: boolean;
  /** The packet ends with padding (see `writePadding`). */
  readonly hasPadding?: boolean;
}

/** Writes a fixed header without CSRCs at `offset` of `into`; returns the offset behind it. */
export function writeRtpHeader(into: Uint8Array, offset: number, fields: RtpHeaderFields): number {
  into[offset] = 0x80 | (fields.hasPadding ? 0x20 : 0) | (fields.hasExtensions ? 0x10 : 0);
  into[offset + 1] = (fields.marker ? 0x80 : 0) | (fields.payloadType & 0x7f);
  into[offset + 2] = fields.sequenceNumber >> 8;
  into[offset + 3] = fields.sequenceNumber;
  writeUint32(into, offset + 4, fields.timestamp);
  writeUint32(into, offset + 8, fields.ssrc);
  return offset + RTP_HEADER_LENGTH;
}

/** Writes `length` (1..255) bytes of padding (RFC 3550 §5.1): zeros, the last one the count. */
export function writePadding(into: Uint8Array, offset: number, length: number): number {
  if (!(length >= 1 && length <= 255)) throw new RangeError(`RTP padding is 1 to 255 bytes long, not ${length}`);
  into.fill(0, offset, offset + length - 1);
  into[offset + length - 1] = length;
  return offset + length;
}

function readUint32(from: Uint8Array, offset: number): number {
  return ((from[offset]! << 24) | (from[offset + 1]! << 16) | (from[offset + 2]! << 8) | from[offset + 3]!) >>> 0;
}

function writeUint32(into: Uint8Array, offset: number, value: number): void {
  into[offset] = value >>> 24;
  into[offset + 1] = value >>> 16;
  into[offset + 2] = value >>> 8;
  into[offset + 3] = value;
}
