/**
 * The cryptographic transforms of SRTP and SRTCP, without any state but the keys: AES-128 in counter mode with HMAC-SHA1
 * (RFC 3711 §4.1.1, §4.2) and AES-128-GCM (RFC 7714 §8, §9). Packets are transformed where they lie; the caller keeps the
 * packet index.
 */
import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import type { SrtpProfile } from '../types.ts';
import { PROFILE_SIZES, type SessionKeys } from './key-derivation.ts';

/** Bytes of SSRC and fixed header before the encrypted part of RTCP. */
const RTCP_HEADER = 8;
const SRTCP_INDEX = 4;
const ENCRYPTED_FLAG = 0x80000000;

export interface SrtpTransform {
  /** Bytes by which protecting an RTP packet makes it longer. */
  readonly rtpOverhead: number;
  /** Bytes by which protecting a compound RTCP packet makes it longer. */
  readonly rtcpOverhead: number;
  /**
   * Protects the RTP packet in `packet[0, length)`; `packet` must have room for `rtpOverhead` more.
   * @returns the new length, or -1 when it is no RTP packet
   */
  protectRtp(packet: Buffer, length: number, ssrc: number, rolloverCounter: number, sequenceNumber: number): number;
  /** The reverse; -1 when the packet is malformed or not authentic. On -1 the contents of `packet` are undefined. */
  unprotectRtp(packet: Buffer, length: number, ssrc: number, rolloverCounter: number, sequenceNumber: number): number;
  /** Protects the compound packet in `packet[0, length)` under a 31-bit index; returns the new length. */
  protectRtcp(packet: Buffer, length: number, ssrc: number, index: number): number;
  /** The reverse; -1 when the packet is malformed or not authentic. */
  unprotectRtcp(packet: Buffer, length: number, ssrc: number): number;
}

/** Index field of a protected RTCP packet, -1 when it is too short to have one. */
export function srtcpIndex(profile: SrtpProfile, packet: Buffer): number {
  const tag = PROFILE_SIZES[profile].tag;
  if (packet.length < RTCP_HEADER + SRTCP_INDEX + tag) return -1;
  // RFC 7714 §9.3 has no tag after the index: the tag belongs to the ciphertext.
  const at = profile === 'AEAD_AES_128_GCM' ? packet.length - SRTCP_INDEX : packet.length - tag - SRTCP_INDEX;
  return packet.readUInt32BE(at) & 0x7fffffff;
}

/** Length of the RTP header with CSRCs and extension (RFC 3550 §5.1, §5.3.1); -1 when `packet[0, length)` does not hold it. */
export function rtpHeaderLength(packet: Uint8Array, length: number): number {
  if (length < 12 || packet[0]! >> 6 !== 2) return -1;
  let at = 12 + 4 * (packet[0]! & 0x0f);
  if (packet[0]! & 0x10) {
    if (at + 4 > length) return -1;
    at += 4 + 4 * ((packet[at + 2]! << 8) | packet[at + 3]!);
  }
  return at <= length ? at : -1;
}

export function createTransform(profile: SrtpProfile, rtp: SessionKeys, rtcp: SessionKeys): SrtpTransform {
  return profile === 'AEAD_AES_128_GCM' ? new GcmTransform(rtp, rtcp) : new CounterModeTransform(rtp, rtcp);
}

class GcmTransform implements SrtpTransform {
  readonly rtpOverhead = 16;
  readonly rtcpOverhead = 16 + SRTCP_INDEX;
  readonly #rtp: SessionKeys;
  readonly #rtcp: SessionKeys;
  readonly #iv = Buffer.alloc(12);
  readonly #aad = Buffer.alloc(RTCP_HEADER + SRTCP_INDEX);

  constructor(rtp: SessionKeys, rtcp: SessionKeys) {
    this.#rtp = rtp;
    this.#rtcp = rtcp;
  }

