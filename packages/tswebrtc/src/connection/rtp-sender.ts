/**
 * The sending half of a transceiver: owns the SSRCs announced for it and, from the first negotiation that gives it a codec,
 * the `OutboundStream` that numbers, remembers and repeats its packets. Feedback of the peer about its SSRCs ends here.
 */
import { randomBytes } from 'node:crypto';
import { Emitter } from '../common/emitter.ts';
import { OutboundStream, type OutboundStreamOptions } from '../rtp/outbound-stream.ts';
import type { FullIntraRequest, ReportBlock, SenderReport } from '../rtp/rtcp/types.ts';
import type { CodecParameters, MediaKind } from '../sdp/codecs.ts';
import type { NegotiatedExtensions } from '../sdp/negotiate.ts';
import type { TransceiverInit } from './types.ts';

export type RtpSenderEvents = {
  /** The peer cannot go on without a keyframe. */
  'keyframe-request': [kind: 'pli' | 'fir'];
  /** Packets wait to be sent again: `sender.stream.pendingRetransmissions` > 0. */
  'retransmission-request': [];
};

/** How packets are made, whatever is negotiated. */
export type SendingInit = Pick<TransceiverInit, 'advisedDelay' | 'clock' | 'mtu' | 'seqnumOffset' | 'timestampOffset'>;

/** A random SSRC that is not 0 (RFC 3550 §8.1). */
export function randomSsrc(): number {
  return randomBytes(4).readUInt32BE() || 1;
}

export class RtpSender extends Emitter<RtpSenderEvents> {
  readonly kind: MediaKind;
  #ssrc: number;
  readonly #init: SendingInit;
  #rtxSsrc: number | undefined;
  #codec: CodecParameters | undefined;
  #stream: OutboundStream | undefined;
  #rid: string | undefined;
  /** What the stream was made for, to see whether a later negotiation changes it. */
  #configuration = '';
  #active = false;
  #stopped = false;
  /** `performance.now()` of the last sender report; undefined before the first. */
  #lastReport: number | undefined;

  constructor(kind: MediaKind, retransmission: boolean, init: SendingInit = {}) {
    super();
    this.kind = kind;
    this.#ssrc = randomSsrc();
    this.#init = init;
    this.#rtxSsrc = retransmission ? randomSsrc() : undefined;
  }

  get ssrc(): number {
    return this.#ssrc;
  }

  /** SSRC of the retransmission stream, where retransmission was asked for. */
  get rtxSsrc(): number | undefined {
    return this.#rtxSsrc;
  }

  /** What the peer takes, from the first negotiation on. */
  get codec(): CodecParameters | undefined {
    return this.#codec;
  }

  /** Where frames go: exists once a codec is negotiated. Replaced when a later negotiation changes the codec. */
  get stream(): OutboundStream | undefined {
    return this.#stream;
  }

  /** Whether the peer agreed to receive. */
  get active(): boolean {
    return this.#active;
  }

  /** Name of the encoding where it is one of several. */
  get rid(): string | undefined {
    return this.#rid;
  }

