/**
 * The sending half of a transceiver: owns the SSRCs announced for it and, from the first negotiation that gives it a codec,
 * the `OutboundStream` that numbers, remembers and repeats its packets. Feedback of the peer about its SSRCs ends here.
 */
import { Emitter } from '../common/emitter.ts';
import type { CodecParameters } from '../sdp/codecs.ts';

export type RtpSenderEvents = {
  /** The peer cannot go on without a keyframe. */
  'keyframe-request': [kind: 'pli' | 'fir'];
  /** Retransmissions are waiting: `sender.stream.pendingRetransmissions` > 0. */
  'retransmission-request': [];
};

export class RtpSender extends Emitter<RtpSenderEvents> {
  readonly kind: 'audio' | 'video';
  readonly ssrc: number;
  readonly rtxSsrc: number | undefined;
  #codec: CodecParameters | undefined;
  #stream: import('../rtp/outbound-stream.ts').OutboundStream | undefined;

  constructor(kind: 'audio' | 'video', ssrc: number, rtxSsrc: number | undefined) {
    super();
    this.kind = kind;
    this.ssrc = ssrc;
    this.rtxSsrc = rtxSsrc;
  }

  /** What the peer takes, from the first negotiation on. */
  get codec(): CodecParameters | undefined {
    return this.#codec;
  }

  /** Where frames go: exists once a codec is negotiated. Replaced when a later negotiation changes the codec. */
  get stream(): import('../rtp/outbound-stream.ts').OutboundStream | undefined {
    return this.#stream;
  }
}