  protectRtp(packet: Buffer, length: number, ssrc: number, rolloverCounter: number, sequenceNumber: number): number {
    const header = rtpHeaderLength(packet, length);
    if (header < 0) return -1;
    const iv = this.#rtpIv(ssrc, rolloverCounter, sequenceNumber);
    return this.#seal(this.#rtp.key, iv, packet.subarray(0, header), packet, header, length);
  }

  unprotectRtp(packet: Buffer, length: number, ssrc: number, rolloverCounter: number, sequenceNumber: number): number {
    const header = rtpHeaderLength(packet, length);
    if (header < 0 || length < header + 16) return -1;
    const iv = this.#rtpIv(ssrc, rolloverCounter, sequenceNumber);
    return this.#open(this.#rtp.key, iv, packet.subarray(0, header), packet, header, length);
  }

  protectRtcp(packet: Buffer, length: number, ssrc: number, index: number): number {
    if (length < RTCP_HEADER) return -1;
    const word = (ENCRYPTED_FLAG | index) >>> 0;
    const sealed = this.#seal(
      this.#rtcp.key,
      this.#rtcpIv(ssrc, index),
      this.#rtcpAad(packet, word),
      packet,
      RTCP_HEADER,
      length,
    );
    packet.writeUInt32BE(word, sealed);
    return sealed + SRTCP_INDEX;
  }

  unprotectRtcp(packet: Buffer, length: number, ssrc: number): number {
    if (length < RTCP_HEADER + 16 + SRTCP_INDEX) return -1;
    const sealed = length - SRTCP_INDEX;
    const word = packet.readUInt32BE(sealed);
    // We always ask for encryption; a peer that authenticates only is refused (RFC 7714 §9.3 allows it, WebRTC does not).
    if ((word & ENCRYPTED_FLAG) === 0) return -1;
    const iv = this.#rtcpIv(ssrc, word & 0x7fffffff);
    return this.#open(this.#rtcp.key, iv, this.#rtcpAad(packet, word), packet, RTCP_HEADER, sealed);
  }

  #rtpIv(ssrc: number, rolloverCounter: number, sequenceNumber: number): Buffer {
    const iv = this.#iv;
    iv.writeUInt16BE(0, 0);
    iv.writeUInt32BE(ssrc, 2);
    iv.writeUInt32BE(rolloverCounter, 6);
    iv.writeUInt16BE(sequenceNumber, 10);
    return xor(iv, this.#rtp.salt, 12);
  }

  #rtcpIv(ssrc: number, index: number): Buffer {
    const iv = this.#iv;
    iv.writeUInt16BE(0, 0);
    iv.writeUInt32BE(ssrc, 2);
    iv.writeUInt16BE(0, 6);
    iv.writeUInt32BE(index, 8);
    return xor(iv, this.#rtcp.salt, 12);
  }

  #rtcpAad(packet: Buffer, word: number): Buffer {
    packet.copy(this.#aad, 0, 0, RTCP_HEADER);
    this.#aad.writeUInt32BE(word, RTCP_HEADER);
    return this.#aad;
  }

  #seal(key: Buffer, iv: Buffer, aad: Buffer, packet: Buffer, from: number, to: number): number {
    const cipher = createCipheriv('aes-128-gcm', key, iv);
    cipher.setAAD(aad);
    cipher.update(packet.subarray(from, to)).copy(packet, from);
    cipher.final();
    cipher.getAuthTag().copy(packet, to);
    return to + 16;
  }

  #open(key: Buffer, iv: Buffer, aad: Buffer, packet: Buffer, from: number, to: number): number {
    const decipher = createDecipheriv('aes-128-gcm', key, iv);
    decipher.setAuthTag(packet.subarray(to - 16, to));
    decipher.setAAD(aad);
    const plain = decipher.update(packet.subarray(from, to - 16));
    try {
      decipher.final();
    } catch {
      return -1;
    }
    plain.copy(packet, from);
    return to - 16;
  }
}

