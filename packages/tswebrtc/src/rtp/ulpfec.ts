/**
 * ULPFEC (RFC 5109) as WebRTC sends it: one protection level over whole packets. A FEC packet is the exclusive or of the
 * packets it protects, everything behind the 12 bytes of fixed header (CSRCs, extensions, payload, padding) and of that header
 * what §7.3 names; whoever has all but one of them has that one too.
 *
 * The packets go in as they leave, header extensions filled in. libwebrtc's receivers clear transport-wide numbers and
 * abs-send-times before they compute (its senders know them only afterwards), so that those two come out wrong there in a packet
 * that was recovered, where nobody reads them: feedback tells what arrived.
 */
import { UlpfecMasks } from './ulpfec-masks.ts';

/** FEC header without the level header, bytes (RFC 5109 §7.3). */
export const FEC_HEADER_LENGTH = 10;
/** Length and mask of level 0, with the short and the long mask, bytes (RFC 5109 §7.4). */
export const SHORT_LEVEL_HEADER_LENGTH = 4;
export const LONG_LEVEL_HEADER_LENGTH = 8;
/** Sequence numbers that a short and a long mask reach over. */
export const SHORT_MASK_BITS = 16;
export const LONG_MASK_BITS = 48;
/** Of the fixed RTP header, which the FEC header recovers. */
export const FIXED_HEADER_LENGTH = 12;

/** Bytes of FEC in front of the protected bytes, for packets over `span` sequence numbers. */
export function fecHeaderLength(span: number): number {
  return FEC_HEADER_LENGTH + (span > SHORT_MASK_BITS ? LONG_LEVEL_HEADER_LENGTH : SHORT_LEVEL_HEADER_LENGTH);
}

/** Makes the FEC payloads of one block of packets after another. Writes into the caller's bytes and allocates nothing. */
export class UlpfecEncoder {
  readonly #masks = new UlpfecMasks();
  #into: Uint8Array = new Uint8Array(0);
  #offsets: Float64Array = new Float64Array(0);
  #headerLength = 0;
  #base = 0;
  #added = 0;

  /**
   * Starts a block of `count` packets from sequence number `base` on, over `span` <= 48 numbers, none of them longer than
   * `longest` bytes. FEC payload j of `fecCount` comes to lie at `offsets[j]` of `into`, `fecHeaderLength(span)` + `longest` - 12
   * bytes long.
   */
  begin(
    into: Uint8Array,
    offsets: Float64Array,
    fecCount: number,
    count: number,
    base: number,
    span: number,
    longest: number,
  ): void {
    this.#masks.choose(count, fecCount);
    this.#into = into;
    this.#offsets = offsets;
    this.#base = base;
    this.#added = 0;
    const headerLength = (this.#headerLength = fecHeaderLength(span));
    const protectedLength = longest - FIXED_HEADER_LENGTH;
    for (let j = 0; j < fecCount; j++) {
      const at = offsets[j]!;
      into.fill(0, at, at + headerLength + protectedLength);
      if (span > SHORT_MASK_BITS) into[at] = 0x40; // L
      into[at + 2] = base >> 8;
      into[at + 3] = base;
      into[at + FEC_HEADER_LENGTH] = protectedLength >> 8;
      into[at + FEC_HEADER_LENGTH + 1] = protectedLength;
    }
  }

  /** The next packet of the block, whole, at `start` to `end` of `bytes`. */
  add(bytes: Uint8Array, start: number, end: number): void {
    const i = this.#added++;
    this.#addTo(this.#masks.first(i), bytes, start, end);
    const second = this.#masks.second(i);
    if (second >= 0) this.#addTo(second, bytes, start, end);
  }

  #addTo(fec: number, bytes: Uint8Array, start: number, end: number): void {
    const into = this.#into;
    const at = this.#offsets[fec]!;
    const length = end - start - FIXED_HEADER_LENGTH;
    into[at]! ^= bytes[start]! & 0x3f; // P, X, CC
    into[at + 1]! ^= bytes[start + 1]!; // M, PT
    for (let k = 4; k < 8; k++) into[at + k]! ^= bytes[start + k]!; // timestamp
    into[at + 8]! ^= length >> 8;
    into[at + 9]! ^= length & 0xff;
    const bit = (((bytes[start + 2]! << 8) | bytes[start + 3]!) - this.#base) & 0xffff;
    into[at + FEC_HEADER_LENGTH + 2 + (bit >> 3)]! |= 0x80 >> (bit & 7);
    const from = start + FIXED_HEADER_LENGTH;
    const to = at + this.#headerLength;
    for (let k = 0; k < length; k++) into[to + k]! ^= bytes[from + k]!;
  }
}

/** FEC payloads for a block of whole packets in the order of their sequence numbers, at most 48 from first to last. */
export function protect(packets: readonly Uint8Array[], fecCount: number): Uint8Array[] {
  if (packets.length === 0 || fecCount === 0) return [];
  const sequenceNumber = (packet: Uint8Array): number => (packet[2]! << 8) | packet[3]!;
  const base = sequenceNumber(packets[0]!);
  const span = ((sequenceNumber(packets.at(-1)!) - base) & 0xffff) + 1;
  if (span > LONG_MASK_BITS) throw new RangeError(`one FEC packet protects ${LONG_MASK_BITS} sequence numbers, not ${span}`);
  const longest = Math.max(...packets.map((packet) => packet.length));
  const size = fecHeaderLength(span) + longest - FIXED_HEADER_LENGTH;
  const into = new Uint8Array(size * fecCount);
  const encoder = new UlpfecEncoder();
  const offsets = Float64Array.from({ length: fecCount }, (_, j) => j * size);
  encoder.begin(into, offsets, fecCount, packets.length, base, span, longest);
  for (const packet of packets) encoder.add(packet, 0, packet.length);
  return Array.from(offsets, (at) => into.subarray(at, at + size));
}
