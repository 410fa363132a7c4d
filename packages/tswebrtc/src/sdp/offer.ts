/**
 * Makes offers as the GStreamer family does (reference A.1, A.2; JSEP, RFC 8829 §5.2): everything bundled on the first m-line,
 * whose port alone is 9; candidates follow by trickle. A re-offer keeps every m-line in its place, with its mid, credentials
 * and setup.
 */
import { type CodecPreference, canonicalName, defaultFmtp, rtpmapChannels } from './codecs.ts';
import type { Format, MediaDescription, SessionDescription } from './description.ts';
import {
  ABS_CAPTURE_TIME_URI,
  describeSources,
  type LocalMedia,
  type LocalTransport,
  localFeedback,
  MAX_MESSAGE_SIZE,
  NAMING_URIS,
  NTP_64_URI,
  PLAYOUT_DELAY_URI,
  SCTP_PORT,
  sends,
  TRANSPORT_CC_URI,
} from './local-media.ts';
import type { PayloadTypes, RepairFormat } from './payload-types.ts';
import { emptyMedia } from './read.ts';
import { describeSimulcast, ridsFor } from './simulcast.ts';

export type OfferSection =
  | { readonly type: 'media'; readonly media: LocalMedia }
  | { readonly type: 'application'; readonly mid: string }
  /** An m-line that was rejected once, or that we cannot use: keeps its place with port 0. */
  | { readonly type: 'dead'; readonly description: MediaDescription };

export interface OfferOptions {
  readonly sessionId: string;
  readonly sessionVersion: string;
  readonly transport: LocalTransport;
  readonly sections: readonly OfferSection[];
  readonly payloadTypes: PayloadTypes;
  /** Our description in force, for re-offers. */
  readonly previous?: SessionDescription;
}

export function createOffer(options: OfferOptions): SessionDescription {
  const { sections, payloadTypes } = options;
  // All media numbers are taken before the first repair format gets one, video's before audio's.
  for (const secondary of [false, true]) {
    for (const kind of ['video', 'audio'] as const) {
      for (const section of sections) {
        if (section.type !== 'media' || section.media.kind !== kind) continue;
        const codecs = offered(section.media).filter((codec) => (codec.secondary ?? false) === secondary);
        for (const codec of codecs) payloadTypes.media(codec);
      }
    }
  }
  const bundle: string[] = [];
  const media = sections.map((section, index) => {
    if (section.type === 'dead') return deadSection(section.description);
    const previous = options.previous?.media[index];
    const description =
      section.type === 'media' ? mediaSection(section.media, payloadTypes, previous) : applicationSection(section.mid);
    const first = bundle.length === 0;
    bundle.push(description.mid!);
    description.port = first ? 9 : 0;
    description.bundleOnly = !first;
    description.setup = previous?.setup ?? 'actpass';
    description.usernameFragment = options.transport.usernameFragment;
    description.password = options.transport.password;
    description.fingerprints = [...options.transport.fingerprints];
    description.rtcpMuxOnly = section.type === 'media' && previous === undefined;
    return description;
  });
  return {
    sessionId: options.sessionId,
    sessionVersion: options.sessionVersion,
    iceLite: false,
    iceOptions: ['trickle'],
    bundle,
    media,
  };
}

const offered = ({ codecs }: LocalMedia): readonly CodecPreference[] => codecs.filter(({ onlyAnswer }) => !onlyAnswer);

/**
 * `previous`: the section as it is in force. What was agreed for a stream that runs is offered again under the same numbers, also
 * where they were the peer's (RFC 8829 §5.2.2): under others it would have to begin anew.
 */
