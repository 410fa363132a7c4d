/**
 * RTP header extension elements in the one-byte and two-byte forms (RFC 8285 §4.2, §4.3), and the URIs under which the ones
 * we know are negotiated. Reading goes through a reusable cursor and makes no garbage.
 */
import type { RtpHeader } from './packet.ts';

export const HeaderExtensionUri = {
  transportCc: 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  absSendTime: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  absCaptureTime: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time',
  mid: 'urn:ietf:params:rtp-hdrext:sdes:mid',
  rtpStreamId: 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  repairedRtpStreamId: 'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id',
  playoutDelay: 'http://www.webrtc.org/experiments/rtp-hdrext/playout-delay',
  colorSpace: 'http://www.webrtc.org/experiments/rtp-hdrext/color-space',
  audioLevel: 'urn:ietf:params:rtp-hdrext:ssrc-audio-level',
} as const;

const ONE_BYTE_PROFILE = 0xbede;
/** The low 4 bits are the application's (RFC 8285 §4.3). */
const TWO_BYTE_PROFILE = 0x1000;
/** As an id, ends the one-byte form (RFC 8285 §4.2). */
export const ONE_BYTE_STOP = 15;

/** Whether an id can be sent in the one-byte form, which our packet templates use. */
export function isOneByteExtensionId(id: number): boolean {
  return Number.isInteger(id) && id >= 1 && id <= 14;
}

/** Longest playout delay that can be said, ms. */
export const MAX_PLAYOUT_DELAY = 40_950;

/** The three bytes of a playout-delay element: two delays of 12 bits, in units of 10 ms. Takes ms. */
export function encodePlayoutDelay(min: number, max: number): number {
  return (Math.round(min / 10) << 12) | Math.round(max / 10);
}

/** Walks over the elements of one packet's extension block after another. */
export class HeaderExtensionReader {
  /** Of the element at hand. */
  id = 0;
  /** Offset of its data in the packet. */
  offset = 0;
  /** Bytes of data, 0..255. */
  length = 0;

  #packet: Uint8Array = new Uint8Array(0);
  #twoByte = false;
  #at = 0;
  #end = 0;

  /** Starts over with `packet`, whose `header` was parsed by `parseRtp`. */
  reset(packet: Uint8Array, header: RtpHeader): void {
    const profile = header.extensionProfile ?? 0;
    this.#packet = packet;
    this.#twoByte = (profile & 0xfff0) === TWO_BYTE_PROFILE;
    const known = this.#twoByte || profile === ONE_BYTE_PROFILE;
    this.#at = header.extensionOffset;
    this.#end = known ? header.extensionOffset + header.extensionLength : this.#at;
  }

  /** Goes to the next element; false at the end and where the block makes no sense any more. */
  next(): boolean {
    const packet = this.#packet;
    let at = this.#at;
    while (at < this.#end && packet[at] === 0) at++; // padding
    this.#at = this.#end;
    if (at >= this.#end) return false;
    const first = packet[at++]!;
    if (this.#twoByte) {
      if (at >= this.#end) return false;
      this.id = first;
      this.length = packet[at++]!;
    } else {
      this.id = first >> 4;
      this.length = (first & 0x0f) + 1;
      // Id 0 with a length is as invalid as the reserved id.
      if (this.id === ONE_BYTE_STOP || this.id === 0) return false;
    }
    if (at + this.length > this.#end) return false;
    this.offset = at;
    this.#at = at + this.length;
    return true;
  }

  /** Goes to the next element with `id`; false where there is none. */
  find(id: number): boolean {
    while (this.next()) if (this.id === id) return true;
    return false;
  }
}

export interface HeaderExtension {
  /** 1..14 in the one-byte form, 1..255 in the two-byte form. */
  readonly id: number;
  /** At most 255 bytes. */
  readonly data: Uint8Array;
}

/**
 * Writes a whole extension block (profile, length, elements, padding to a word) at `offset` of `into`; returns the offset
 * behind it. Takes the one-byte form where all elements allow it. Throws a `RangeError` for ids and lengths beyond both forms.
 */
export function writeHeaderExtensions(into: Uint8Array, offset: number, extensions: readonly HeaderExtension[]): number {
  let oneByte = true;
  for (const { id, data } of extensions) {
    if (!(Number.isInteger(id) && id >= 1 && id <= 255)) throw new RangeError(`a header extension id is 1 to 255, not ${id}`);
    if (data.length > 255) throw new RangeError(`header extension ${id} has ${data.length} bytes: at most 255 fit`);
    if (!isOneByteExtensionId(id) || data.length === 0 || data.length > 16) oneByte = false;
  }
  let at = offset + 4;
  for (const { id, data } of extensions) {
    if (oneByte) into[at++] = (id << 4) | (data.length - 1);
    else {
      into[at++] = id;
      into[at++] = data.length;
    }
    into.set(data, at);
    at += data.length;
  }
  while ((at - offset) & 3) into[at++] = 0;
  const profile = oneByte ? ONE_BYTE_PROFILE : TWO_BYTE_PROFILE;
  const words = (at - offset - 4) / 4;
  into[offset] = profile >> 8;
  into[offset + 1] = profile;
  into[offset + 2] = words >> 8;
  into[offset + 3] = words;
  return at;
}
