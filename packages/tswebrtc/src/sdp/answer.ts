/**
 * Answers an offer (reference A.3; RFC 3264 §6, RFC 8829 §5.3): per m-line the codecs both know in our order, under the offer's
 * numbers, with the offer's rtx where we retransmit and its RED and ULPFEC where we do FEC; what nothing answers is rejected
 * with port 0.
 */
import { opusMappingParameters, readOpusMapping } from '../rtp/opus-mapping.ts';
import { canonicalName, defaultFmtp, isMediaCodec } from './codecs.ts';
import type { Format, MediaDescription, SessionDescription, Setup } from './description.ts';
import { findFec } from './fec.ts';
import { answerProfileLevelId, type H264Role } from './h264-profile.ts';
import {
  ABS_CAPTURE_TIME_URI,
  acceptedFeedback,
  describeSources,
  intersect,
  type LocalMedia,
  type LocalTransport,
  MAX_MESSAGE_SIZE,
  NAMING_URIS,
  NTP_64_URI,
  PLAYOUT_DELAY_URI,
  receives,
  SCTP_PORT,
  sends,
  TRANSPORT_CC_URI,
} from './local-media.ts';
import { bestMatch } from './match.ts';
import { deadSection } from './offer.ts';
import { emptyMedia } from './read.ts';
import { answerRids, describeSimulcast } from './simulcast.ts';

export interface AnswerOptions {
  readonly offer: SessionDescription;
  readonly transport: LocalTransport;
  /** What we answer each m-line of the offer with, by index; undefined rejects it. */
  readonly sections: readonly (LocalMedia | 'application' | undefined)[];
  /** Role already taken by an earlier negotiation. Default: `active` unless the offer wants that itself. */
  readonly setup?: 'active' | 'passive';
}

export function createAnswer(options: AnswerOptions): SessionDescription {
  const { offer, sections } = options;
  const bundle: string[] = [];
  let first: MediaDescription | undefined;
  const media = offer.media.map((offered, index) => {
    const local = sections[index];
    const usable = local !== undefined && isUsable(offered) && (first === undefined || sharesTransport(offer, first, offered));
    const section = usable ? answerSection(offered, local) : undefined;
    if (!section) return deadSection(offered);
    first ??= offered;
    if (offered.mid !== undefined) bundle.push(offered.mid);
    section.setup = options.setup ?? answerSetup(offered.setup);
    section.usernameFragment = options.transport.usernameFragment;
    section.password = options.transport.password;
    section.fingerprints = [...options.transport.fingerprints];
    return section;
  });
  return {
    sessionId: offer.sessionId,
    sessionVersion: offer.sessionVersion,
    iceLite: false,
    iceOptions: offer.iceOptions.includes('trickle') ? ['trickle'] : [],
    bundle: offer.bundle.length > 0 ? bundle.filter((mid) => offer.bundle.includes(mid)) : [],
    media,
  };
}

/** Whether an m-line may be answered at all: not rejected, and a protocol we speak. */
export function isUsable(media: MediaDescription): boolean {
  if (media.port === 0 && !media.bundleOnly) return false;
  return media.kind === 'application'
    ? /^(UDP|TCP)?\/?DTLS\/SCTP$/.test(media.protocol) && isDataChannel(media)
    : /(^|\/)RTP\/S?AVPF?$/.test(media.protocol);
}

/** `webrtc-datachannel`, or the number of the sctpmap of old drafts. */
function isDataChannel(media: MediaDescription): boolean {
  return media.formatList.includes('webrtc-datachannel') || media.protocol === 'DTLS/SCTP';
}

/** Whether two m-lines run over one transport: in the BUNDLE group, or with the same credentials. */
export function sharesTransport(session: SessionDescription, first: MediaDescription, other: MediaDescription): boolean {
  if (first === other) return true;
  const grouped = (media: MediaDescription): boolean => media.mid !== undefined && session.bundle.includes(media.mid);
  if (grouped(first) && grouped(other)) return true;
  return (
    first.usernameFragment !== undefined && first.usernameFragment === other.usernameFragment && first.password === other.password
  );
}

/** RFC 5763 §5: the answerer should be active, so that the handshake begins with the answer. */
function answerSetup(offered: Setup | undefined): 'active' | 'passive' {
  return offered === 'active' ? 'passive' : 'active';
}

/** What a direction asks of a codec. */
function codecRole(local: LocalMedia): H264Role {
  if (sends(local.direction)) return receives(local.direction) ? 'both' : 'send';
  return 'receive';
}