function mediaSection(media: LocalMedia, payloadTypes: PayloadTypes, previous?: MediaDescription): MediaDescription {
  if (previous && previous.formats.length > 0) {
    const withRtx = previous.formats.some(({ name }) => name.toLowerCase() === 'rtx');
    return {
      ...previous,
      direction: media.direction,
      candidates: [],
      endOfCandidates: false,
      ...describeSources(media, withRtx),
      ...(sends(media.direction) ? {} : describeSimulcast([])),
    };
  }
  const formats: Format[] = [];
  const rtcpFeedback = localFeedback(media.kind, media.retransmission, media.transportCc);
  for (const codec of offered(media)) {
    const payloadType = payloadTypes.media(codec);
    if (payloadType === undefined || formats.some((f) => f.payloadType === payloadType)) continue;
    formats.push(mediaFormat(codec, payloadType, rtcpFeedback));
  }
  const repairs = formats.flatMap((format) => repairFormats(media, format, payloadTypes));
  const all = [...formats, ...repairs];
  const rids = sends(media.direction) ? ridsFor(media.simulcast ?? 1) : [];
  return {
    ...emptyMedia(
      media.kind,
      9,
      'UDP/TLS/RTP/SAVPF',
      all.map((f) => String(f.payloadType)),
    ),
    mid: media.mid,
    direction: media.direction,
    rtcpMux: true,
    rtcpReducedSize: true,
    formats: all,
    extensions: [
      ...(media.transportCc ? [{ id: 1, uri: TRANSPORT_CC_URI }] : []),
      // 2 is the original's colour space.
      ...(media.playoutDelay ? [{ id: 3, uri: PLAYOUT_DELAY_URI }] : []),
      ...(media.captureTime ? [{ id: 4, uri: ABS_CAPTURE_TIME_URI }] : []),
      ...(media.ntp64 ? [{ id: 8, uri: NTP_64_URI }] : []),
      ...(rids.length > 0 ? NAMING_URIS.map((uri, index) => ({ id: 5 + index, uri })) : []),
    ],
    ...(media.clock && sends(media.direction) ? { clock: media.clock } : {}),
    ...describeSimulcast(rids),
    ...describeSources(
      media,
      repairs.some((format) => format.name === 'rtx'),
    ),
  };
}

/** What repairs one codec, in the order of its numbers (reference A.2). Audio has no FEC of its own in the original's offers. */
function repairFormats(media: LocalMedia, { payloadType: of, clockRate }: Format, payloadTypes: PayloadTypes): Format[] {
  const formats: Format[] = [];
  const add = (name: RepairFormat, to: number, fmtp: Record<string, string> = {}): number | undefined => {
    const payloadType = payloadTypes.repair(name, to);
    if (payloadType !== undefined) formats.push({ payloadType, name, clockRate, fmtp, rtcpFeedback: [] });
    return payloadType;
  };
  const fec = media.fec === true && media.kind === 'video';
  const red = fec ? add('red', of) : undefined;
  if (fec) add('ulpfec', of);
  if (media.retransmission) add('rtx', of, { apt: String(of) });
  // Chromium asks for lost packets of RED too, and needs an rtx of RED's own to take the answer.
  if (media.retransmission && red !== undefined) add('rtx', red, { apt: String(red) });
  return formats;
}

function mediaFormat(codec: CodecPreference, payloadType: number, rtcpFeedback: readonly string[]): Format {
  const channels = rtpmapChannels(codec);
  return {
    payloadType,
    name: canonicalName(codec.name),
    clockRate: codec.clockRate,
    ...(channels === undefined ? {} : { channels }),
    fmtp: { ...defaultFmtp(codec) },
    rtcpFeedback: [...rtcpFeedback],
  };
}

export function applicationSection(mid: string): MediaDescription {
  return {
    ...emptyMedia('application', 9, 'UDP/DTLS/SCTP', ['webrtc-datachannel']),
    mid,
    sctpPort: SCTP_PORT,
    maxMessageSize: MAX_MESSAGE_SIZE,
  };
}

/** A rejected m-line: its formats, so that readers find a whole section, and port 0. */
export function deadSection(original: MediaDescription): MediaDescription {
  return {
    ...emptyMedia(original.kind, 0, original.protocol, original.formatList),
    mid: original.mid,
    direction: 'inactive',
    formats: original.formats.map((format) => ({ ...format, rtcpFeedback: [] })),
    sctpPort: original.sctpPort,
  };
}
