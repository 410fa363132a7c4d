/**
 * What an offer and its answer agree on, m-line by m-line (RFC 3264 §7, §8.3), seen from our side. The codec is the first
 * format of the answer that carries media and that the offer knows, so that an answer which lists rtx or red first, or a
 * format nobody understands, still works.
 */
import { isUsable, sharesTransport } from './answer.ts';
import { type CodecParameters, canonicalName, type Direction, isMediaCodec } from './codecs.ts';
import type { Format, MediaDescription, SessionDescription } from './description.ts';
import { findFec } from './fec.ts';
import { agreeOnH264, type H264Role } from './h264-profile.ts';
import {
  ABS_CAPTURE_TIME_URI,
  ABS_SEND_TIME_URI,
  intersect,
  MID_URI,
  NTP_64_URI,
  PLAYOUT_DELAY_URI,
  REPAIRED_RID_URI,
  RID_URI,
  receives,
  sends,
  TRANSPORT_CC_URI,
} from './local-media.ts';
import { bestMatch } from './match.ts';
import { agreeOnRids } from './simulcast.ts';

/** A stream the peer announced with `a=ssrc` lines. */
export interface RemoteSource {
  readonly ssrc: number;
  readonly rtxSsrc?: number;
  readonly cname?: string;
  /** MediaStream id. */
  readonly streamId?: string;
}

/** Ids of the header extensions both sides agreed on. */
export interface NegotiatedExtensions {
  readonly transportCc?: number;
  readonly absSendTime?: number;
  readonly playoutDelay?: number;
  readonly absCaptureTime?: number;
  readonly ntp64?: number;
  readonly mid?: number;
  readonly rid?: number;
  readonly repairedRid?: number;
}

export interface MediaAgreement {
  /** False when the m-line was rejected or nothing in it is common. */
  readonly accepted: boolean;
  /** Seen from here. */
  readonly direction: Direction;
  /** The codec to send or receive; undefined when there is none in common. */
  readonly codec: CodecParameters | undefined;
  /** All codecs in common, the answer's order. */
  readonly codecs: readonly CodecParameters[];
  readonly extensions: NegotiatedExtensions;
  readonly remoteSources: readonly RemoteSource[];
  /** Names of the encodings to send at once, the largest first; none: one encoding without a name. */
  readonly rids: readonly string[];
  /** What the peer says of the clock of its timestamps. */
  readonly remoteClock?: MediaDescription['clock'];
}

const REJECTED: MediaAgreement = {
  accepted: false,
  direction: 'inactive',
  codec: undefined,
  codecs: [],
  extensions: {},
  remoteSources: [],
  rids: [],
};

/** Agreement on each m-line. `current` holds the codecs in use, which are kept while the answer still lists them. */
export function negotiate(
  local: SessionDescription,
  remote: SessionDescription,
  answer: 'local' | 'remote',
  current: readonly (CodecParameters | undefined)[] = [],
): MediaAgreement[] {
  const answered = answer === 'local' ? local : remote;
  const first = answered.media.find(isUsable);
  return local.media.map((ours, index) => {
    const theirs = remote.media[index];
    const answering = answered.media[index];
    if (!theirs || !answering || !first || !isUsable(answering) || !sharesTransport(answered, first, answering)) return REJECTED;
    if (ours.kind !== theirs.kind) return REJECTED;
    if (ours.kind === 'application') return { ...REJECTED, accepted: true, direction: 'sendrecv' };
    return negotiateMedia(ours, theirs, answer, current[index]);
  });
}

function negotiateMedia(
  ours: MediaDescription,
  theirs: MediaDescription,
  answer: 'local' | 'remote',
  current: CodecParameters | undefined,
): MediaAgreement {
  const direction = intersect(ours.direction, theirs.direction);
  const codecs = commonCodecs(ours, theirs, answer, direction);
  const codec = codecs.find((c) => current && c.payloadType === current.payloadType && c.name === current.name) ?? codecs[0];
  if (!codec) return REJECTED;
  const extensions = commonExtensions(ours, theirs);
  return {
    accepted: true,
    direction,
    codec,
    codecs,
    extensions,
    remoteSources: remoteSources(theirs),
    rids: sends(direction) ? agreeOnRids(ours, theirs, extensions.rid) : [],
    ...(theirs.clock ? { remoteClock: theirs.clock } : {}),
  };
}

function commonCodecs(
  ours: MediaDescription,
  theirs: MediaDescription,
  answer: 'local' | 'remote',
  direction: Direction,
): CodecParameters[] {
  const listed = answer === 'local' ? ours : theirs;
  const offered = answer === 'local' ? theirs : ours;
  const offeredMedia = offered.formats.filter((format) => isMediaCodec(format.name));
  const codecs: CodecParameters[] = [];
  for (const format of listed.formats) {
    if (!isMediaCodec(format.name)) continue;
    const counterpart = findCounterpart(format, offeredMedia, answer, direction);
    if (!counterpart) continue;
    const [local, remote] = answer === 'local' ? [format, counterpart] : [counterpart, format];
    // Each side names the numbers it wants to receive (RFC 3264 §5.1): we send under the peer's and receive under ours.
    const numbering = sends(direction) ? { section: theirs, format: remote } : { section: ours, format: local };
    const rtx = rtxOf(ours, local) !== undefined && rtxOf(theirs, remote) !== undefined;
    const rtxPayloadType = rtx ? rtxOf(numbering.section, numbering.format) : undefined;
    codecs.push({
      name: canonicalName(local.name),
      payloadType: numbering.format.payloadType,
      clockRate: local.clockRate,
      ...(local.channels === undefined ? {} : { channels: local.channels }),
      fmtp: remote.fmtp,
      ...(local.name.toLowerCase() === 'h264'
        ? { h264: agreeOnH264(local.fmtp, remote.fmtp, answer === 'local' ? remote.fmtp : local.fmtp) }
        : {}),
      rtcpFeedback: local.rtcpFeedback.filter((feedback) => remote.rtcpFeedback.includes(feedback)),
      ...(rtxPayloadType === undefined ? {} : { rtxPayloadType }),
      ...commonFec({ listed, offered, numbered: numbering.section }, format, counterpart),
    });
  }
  return codecs;
}

