/**
 * One direction of an SRTP session: what we send (`SrtcpProtector`; RTP goes through an `SrtpSender`) and what we receive
 * (`SrtpReceiver`), with packet index estimation (RFC 3711 §3.3.1) and replay protection (§3.3.2).
 */
import type { SrtpProfile } from '../types.ts';
import { deriveSessionKeys } from './key-derivation.ts';
import { ReplayWindow } from './replay-window.ts';
import { createTransform, type SrtpTransform, srtcpIndex } from './srtp-transform.ts';

/** A session has a handful of sources; only authenticated packets make an entry, so that only the peer itself can reach this. */
const MAX_SOURCES = 1024;

export function createSrtpTransform(profile: SrtpProfile, masterKey: Uint8Array, masterSalt: Uint8Array): SrtpTransform {
  const { rtp, rtcp } = deriveSessionKeys(profile, masterKey, masterSalt);
  return createTransform(profile, rtp, rtcp);
}

/** Protects compound RTCP packets with an index of their own that never repeats. */
export class SrtcpProtector {
  readonly #transform: SrtpTransform;
  #index = 0;

  constructor(profile: SrtpProfile, masterKey: Uint8Array, masterSalt: Uint8Array) {
    this.#transform = createSrtpTransform(profile, masterKey, masterSalt);
  }

  /** A protected copy of `compound`, or undefined when it is no RTCP or when the 2^31 packets of a key are used up. */
  protect(compound: Uint8Array): Buffer | undefined {
    if (compound.length < 8 || this.#index > 0x7fffffff) return undefined;
    const out = Buffer.allocUnsafe(compound.length + this.#transform.rtcpOverhead);
    out.set(compound);
    const length = this.#transform.protectRtcp(out, compound.length, out.readUInt32BE(4), this.#index++);
    return length < 0 ? undefined : out.subarray(0, length);
  }
}

interface RtpSource {
  /** 48-bit index of the highest authenticated packet; -1 before the first. */
  highest: number;
  readonly window: ReplayWindow;
}

/** Unprotects what the peer sends. */
export class SrtpReceiver {
  readonly #profile: SrtpProfile;
  readonly #transform: SrtpTransform;
  readonly #rtp = new Map<number, RtpSource>();
  readonly #rtcp = new Map<number, ReplayWindow>();

  constructor(profile: SrtpProfile, masterKey: Uint8Array, masterSalt: Uint8Array) {
    this.#profile = profile;
    this.#transform = createSrtpTransform(profile, masterKey, masterSalt);
  }

  /** Number of sources with a state, RTP and RTCP. */
  get sources(): number {
    return this.#rtp.size + this.#rtcp.size;
  }

  /**
   * Unprotects an RTP packet in place.
   * @returns the packet, a view of `packet`; undefined when it is malformed, forged or replayed
   */
  unprotectRtp(packet: Buffer): Buffer | undefined {
    if (packet.length < 12) return undefined;
    const ssrc = packet.readUInt32BE(8);
    const sequenceNumber = packet.readUInt16BE(2);
    const known = this.#rtp.get(ssrc);
    const index = known ? estimateIndex(known.highest, sequenceNumber) : sequenceNumber;
    if (index < 0 || (known && !known.window.isFresh(index))) return undefined;
    const rolloverCounter = Math.floor(index / 0x10000);
    const length = this.#transform.unprotectRtp(packet, packet.length, ssrc, rolloverCounter, sequenceNumber);
    if (length < 0) return undefined;
    const source = known ?? remember(this.#rtp, ssrc, { highest: -1, window: new ReplayWindow() });
    source.window.accept(index);
    if (index > source.highest) source.highest = index;
    return packet.subarray(0, length);
  }

  /** Unprotects a compound RTCP packet in place; undefined when it is malformed, forged or replayed. */
  unprotectRtcp(packet: Buffer): Buffer | undefined {
    const index = srtcpIndex(this.#profile, packet);
    if (index < 0) return undefined;
    const ssrc = packet.readUInt32BE(4);
    const known = this.#rtcp.get(ssrc);
    if (known && !known.isFresh(index)) return undefined;
    const length = this.#transform.unprotectRtcp(packet, packet.length, ssrc);
    if (length < 0) return undefined;
    const window = known ?? remember(this.#rtcp, ssrc, new ReplayWindow());
    window.accept(index);
    return packet.subarray(0, length);
  }
}

/** RFC 3711 §3.3.1 and appendix A: the index nearest to the highest one seen; negative when it lies before the first. */
export function estimateIndex(highest: number, sequenceNumber: number): number {
  const rolloverCounter = Math.floor(highest / 0x10000);
  const difference = sequenceNumber - (highest % 0x10000);
  if (difference > 0x8000) return (rolloverCounter - 1) * 0x10000 + sequenceNumber;
  if (difference < -0x8000) return (rolloverCounter + 1) * 0x10000 + sequenceNumber;
  return rolloverCounter * 0x10000 + sequenceNumber;
}

/** Adds to a map that keeps its newest `MAX_SOURCES` entries. */
function remember<T>(map: Map<number, T>, key: number, value: T): T {
  if (map.size >= MAX_SOURCES) {
    const oldest = map.keys().next();
    if (!oldest.done) map.delete(oldest.value);
  }
  map.set(key, value);
  return value;
}
