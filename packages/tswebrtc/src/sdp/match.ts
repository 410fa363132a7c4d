/**
 * Whether two formats are the same codec (RFC 3264 §6.1; RFC 6184 §8.2.2 for H.264, RFC 9628 §6 for VP9, RFC 7798 §7 for
 * H.265). Payload types say nothing about that: either side numbers as it likes.
 */
import { readOpusMapping, sameOpusStreams } from '../rtp/opus-mapping.ts';
import { rtpmapChannels } from './codecs.ts';
import { type H264Role, h264Distance } from './h264-profile.ts';

interface Comparable {
  readonly name: string;
  readonly clockRate: number;
  readonly channels?: number;
  readonly fmtp: Readonly<Record<string, string>>;
}

/** Parameters that are part of a codec's identity, with their defaults. */
const IDENTITY: Readonly<Record<string, readonly (readonly [parameter: string, byDefault: string])[]>> = {
  vp9: [['profile-id', '0']],
  av1: [['profile', '0']],
  h265: [['profile-id', '1']],
};

/**
 * How well `remote` fits `local`: 0 = the same codec, greater = usable but less wanted, undefined = another codec.
 * `role` says what we do with it.
 */
export function codecDistance(local: Comparable, remote: Comparable, role: H264Role): number | undefined {
  const name = local.name.toLowerCase();
  if (name !== remote.name.toLowerCase() || local.clockRate !== remote.clockRate) return undefined;
  if (rtpmapChannels(local) !== rtpmapChannels(remote)) return undefined;
  if (name === 'h264') return h264Distance(local.fmtp, remote.fmtp, role);
  if (name === 'multiopus' && !sameChannels(local, remote, role)) return undefined;
  for (const [parameter, byDefault] of IDENTITY[name] ?? []) {
    if ((local.fmtp[parameter] ?? byDefault) !== (remote.fmtp[parameter] ?? byDefault)) return undefined;
  }
  return 0;
}

/** Who sends makes one kind of packet; who receives follows any description that makes sense. */
function sameChannels(local: Comparable, remote: Comparable, role: H264Role): boolean {
  const ours = readOpusMapping(local.channels ?? 1, local.fmtp);
  const theirs = readOpusMapping(remote.channels ?? 1, remote.fmtp);
  return ours !== undefined && theirs !== undefined && (role === 'receive' || sameOpusStreams(ours, theirs));
}

/** The one of `candidates` that fits `local` best, the first of equals. */
export function bestMatch<T extends Comparable>(local: Comparable, candidates: readonly T[], role: H264Role): T | undefined {
  let best: T | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const distance = codecDistance(local, candidate, role);
    if (distance === undefined || distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}
