/**
 * The receiving half of a transceiver: from the first negotiation that lets the peer send, the `InboundStream` of each of
 * its SSRCs, as they show.
 */
import { Emitter } from '../common/emitter.ts';
import { type InboundFrame, InboundStream, type PayloadFormat } from '../rtp/receive/inbound-stream.ts';
import type { PlayoutBounds } from '../rtp/receive/playout-delay.ts';
import type { CodecParameters, MediaKind } from '../sdp/codecs.ts';
import type { RemoteSource } from '../sdp/negotiate.ts';

export type RtpReceiverEvents = {
  /** The next frame, whole and decodable after those before it. */
  frame: [frame: InboundFrame];
  /** The peer says that the stream is over (RTCP BYE), or takes the medium away. */
  ended: [];
};

/** Unlike in a browser the frames are recorded or handed on as often as they are shown: what is lost may take its time. ms. */
const DEFAULT_BOUNDS: PlayoutBounds = { floor: 0, ceiling: 1000 };

export class RtpReceiver extends Emitter<RtpReceiverEvents> {
  readonly kind: MediaKind;
  readonly #bounds: PlayoutBounds;
  #formats: ReadonlyMap<number, PayloadFormat> = new Map();
  #nack = false;
  #configuration = '';
  #stream: InboundStream | undefined;
  #rtxSsrc: number | undefined;
  #active = false;
  #mid: string | undefined;
  #rid: string | undefined;

  constructor(kind: MediaKind, bounds: PlayoutBounds = DEFAULT_BOUNDS) {
    super();
    this.kind = kind;
    this.#bounds = bounds;
  }

  /** What comes; undefined before its first packet, or after it ended. */
  get stream(): InboundStream | undefined {
    return this.#stream;
  }

  /** Of the stream's retransmissions, once known. */
  get rtxSsrc(): number | undefined {
    return this.#rtxSsrc;
  }

  /** Whether the peer may send. */
  get active(): boolean {
    return this.#active;
  }

  /** Asks the peer for a keyframe, soon and no more often than it can make them. */
  requestKeyframe(): void {
    this.#stream?.requestKeyframe();
  }

  /** @internal Name of its m-line. */
  get mid(): string | undefined {
    return this.#mid;
  }

  /** @internal Takes the outcome of a negotiation. */
  configure(codecs: readonly CodecParameters[], sources: readonly RemoteSource[], active: boolean, mid?: string): void {
    const wasActive = this.#active;
    this.#mid = mid;
    this.#active = active && codecs.length > 0;
    if (!this.#active) {
      if (wasActive) this.end();
      return;
    }
    const [source] = sources;
    const configuration = JSON.stringify([codecs, source?.ssrc]);
    if (configuration === this.#configuration) return;
    this.#configuration = configuration;
    this.#formats = formatsOf(codecs);
    this.#nack = codecs.some(({ rtcpFeedback }) => rtcpFeedback.includes('nack'));
    this.#stream = undefined;
    this.#rtxSsrc = source?.rtxSsrc;
    if (source) this.#open(source.ssrc);
  }

  /** @internal What the payload type stands for here. */
  format(payloadType: number): PayloadFormat | undefined {
    return this.#active ? this.#formats.get(payloadType) : undefined;
  }

  /**
   * @internal Whether a stream that says that it is this encoding of the medium is the one that is taken: of several only the
   * first that shows, for nothing here puts them together.
   */
  takesEncoding(rid: string): boolean {
    this.#rid ??= rid;
    return this.#rid === rid;
  }

  /** @internal A stream showed by its m-line's name or its payload type; another one before it is over (RFC 8829 §5.10). */
  adopt(ssrc: number, retransmissions: boolean): void {
    if (retransmissions) this.#rtxSsrc = ssrc;
    else this.#open(ssrc);
  }

  /** @internal Gives out what is due. */
  deliver(now: number): void {
    for (let frame = this.#stream?.take(now); frame; frame = this.#stream?.take(now)) this.emit('frame', frame);
  }

  /** @internal */
  end(): void {
    this.#stream = undefined;
    this.#rtxSsrc = undefined;
    this.#rid = undefined;
    this.emit('ended');
  }

  /** @internal */
  close(): void {
    this.#stream = undefined;
    this.removeAllListeners();
  }

  #open(ssrc: number): void {
    this.#stream = new InboundStream({ ssrc, kind: this.kind, formats: this.#formats, nack: this.#nack, bounds: this.#bounds });
  }
}

/** Every payload type that the peer may use. */
function formatsOf(codecs: readonly CodecParameters[]): Map<number, PayloadFormat> {
  const formats = new Map<number, PayloadFormat>();
  for (const { name, payloadType, clockRate, channels, fmtp, ...repair } of codecs) {
    const { rtxPayloadType, redPayloadType, ulpfecPayloadType, redRtxPayloadType } = repair;
    formats.set(payloadType, { name, clockRate, fmtp, ...(channels === undefined ? {} : { channels }) });
    if (rtxPayloadType !== undefined) formats.set(rtxPayloadType, { name: 'rtx', clockRate, associated: payloadType });
    if (redPayloadType !== undefined) formats.set(redPayloadType, { name: 'red', clockRate });
    if (ulpfecPayloadType !== undefined) formats.set(ulpfecPayloadType, { name: 'ulpfec', clockRate });
    if (redPayloadType !== undefined && redRtxPayloadType !== undefined) {
      formats.set(redRtxPayloadType, { name: 'rtx', clockRate, associated: redPayloadType });
    }
  }
  return formats;
}
