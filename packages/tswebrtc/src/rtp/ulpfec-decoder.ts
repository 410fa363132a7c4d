/**
 * Recovers lost packets from ULPFEC (RFC 5109 §9), whatever order things come in: remembers the last packets and FEC packets of
 * one stream and, whenever something comes, solves what has one unknown left; what is solved may solve more.
 *
 * Packets go in and come out whole, without the RED around them. What comes out has the SSRC of the stream.
 */
import { sequenceDelta } from './sequence.ts';
import {
  FEC_HEADER_LENGTH,
  FIXED_HEADER_LENGTH,
  LONG_LEVEL_HEADER_LENGTH,
  LONG_MASK_BITS,
  SHORT_LEVEL_HEADER_LENGTH,
  SHORT_MASK_BITS,
} from './ulpfec.ts';

/** Packets remembered; a FEC packet reaches over 48 at most, and comes soon after them. */
const MEDIA_PACKETS = 256;
const FEC_PACKETS = 64;
/** A recovered length beyond this is nonsense, bytes. */
const LONGEST_PACKET = 2048;

interface FecPacket {
  readonly payload: Uint8Array;
  readonly base: number;
  readonly headerLength: number;
  readonly protectedLength: number;
  /** Sequence numbers it protects. */
  readonly protects: readonly number[];
}

export class UlpfecDecoder {
  readonly #ssrc: number;
  readonly #media: (Uint8Array | undefined)[] = new Array(MEDIA_PACKETS);
  readonly #numbers = new Int32Array(MEDIA_PACKETS).fill(-1);
  #newest = -1;
  #fec: FecPacket[] = [];

  constructor(ssrc: number) {
    this.#ssrc = ssrc;
  }

  /** Takes a media packet that arrived; returns what can be recovered now. Keeps a copy. */
  addMedia(packet: Uint8Array): Uint8Array[] {
    if (packet.length < FIXED_HEADER_LENGTH || !this.#remember(Uint8Array.from(packet))) return [];
    return this.#solve();
  }

  /** Takes the payload of a FEC packet; returns what can be recovered now. Garbage is ignored. Keeps a copy. */
  addFec(payload: Uint8Array): Uint8Array[] {
    const fec = parseFec(payload);
    if (!fec) return [];
    this.#fec.push(fec);
    if (this.#fec.length > FEC_PACKETS) this.#fec.shift();
    return this.#solve();
  }

  #remember(packet: Uint8Array): boolean {
    const sequenceNumber = (packet[2]! << 8) | packet[3]!;
    const age = this.#newest < 0 ? 0 : sequenceDelta(this.#newest, sequenceNumber);
    if (age >= MEDIA_PACKETS || this.#has(sequenceNumber)) return false;
    if (age < 0 || this.#newest < 0) this.#newest = sequenceNumber;
    const slot = sequenceNumber % MEDIA_PACKETS;
    this.#numbers[slot] = sequenceNumber;
    this.#media[slot] = packet;
    return true;
  }

  #has(sequenceNumber: number): boolean {
    return this.#numbers[sequenceNumber % MEDIA_PACKETS] === sequenceNumber;
  }

  #solve(): Uint8Array[] {
    const recovered: Uint8Array[] = [];
    for (let progress = true; progress; ) {
      progress = false;
      this.#fec = this.#fec.filter((fec) => {
        // What lies too far back may have been here and be forgotten: one unknown would no more be the only one.
        if (this.#newest >= 0 && sequenceDelta(this.#newest, fec.base) >= MEDIA_PACKETS - LONG_MASK_BITS) return false;
        const missing = fec.protects.filter((sequenceNumber) => !this.#has(sequenceNumber));
        if (missing.length > 1) return true;
        const packet = missing.length === 1 ? this.#recover(fec, missing[0]!) : undefined;
        if (packet && this.#remember(packet)) {
          recovered.push(packet);
          progress = true;
        }
        return false;
      });
    }
    return recovered;
  }

  #recover(fec: FecPacket, missing: number): Uint8Array | undefined {
    const { payload, headerLength, protectedLength } = fec;
    const header = payload.slice(0, FEC_HEADER_LENGTH);
    const body = payload.slice(headerLength, headerLength + protectedLength);
    for (const sequenceNumber of fec.protects) {
      if (sequenceNumber === missing) continue;
      const packet = this.#media[sequenceNumber % MEDIA_PACKETS]!;
      const length = packet.length - FIXED_HEADER_LENGTH;
      // Longer than what the FEC says it protects: it is not about this packet.
      if (length > protectedLength) return undefined;
      header[0]! ^= packet[0]!;
      header[1]! ^= packet[1]!;
      for (let k = 4; k < 8; k++) header[k]! ^= packet[k]!;
      header[8]! ^= length >> 8;
      header[9]! ^= length & 0xff;
      for (let k = 0; k < length; k++) body[k]! ^= packet[FIXED_HEADER_LENGTH + k]!;
    }
    const length = (header[8]! << 8) | header[9]!;
    if (length > protectedLength || length > LONGEST_PACKET) return undefined;
    // Behind the packet's end everything must cancel out, or the parts do not belong together.
    for (let k = length; k < protectedLength; k++) if (body[k] !== 0) return undefined;
    const packet = new Uint8Array(FIXED_HEADER_LENGTH + length);
    packet[0] = 0x80 | (header[0]! & 0x3f);
    packet[1] = header[1]!;
    packet[2] = missing >> 8;
    packet[3] = missing;
    packet.set(header.subarray(4, 8), 4);
    new DataView(packet.buffer).setUint32(8, this.#ssrc);
    packet.set(body.subarray(0, length), FIXED_HEADER_LENGTH);
    return packet;
  }
}

/** Level 0 of a FEC payload; undefined where it makes no sense. */
function parseFec(bytes: Uint8Array): FecPacket | undefined {
  // E is reserved for an extension nobody has defined.
  if (bytes.length < FEC_HEADER_LENGTH + SHORT_LEVEL_HEADER_LENGTH || bytes[0]! & 0x80) return undefined;
  const long = (bytes[0]! & 0x40) !== 0;
  const headerLength = FEC_HEADER_LENGTH + (long ? LONG_LEVEL_HEADER_LENGTH : SHORT_LEVEL_HEADER_LENGTH);
  const protectedLength = (bytes[FEC_HEADER_LENGTH]! << 8) | bytes[FEC_HEADER_LENGTH + 1]!;
  if (bytes.length < headerLength + protectedLength) return undefined;
  const base = (bytes[2]! << 8) | bytes[3]!;
  const protects: number[] = [];
  for (let bit = 0; bit < (long ? LONG_MASK_BITS : SHORT_MASK_BITS); bit++) {
    if (bytes[FEC_HEADER_LENGTH + 2 + (bit >> 3)]! & (0x80 >> (bit & 7))) protects.push((base + bit) & 0xffff);
  }
  if (protects.length === 0) return undefined;
  return { payload: Uint8Array.from(bytes), base, headerLength, protectedLength, protects };
}