function answerSection(offered: MediaDescription, local: LocalMedia | 'application'): MediaDescription | undefined {
  if (local === 'application') {
    if (offered.kind !== 'application') return undefined;
    return {
      ...emptyMedia(offered.kind, 9, offered.protocol, offered.formatList),
      mid: offered.mid,
      sctpPort: SCTP_PORT,
      maxMessageSize: MAX_MESSAGE_SIZE,
    };
  }
  if (offered.kind !== local.kind) return undefined;
  const direction = intersect(local.direction, offered.direction);
  const idle = offered.direction === 'inactive' || local.direction === 'inactive';
  if (direction === 'inactive' && !idle) return undefined;

  const formats = commonFormats(offered, local);
  if (formats.length === 0) return undefined;
  const fec = local.fec ? offeredFec(offered, formats) : [];
  const rtx = local.retransmission ? offeredRtx(offered, [...formats, ...fec.filter((format) => format.name === 'red')]) : [];
  // RED for Opus stands behind Opus; for video behind all that carries media, as the original has it.
  const all = [...formats, ...fec, ...rtx];
  const rids = sends(direction) ? answerRids(offered, local.simulcast ?? 1) : [];
  // What is named in an answer may be sent both ways: names of m-lines and encodings are for who only receives, or sends several.
  const wanted = [
    ...(local.transportCc ? [TRANSPORT_CC_URI] : []),
    ...(local.playoutDelay ? [PLAYOUT_DELAY_URI] : []),
    ...(local.captureTime ? [ABS_CAPTURE_TIME_URI] : []),
    ...(local.ntp64 ? [NTP_64_URI] : []),
    ...(codecRole({ ...local, direction }) === 'receive' || rids.length > 0 ? NAMING_URIS : []),
  ];
  return {
    ...emptyMedia(
      offered.kind,
      9,
      offered.protocol,
      all.map((f) => String(f.payloadType)),
    ),
    mid: offered.mid,
    direction,
    rtcpMux: offered.rtcpMux,
    formats: all,
    extensions: offered.extensions.filter(({ uri }) => wanted.includes(uri)).map(({ id, uri }) => ({ id, uri })),
    ...(local.clock && sends(direction) ? { clock: local.clock } : {}),
    ...describeSources({ ...local, direction }, rtx.length > 0),
    ...describeSimulcast(rids),
  };
}

/** One offered format for each of our codecs, in our order. */
function commonFormats(offered: MediaDescription, local: LocalMedia): Format[] {
  const candidates = offered.formats.filter((format) => isMediaCodec(format.name));
  const transportCc = offered.extensions.some(({ uri }) => uri === TRANSPORT_CC_URI);
  const formats: Format[] = [];
  for (const codec of local.codecs) {
    const fmtp = defaultFmtp(codec);
    const match = bestMatch({ ...codec, fmtp }, candidates, codecRole(local));
    if (!match || formats.some((f) => f.payloadType === match.payloadType)) continue;
    formats.push({
      ...match,
      name: canonicalName(match.name),
      fmtp: answerFmtp(match, fmtp, codecRole(local)),
      rtcpFeedback: acceptedFeedback(match.rtcpFeedback, local, transportCc),
    });
  }
  return formats;
}

function answerFmtp(offered: Format, local: Readonly<Record<string, string>>, role: H264Role): Record<string, string> {
  // Who receives decodes the channels as they are laid out in the offer.
  if (offered.name.toLowerCase() === 'multiopus') return { ...local, ...opusMappingOf(offered) };
  if (offered.name.toLowerCase() !== 'h264') return { ...local };
  const { 'packetization-mode': _, ...rest } = local;
  const mode = offered.fmtp['packetization-mode'];
  const asymmetry = offered.fmtp['level-asymmetry-allowed'] === '1' && local['level-asymmetry-allowed'] === '1';
  return {
    ...(mode === undefined ? {} : { 'packetization-mode': mode }),
    ...rest,
    // Where one level holds for both, who only sends has no limit of its own, and keeps to the peer's.
    'profile-level-id': answerProfileLevelId(
      offered.fmtp['profile-level-id'],
      role === 'send' && !asymmetry ? offered.fmtp['profile-level-id'] : local['profile-level-id'],
      asymmetry,
    ),
  };
}

function opusMappingOf({ channels = 1, fmtp }: Format): Record<string, string> {
  const mapping = readOpusMapping(channels, fmtp);
  return mapping ? opusMappingParameters(mapping) : {};
}

function offeredRtx(offered: MediaDescription, formats: readonly Format[]): Format[] {
  return formats.flatMap((format) => {
    const rtx = offered.formats.find((f) => f.name.toLowerCase() === 'rtx' && f.fmtp.apt === String(format.payloadType));
    return rtx ? [{ ...rtx, name: 'rtx', fmtp: { apt: String(format.payloadType) }, rtcpFeedback: [] }] : [];
  });
}

/** One RED and, for video, one ULPFEC of the offer: whatever codec each was offered for, it carries any (RFC 5109 §14). */
function offeredFec(offered: MediaDescription, formats: readonly Format[]): Format[] {
  const kind = offered.kind === 'video' ? 'video' : 'audio';
  const fec = formats.flatMap((format) => findFec(kind, offered.formats, format) ?? []).at(0);
  if (!fec) return [];
  const repeat = ({ payloadType, name, clockRate, channels, fmtp }: Format): Format => ({
    payloadType,
    name: name.toLowerCase(),
    clockRate,
    ...(channels === undefined ? {} : { channels }),
    fmtp: { ...fmtp },
    rtcpFeedback: [],
  });
  return fec.ulpfec ? [repeat(fec.red), repeat(fec.ulpfec)] : [repeat(fec.red)];
}
