/** What our side of an offer or answer is made of: the transport shared by all m-lines, and each m-line's wishes. */
import type { CodecPreference, Direction, MediaKind } from './codecs.ts';
import type { Fingerprint, MediaDescription, SourceDescription } from './description.ts';

/** Which m-line a packet is of (RFC 9143 §15), and which of its encodings, or a repair of which (RFC 8852). */
export const MID_URI = 'urn:ietf:params:rtp-hdrext:sdes:mid';
export const RID_URI = 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id';
export const REPAIRED_RID_URI = 'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id';
/** What names a stream that no `a=ssrc` line announces. */
export const NAMING_URIS: readonly string[] = [MID_URI, RID_URI, REPAIRED_RID_URI];
export const TRANSPORT_CC_URI = 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01';
export const ABS_SEND_TIME_URI = 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time';
export const ABS_CAPTURE_TIME_URI = 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time';
/** RFC 6051 §3.3. */
export const NTP_64_URI = 'urn:ietf:params:rtp-hdrext:ntp-64';
export const PLAYOUT_DELAY_URI = 'http://www.webrtc.org/experiments/rtp-hdrext/playout-delay';

/** Largest data channel message that is taken, bytes; without the attribute it would be 64 KiB (RFC 8841 §6). */
export const MAX_MESSAGE_SIZE = 262144;
export const SCTP_PORT = 5000;

export interface LocalTransport {
  readonly usernameFragment: string;
  readonly password: string;
  readonly fingerprints: readonly Fingerprint[];
}

export interface LocalMedia {
  readonly kind: MediaKind;
  readonly mid: string;
  readonly direction: Direction;
  readonly codecs: readonly CodecPreference[];
  /** NACK and rtx. */
  readonly retransmission: boolean;
  /** RED and ULPFEC for video, RED for audio. Default false. */
  readonly fec?: boolean;
  readonly transportCc: boolean;
  /** Whether the receiver is told how long to wait before it shows a frame. Default false. */
  readonly playoutDelay?: boolean;
  /** Whether the receiver is told when frames were captured. Default false. */
  readonly captureTime?: boolean;
  /** Whether the receiver is told of the first packet of each frame what sender reports would tell of it (RFC 6051). Default false. */
  readonly ntp64?: boolean;
  /** What is said of the clock that timestamps are of (RFC 7273). */
  readonly clock?: { readonly reference: string; readonly media: string } | undefined;
  /** How many encodings are sent at once where the peer takes them. Default: one. */
  readonly simulcast?: number;
  readonly streamId: string;
  readonly trackId: string;
  readonly cname: string;
  readonly ssrc?: number;
  readonly rtxSsrc?: number;
}

export const sends = (direction: Direction): boolean => direction === 'sendrecv' || direction === 'sendonly';
export const receives = (direction: Direction): boolean => direction === 'sendrecv' || direction === 'recvonly';

export function makeDirection(send: boolean, receive: boolean): Direction {
  if (send) return receive ? 'sendrecv' : 'sendonly';
  return receive ? 'recvonly' : 'inactive';
}

/** A peer's direction seen from here. */
export function reverse(direction: Direction): Direction {
  return makeDirection(receives(direction), sends(direction));
}

/** What both agree to, seen from here (RFC 3264 §6.1). */
export function intersect(local: Direction, remote: Direction): Direction {
  return makeDirection(sends(local) && receives(remote), receives(local) && sends(remote));
}

/** `a=ssrc` and `a=ssrc-group` of a sending m-line: the primary before its rtx, one FID group (RFC 5576 §4.2). */
export function describeSources(
  media: LocalMedia,
  withRtx: boolean,
): Pick<MediaDescription, 'sources' | 'sourceGroups' | 'msid'> {
  if (media.ssrc === undefined || !sends(media.direction)) return { sources: [], sourceGroups: [], msid: undefined };
  const msid = { stream: media.streamId, track: media.trackId };
  const rtx = withRtx ? media.rtxSsrc : undefined;
  const sources: SourceDescription[] = [{ ssrc: media.ssrc, msid, cname: media.cname }];
  if (rtx === undefined) return { sources, sourceGroups: [], msid };
  sources.push({ ssrc: rtx, msid, cname: media.cname });
  return { sources, sourceGroups: [{ semantics: 'FID', ssrcs: [media.ssrc, rtx] }], msid };
}

/** Feedback we understand about a format (reference A.1). */
export function localFeedback(kind: MediaKind, retransmission: boolean, transportCc: boolean): string[] {
  const feedback: string[] = [];
  if (retransmission) feedback.push('nack');
  if (kind === 'video') feedback.push('nack pli', 'ccm fir');
  if (transportCc) feedback.push('transport-cc');
  if (transportCc && kind === 'video') feedback.push('goog-remb');
  return feedback;
}

/**
 * What we take of the feedback that a peer offers for a format. RFC 8888 (`ack ccfb`) only where it does not offer
 * transport-wide feedback, which tells arrivals more finely, together with its header extension.
 */
export function acceptedFeedback(
  offered: readonly string[],
  { kind, retransmission, transportCc }: LocalMedia,
  extensionOffered: boolean,
): string[] {
  const ours = localFeedback(kind, retransmission, transportCc);
  if (transportCc && !(extensionOffered && offered.includes('transport-cc'))) ours.push('ack ccfb');
  return offered.filter((feedback) => ours.includes(feedback));
}
