/**
 * One audio or video m-line of a connection and what was negotiated for it (RFC 8829 §4.1.1): the W3C's RTCRtpTransceiver
 * without tracks, because what is sent or received are encoded frames.
 */
import { TsWebRTCError } from '../common/errors.ts';
import type { CodecParameters, CodecPreference, Direction, MediaKind } from '../sdp/codecs.ts';
import type { LocalMedia } from '../sdp/local-media.ts';
import type { MediaAgreement, NegotiatedExtensions, RemoteSource } from '../sdp/negotiate.ts';
import { RtpReceiver } from './rtp-receiver.ts';
import { RtpSender } from './rtp-sender.ts';
import type { TransceiverInit } from './types.ts';

export type { NegotiatedExtensions, RemoteSource } from '../sdp/negotiate.ts';

export class Transceiver {
  readonly kind: MediaKind;
  /** Most wanted first. */
  readonly codecs: readonly CodecPreference[];
  readonly retransmission: boolean;
  readonly fec: boolean;
  readonly transportCc: boolean;
  readonly streamId: string | undefined;
  /** Of what is sent, bytes. */
  readonly mtu: number | undefined;
  /** Set unless the transceiver was made to receive only. The first of `senders`. */
  readonly sender: RtpSender | undefined;
  /** One for each encoding that may be sent at once, the largest first; empty where `sender` is undefined. */
  readonly senders: readonly RtpSender[];
  /** Set unless the transceiver was made to send only. */
  readonly receiver: RtpReceiver | undefined;
  /** What we want; takes effect at the next offer or answer. `inactive` takes the medium away. */
  direction: Direction;
  readonly #clock: TransceiverInit['clock'];
  readonly #advisesDelay: boolean;
  readonly #captureTime: boolean;
  readonly #ntp64: boolean;
  #mid: string | undefined;
  #currentDirection: Direction | undefined;
  #agreement: MediaAgreement | undefined;

  constructor(init: TransceiverInit) {
    if (init.codecs.length === 0) {
      throw new TsWebRTCError('INVALID_OPTION', `A ${init.kind} transceiver needs at least one codec: give "codecs" an entry.`);
    }
    this.kind = init.kind;
    this.codecs = init.codecs;
    this.retransmission = init.retransmission ?? init.kind === 'video';
    this.fec = init.fec ?? false;
    this.transportCc = init.transportCc ?? true;
    this.streamId = init.streamId;
    this.mtu = init.mtu;
    this.#clock = init.clock;
    this.#advisesDelay = init.advisedDelay !== undefined;
    this.#captureTime = init.captureTime ?? false;
    this.#ntp64 = init.ntp64 ?? false;
    this.direction = init.direction;
    const encodings = init.direction === 'recvonly' ? 0 : Math.max(1, init.simulcast ?? 1);
    this.senders = Array.from({ length: encodings }, () => new RtpSender(init.kind, this.retransmission, init));
    this.sender = this.senders[0];
    this.receiver = init.direction === 'sendonly' ? undefined : new RtpReceiver(init.kind, init.playoutDelay);
  }

  /** Name of the m-line, from the first offer made or answered with this transceiver on. */
  get mid(): string | undefined {
    return this.#mid;
  }

  /** What was agreed, seen from here; undefined before the first negotiation. */
  get currentDirection(): Direction | undefined {
    return this.#currentDirection;
  }

  /**
   * The codec to send or receive; undefined when none was agreed. Known with the second of the two descriptions: after
   * `setRemoteDescription(answer)` or `setLocalDescription(answer)`, when the connection says `negotiated`.
   */
  get codec(): CodecParameters | undefined {
    return this.#agreement?.codec;
  }

  /** All codecs in common: what the peer may send us, under our payload types. */
  get negotiatedCodecs(): readonly CodecParameters[] {
    return this.#agreement?.codecs ?? [];
  }

  /** Ids of the header extensions both sides agreed on. */
  get extensions(): NegotiatedExtensions {
    return this.#agreement?.extensions ?? {};
  }

  /** Names of the encodings that are sent at once, the largest first; empty where it is one without a name. */
  get rids(): readonly string[] {
    return this.#agreement?.rids ?? [];
  }

  /** What the peer says of the clock of its timestamps (RFC 7273). */
  get remoteClock(): MediaAgreement['remoteClock'] {
    return this.#agreement?.remoteClock;
  }

  /** Streams the peer announced for this m-line. */
  get remoteSources(): readonly RemoteSource[] {
    return this.#agreement?.remoteSources ?? [];
  }

  /** @internal Gives it an m-line; undefined takes it away again. */
  assign(mid: string | undefined): void {
    this.#mid = mid;
  }

  /** @internal Takes the outcome of a negotiation. */
  apply(agreement: MediaAgreement): void {
    this.#agreement = agreement;
    this.#currentDirection = agreement.direction;
    const sends = agreement.direction === 'sendonly' || agreement.direction === 'sendrecv';
    const { codec, extensions, rids } = agreement;
    const mid = this.#mid ?? '';
    for (const [index, sender] of this.senders.entries()) {
      const rid = rids[index];
      const active = sends && (index === 0 || rid !== undefined);
      sender.configure(codec, extensions, active, rid === undefined ? undefined : { mid, rid });
    }
    const receives = agreement.direction === 'recvonly' || agreement.direction === 'sendrecv';
    this.receiver?.configure(agreement.codecs, agreement.remoteSources, receives, this.mid);
  }

  /** @internal Our side of the m-line. */
  describe(cname: string): LocalMedia {
    const { sender } = this;
    return {
      kind: this.kind,
      mid: this.#mid ?? '',
      direction: this.direction,
      codecs: this.codecs,
      retransmission: this.retransmission,
      fec: this.fec,
      transportCc: this.transportCc,
      playoutDelay: this.#advisesDelay,
      captureTime: this.#captureTime,
      ntp64: this.#ntp64,
      simulcast: this.senders.length,
      clock: this.#clock,
      streamId: this.streamId ?? cname,
      trackId: this.#mid ?? this.kind,
      cname,
      ...(sender ? { ssrc: sender.ssrc } : {}),
      ...(sender?.rtxSsrc === undefined ? {} : { rtxSsrc: sender.rtxSsrc }),
    };
  }
}