  /**
   * Takes the outcome of a negotiation. A stream whose parameters did not change runs on untouched. `encoding`: which it is, of
   * several of its m-line.
   */
  configure(
    codec: CodecParameters | undefined,
    extensions: NegotiatedExtensions,
    active: boolean,
    encoding?: { readonly mid: string; readonly rid: string },
  ): void {
    if (this.#stopped) return;
    this.#active = active && codec !== undefined;
    if (!codec || !active) return;
    this.#codec = codec;
    this.#rid = encoding?.rid;
    const { payloadType, clockRate, rtxPayloadType, name } = codec;
    const congestionControlFeedback = codec.rtcpFeedback.includes('ack ccfb');
    const { redPayloadType, ulpfecPayloadType, redRtxPayloadType } = codec;
    const configuration = JSON.stringify([
      [name, payloadType, clockRate, rtxPayloadType, extensions, congestionControlFeedback],
      [redPayloadType, ulpfecPayloadType, redRtxPayloadType, encoding],
    ]);
    if (configuration === this.#configuration) return;
    this.#configuration = configuration;
    const { advisedDelay, clock, mtu, ...offsets } = this.#init;
    const { seqnumOffset, timestampOffset } = this.#stream ? {} : offsets;
    // A new stream counts its packets from the start, and SRTP must never see one SSRC count twice (RFC 3711 §9.1).
    if (this.#stream) {
      this.#ssrc = randomSsrc();
      if (this.#rtxSsrc !== undefined) this.#rtxSsrc = randomSsrc();
      this.#lastReport = undefined;
    }
    const random = randomBytes(10);
    this.#stream = new OutboundStream({
      ssrc: this.#ssrc,
      payloadType,
      clockRate,
      ...(this.#rtxSsrc !== undefined && rtxPayloadType !== undefined ? { rtxSsrc: this.#rtxSsrc, rtxPayloadType } : {}),
      ...(redPayloadType === undefined ? {} : { redPayloadType }),
      ...(ulpfecPayloadType === undefined ? {} : { ulpfecPayloadType }),
      ...(redRtxPayloadType === undefined ? {} : { redRtxPayloadType }),
      extensions,
      names: encoding && namesOf(encoding, extensions),
      ...(advisedDelay === undefined ? {} : { playoutDelay: advisedDelay }),
      ...(mtu === undefined ? {} : { mtu }),
      congestionControlFeedback,
      initialSequenceNumber: seqnumOffset ?? random.readUInt16BE(0) & 0x7fff,
      initialRtxSequenceNumber: random.readUInt16BE(2) & 0x7fff,
      timestampOffset: timestampOffset ?? random.readUInt32BE(4),
      ...(clock?.epoch === undefined ? {} : { timestampEpoch: clock.epoch }),
      initialPictureId: random.readUInt16BE(8) & 0x7fff,
    });
  }

  /** `now` in ms of `performance.now()`, `roundTripTime` in ms. */
  handleNack(sequenceNumbers: readonly number[], now: number, roundTripTime: number | undefined): void {
    const stream = this.#stream;
    if (!stream) return;
    stream.handleNack(sequenceNumbers, now, roundTripTime);
    if (stream.pendingRetransmissions > 0) this.emit('retransmission-request');
  }

  handlePictureLoss(): void {
    this.#stream?.handlePli();
    if (this.#active) this.emit('keyframe-request', 'pli');
  }

  handleFullIntraRequest(request: FullIntraRequest): void {
    for (const { ssrc, commandSequenceNumber } of request.requests) {
      if (ssrc === this.#ssrc && this.#stream?.handleFir(commandSequenceNumber) && this.#active) {
        this.emit('keyframe-request', 'fir');
      }
    }
  }

  handleReportBlock(block: ReportBlock, now: number): void {
    this.#stream?.handleReportBlock(block, now);
  }

  /**
   * A sender report when one is due: as soon as the first frame was sent, then every `interval` ms. `now` in ms of
   * `performance.now()`, `wallTime` in ms since the Unix epoch.
   */
  dueReport(now: number, wallTime: number, interval: number): SenderReport | undefined {
    if (!this.#active || !this.#stream) return undefined;
    if (this.#lastReport !== undefined && now - this.#lastReport < interval) return undefined;
    const report = this.#stream.senderReport(now, wallTime);
    if (report) this.#lastReport = now;
    return report;
  }

  /** Whether a first report has still to be sent. */
  get awaitsFirstReport(): boolean {
    return this.#active && this.#lastReport === undefined;
  }

  /** Sends nothing more, whatever is negotiated. Idempotent. */
  stop(): void {
    this.#stopped = true;
    this.#stream = undefined;
    this.close();
  }

  /** Frees what the sender holds. Idempotent. */
  close(): void {
    this.#active = false;
    this.removeAllListeners();
  }
}

function namesOf(
  { mid, rid }: { readonly mid: string; readonly rid: string },
  extensions: NegotiatedExtensions,
): OutboundStreamOptions['names'] {
  const line = { id: extensions.mid, text: mid };
  return {
    media: [{ id: extensions.rid, text: rid }, line],
    retransmissions: [{ id: extensions.repairedRid, text: rid }, line],
  };
}