function findCounterpart(
  format: Format,
  offered: readonly Format[],
  answer: 'local' | 'remote',
  direction: Direction,
): Format | undefined {
  const sameNumber = offered.find((f) => f.payloadType === format.payloadType);
  if (sameNumber && sameNumber.name.toLowerCase() === format.name.toLowerCase()) {
    // A number keeps its meaning between offer and answer. That also covers peers whose answer leaves out the fmtp, or
    // carries an H.264 profile spelt otherwise; a packetization mode we do not produce is the one thing to refuse.
    const mode = format.fmtp['packetization-mode'];
    if (mode === undefined || mode === (sameNumber.fmtp['packetization-mode'] ?? '0')) return sameNumber;
    return undefined;
  }
  const send: H264Role = receives(direction) ? 'both' : 'send';
  const role: H264Role = sends(direction) ? send : 'receive';
  const mirrored: Record<H264Role, H264Role> = { send: 'receive', receive: 'send', both: 'both' };
  return bestMatch(format, offered, answer === 'local' ? role : mirrored[role]);
}

function rtxOf(section: MediaDescription, format: Format): number | undefined {
  return section.formats.find((f) => f.name.toLowerCase() === 'rtx' && f.fmtp.apt === String(format.payloadType))?.payloadType;
}

/** The first RED, and ULPFEC, of the answer that the offer has too, and the rtx of RED. */
function commonFec(
  sections: { readonly listed: MediaDescription; readonly offered: MediaDescription; readonly numbered: MediaDescription },
  answeredCodec: Format,
  offeredCodec: Format,
): Pick<CodecParameters, 'redPayloadType' | 'ulpfecPayloadType' | 'redRtxPayloadType'> {
  const { listed, offered, numbered } = sections;
  const kind = listed.kind === 'video' ? 'video' : 'audio';
  const answer = findFec(kind, listed.formats, answeredCodec);
  const offer = findFec(kind, offered.formats, offeredCodec);
  if (!answer || !offer) return {};
  // An offer may have one RED for each codec: a number that the answer repeats says which one it means.
  const inOffer = (format: Format, first: Format): Format =>
    offered.formats.find((f) => f.payloadType === format.payloadType && f.name.toLowerCase() === first.name.toLowerCase()) ??
    first;
  const offeredRed = inOffer(answer.red, offer.red);
  const red = numbered === listed ? answer.red : offeredRed;
  const redRtx = rtxOf(listed, answer.red) !== undefined && rtxOf(offered, offeredRed) !== undefined;
  const redRtxPayloadType = redRtx ? rtxOf(numbered, red) : undefined;
  const ulpfec = answer.ulpfec && offer.ulpfec && (numbered === listed ? answer.ulpfec : inOffer(answer.ulpfec, offer.ulpfec));
  return {
    redPayloadType: red.payloadType,
    ...(ulpfec ? { ulpfecPayloadType: ulpfec.payloadType } : {}),
    ...(redRtxPayloadType === undefined ? {} : { redRtxPayloadType }),
  };
}

function commonExtensions(ours: MediaDescription, theirs: MediaDescription): NegotiatedExtensions {
  // The offer's id is used in both directions (RFC 8285 §6); an answer repeats it, so either section may be asked.
  const id = (uri: string): number | undefined =>
    ours.extensions.some((e) => e.uri === uri) ? theirs.extensions.find((e) => e.uri === uri)?.id : undefined;
  const ids = {
    transportCc: id(TRANSPORT_CC_URI),
    absSendTime: id(ABS_SEND_TIME_URI),
    playoutDelay: id(PLAYOUT_DELAY_URI),
    absCaptureTime: id(ABS_CAPTURE_TIME_URI),
    ntp64: id(NTP_64_URI),
    mid: id(MID_URI),
    rid: id(RID_URI),
    repairedRid: id(REPAIRED_RID_URI),
  };
  return Object.fromEntries(Object.entries(ids).filter(([, value]) => value !== undefined));
}

function remoteSources(theirs: MediaDescription): RemoteSource[] {
  const repairs = new Map<number, number>();
  const secondary = new Set<number>();
  for (const { semantics, ssrcs } of theirs.sourceGroups) {
    if (semantics === 'FID' && ssrcs.length === 2) repairs.set(ssrcs[0]!, ssrcs[1]!);
    if (semantics === 'FID' || semantics === 'FEC' || semantics === 'FEC-FR') for (const s of ssrcs.slice(1)) secondary.add(s);
  }
  return theirs.sources
    .filter(({ ssrc }) => !secondary.has(ssrc))
    .map(({ ssrc, cname, msid }) => {
      const rtxSsrc = repairs.get(ssrc);
      const streamId = msid?.stream ?? theirs.msid?.stream;
      return {
        ssrc,
        ...(rtxSsrc === undefined ? {} : { rtxSsrc }),
        ...(cname === undefined ? {} : { cname }),
        ...(streamId === undefined ? {} : { streamId }),
      };
    });
}