class CounterModeTransform implements SrtpTransform {
  readonly rtpOverhead = 10;
  readonly rtcpOverhead = 10 + SRTCP_INDEX;
  readonly #rtp: SessionKeys;
  readonly #rtcp: SessionKeys;
  readonly #iv = Buffer.alloc(16);
  readonly #rollover = Buffer.alloc(4);

  constructor(rtp: SessionKeys, rtcp: SessionKeys) {
    this.#rtp = rtp;
    this.#rtcp = rtcp;
  }

  protectRtp(packet: Buffer, length: number, ssrc: number, rolloverCounter: number, sequenceNumber: number): number {
    const header = rtpHeaderLength(packet, length);
    if (header < 0) return -1;
    this.#crypt(this.#rtp, packet, header, length, ssrc, rolloverCounter, sequenceNumber);
    this.#rtpTag(packet, length, rolloverCounter).copy(packet, length, 0, 10);
    return length + 10;
  }

  unprotectRtp(packet: Buffer, length: number, ssrc: number, rolloverCounter: number, sequenceNumber: number): number {
    const header = rtpHeaderLength(packet, length);
    const plain = length - 10;
    if (header < 0 || plain < header) return -1;
    const expected = this.#rtpTag(packet, plain, rolloverCounter).subarray(0, 10);
    if (!timingSafeEqual(expected, packet.subarray(plain, length))) return -1;
    this.#crypt(this.#rtp, packet, header, plain, ssrc, rolloverCounter, sequenceNumber);
    return plain;
  }

  protectRtcp(packet: Buffer, length: number, ssrc: number, index: number): number {
    if (length < RTCP_HEADER) return -1;
    this.#crypt(this.#rtcp, packet, RTCP_HEADER, length, ssrc, index >>> 16, index & 0xffff);
    packet.writeUInt32BE((ENCRYPTED_FLAG | index) >>> 0, length);
    const authenticated = length + SRTCP_INDEX;
    createHmac('sha1', this.#rtcp.authKey).update(packet.subarray(0, authenticated)).digest().copy(packet, authenticated, 0, 10);
    return authenticated + 10;
  }

  unprotectRtcp(packet: Buffer, length: number, ssrc: number): number {
    const authenticated = length - 10;
    const plain = authenticated - SRTCP_INDEX;
    if (plain < RTCP_HEADER) return -1;
    const expected = createHmac('sha1', this.#rtcp.authKey).update(packet.subarray(0, authenticated)).digest().subarray(0, 10);
    if (!timingSafeEqual(expected, packet.subarray(authenticated, length))) return -1;
    const word = packet.readUInt32BE(plain);
    if ((word & ENCRYPTED_FLAG) === 0) return -1;
    const index = word & 0x7fffffff;
    this.#crypt(this.#rtcp, packet, RTCP_HEADER, plain, ssrc, index >>> 16, index & 0xffff);
    return plain;
  }

  /** RFC 3711 §4.1.1: IV = salt·2^16 ⊕ SSRC·2^64 ⊕ index·2^16, with the 48-bit index given as its high 32 and low 16 bits. */
  #crypt(keys: SessionKeys, packet: Buffer, from: number, to: number, ssrc: number, indexHigh: number, indexLow: number): void {
    const iv = this.#iv;
    iv.fill(0);
    iv.writeUInt32BE(ssrc, 4);
    iv.writeUInt32BE(indexHigh, 8);
    iv.writeUInt16BE(indexLow, 12);
    createCipheriv('aes-128-ctr', keys.key, xor(iv, keys.salt, 14))
      .update(packet.subarray(from, to))
      .copy(packet, from);
  }

  #rtpTag(packet: Buffer, length: number, rolloverCounter: number): Buffer {
    this.#rollover.writeUInt32BE(rolloverCounter, 0);
    return createHmac('sha1', this.#rtp.authKey).update(packet.subarray(0, length)).update(this.#rollover).digest();
  }
}

function xor(into: Buffer, salt: Buffer, length: number): Buffer {
  for (let i = 0; i < length; i++) into[i]! ^= salt[i]!;
  return into;
}
