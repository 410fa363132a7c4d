/**
 * What two sides say about a codec, and which codecs this library can name. A codec is identified in SDP by the encoding
 * name, clock rate and channels of its rtpmap (RFC 8866 §6.6) and, for some, by parts of its fmtp (h264-profile.ts).
 */

import type { H264Agreement } from './h264-profile.ts';

/** One format of an m-line, as negotiated. */
export interface CodecParameters {
  /** Encoding name of the rtpmap: `H264`, `VP8`, `opus`. */
  readonly name: string;
  readonly payloadType: number;
  /** Hz. */
  readonly clockRate: number;
  readonly channels?: number;
  readonly fmtp: Readonly<Record<string, string>>;
  /** H264: what its sender has to keep to. */
  readonly h264?: H264Agreement;
  /** `nack`, `nack pli`, `ccm fir`, `transport-cc`, … */
  readonly rtcpFeedback: readonly string[];
  /** Payload type of the codec's rtx, where negotiated. */
  readonly rtxPayloadType?: number;
  /** Payload type of RED (RFC 2198), where negotiated: for video together with `ulpfecPayloadType` only. */
  readonly redPayloadType?: number;
  /** Payload type of ULPFEC (RFC 5109), which travels inside RED. */
  readonly ulpfecPayloadType?: number;
  /** Payload type of the rtx of RED. */
  readonly redRtxPayloadType?: number;
}

/** What a transceiver is ready to send or receive. */
export interface CodecPreference {
  /** Encoding name, in any case: `H264`, `VP8`, `OPUS`. */
  readonly name: string;
  /** Hz. */
  readonly clockRate: number;
  readonly channels?: number;
  /** Default: what `defaultFmtp` says. */
  readonly fmtp?: Readonly<Record<string, string>>;
  /** Taken where a peer offers it, but not offered. Default false. */
  readonly onlyAnswer?: boolean;
  /** Another form of a codec that has its number already: takes one only after all others have theirs. */
  readonly secondary?: boolean;
}

export type MediaKind = 'audio' | 'video';
export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** Formats that carry no codec of their own: repair, comfort noise, key presses. */
const AUXILIARY = new Set(['rtx', 'red', 'ulpfec', 'flexfec', 'flexfec-03', 'cn', 'telephone-event']);

/** Whether a format carries media of its own rather than repairing or accompanying another. */
export function isMediaCodec(name: string): boolean {
  return !AUXILIARY.has(name.toLowerCase());
}

const CANONICAL = new Map(
  ['opus', 'multiopus', 'VP8', 'VP9', 'H264', 'H265', 'AV1', 'L16', 'L24', 'L8', 'PCMU', 'PCMA', 'G722'].map((n) => [
    n.toLowerCase(),
    n,
  ]),
);

/** The spelling this library uses for an encoding name, whatever the case it came in. */
export function canonicalName(name: string): string {
  return CANONICAL.get(name.toLowerCase()) ?? name;
}

/**
 * Format parameters to announce where the application gives none. Stereo Opus needs `stereo=1` from the side that receives
 * (RFC 7587 §7.1) and `sprop-stereo=1` from the side that sends, and says both because its role may be either.
 */
export function defaultFmtp(preference: CodecPreference): Readonly<Record<string, string>> {
  if (preference.fmtp) return preference.fmtp;
  switch (preference.name.toLowerCase()) {
    case 'opus':
      return preference.channels === 1
        ? { minptime: '10', useinbandfec: '1' }
        : { minptime: '10', useinbandfec: '1', stereo: '1', 'sprop-stereo': '1' };
    case 'h264':
      return { 'packetization-mode': '1', 'profile-level-id': '42e01f', 'level-asymmetry-allowed': '1' };
    default:
      return {};
  }
}

/** Channels as the rtpmap says them: Opus is always announced with two (RFC 7587 §7), mono elsewhere with none. */
export function rtpmapChannels(codec: Pick<CodecPreference, 'name' | 'channels'>): number | undefined {
  if (codec.name.toLowerCase() === 'opus') return 2;
  return codec.channels === undefined || codec.channels === 1 ? undefined : codec.channels;
}
