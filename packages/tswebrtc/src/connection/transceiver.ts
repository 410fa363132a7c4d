/**
 * One audio or video m-line of a connection and what was negotiated for it (RFC 8829 §4.1.1): the W3C's RTCRtpTransceiver
 * without tracks, because what is sent or received are encoded frames.
 */
import type { CodecParameters, CodecPreference, Direction, MediaKind } from '../sdp/codecs.ts';
import type { RtpSender } from './rtp-sender.ts';
import type { TransceiverInit } from './types.ts';

/** A stream the peer announced with `a=ssrc` lines. */
export interface RemoteSource {
  readonly ssrc: number;
  readonly rtxSsrc?: number;
  readonly cname?: string;
}

/** Ids of the header extensions both sides agreed on. */
export interface NegotiatedExtensions {
  readonly transportCc?: number;
  readonly absSendTime?: number;
}

export class Transceiver {
  readonly kind: MediaKind;
  readonly codecs: readonly CodecPreference[];
  readonly retransmission: boolean;
  readonly transportCc: boolean;
  readonly streamId: string | undefined;
  /** Set unless the transceiver only receives. */
  readonly sender: RtpSender | undefined;
  /** What we want; takes effect at the next offer or answer. */
  direction: Direction;
  /** From the first `createOffer` or answered offer on. */
  mid: string | undefined;
  /** What was agreed, seen from here; undefined before the first negotiation. */
  currentDirection: Direction | undefined;
  /** The codec to send or receive, undefined when nothing was agreed. */
  codec: CodecParameters | undefined;
  extensions: NegotiatedExtensions = {};
  /** Streams the peer announced. */
  remoteSources: readonly RemoteSource[] = [];

  constructor(init: TransceiverInit, sender: RtpSender | undefined) {
    this.kind = init.kind;
    this.codecs = init.codecs;
    this.retransmission = init.retransmission ?? init.kind === 'video';
    this.transportCc = init.transportCc ?? true;
    this.streamId = init.streamId;
    this.sender = sender;
    this.direction = init.direction;
  }
}
