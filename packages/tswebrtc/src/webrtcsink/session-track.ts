/** One track on its way into one session: takes a place on an encoding, waits for a keyframe, then hands frames to the session's queue. */
import { asError } from '../common/errors.ts';
import type { RtpSender } from '../connection/rtp-sender.ts';
import type { Transceiver } from '../connection/transceiver.ts';
import type { OutboundStream } from '../rtp/outbound-stream.ts';
import type { PacketisedFrame } from '../rtp/packetised-frame.ts';
import type { CodecParameters } from '../sdp/codecs.ts';
import { encoderBitrate, PATH_OVERHEAD } from './allocation.ts';
import { soundRates, type WantedMedia, wantedMedia } from './codecs.ts';
import type { EncodingSeat, EncodingSource } from './encoding-source.ts';
import { divideAmongLayers, scaleOf } from './layers.ts';
import type { GroupSubscriber } from './membership.ts';
import { Admission } from './session-admission.ts';
import { FrameGate, type GatedFrame } from './sharing/frame-gate.ts';
import type { SinkTrack } from './tracks.ts';

/** An encoding above the session's target by more than this factor is more than it may send. */
const LIMIT_MARGIN = 1.1;
/** Codecs whose packets number the pictures, so that receivers need not go by the numbers of the packets. */
const NUMBERS_PICTURES: ReadonlySet<string> = new Set(['VP8', 'VP9']);
/** Unasked keyframes of a stream that loses packets for good are so far apart, ms. */
const REFRESH_INTERVAL = 1000;

/** What the track needs of its session. */
export interface SessionTrackOwner {
  /** Whether frames can leave. */
  readonly sending: boolean;
  /** `irreplaceable`: it is to be sent however late it comes. */
  enqueue(kind: 'audio' | 'video', stream: OutboundStream, frame: PacketisedFrame, irreplaceable: boolean): void;
  /** A picture of the m-line `mid` was enqueued. */
  picture(mid: string | undefined, frame: PacketisedFrame, framerate: number): void;
  /** Forgets what waits to be sent of a stream. */
  drop(stream: OutboundStream): void;
  /** The same, except for what is irreplaceable. */
  giveUp(stream: OutboundStream): void;
  /** Packets wait to be sent again. */
  flush(): void;
  /** What it may send, bit/s. */
  readonly target: number;
  /** Whether a track sends more than its part. */
  readonly crowded: boolean;
  /** Divides what it may send anew; the tracks have until `deadline` to follow. */
  makeRoom(deadline: number): void;
  fail(reason: 'error', error: ReturnType<typeof asError>): void;
}

export interface SessionTrackOptions {
  readonly sessionId: string;
  readonly encodings: EncodingSource;
  /** Which of the sizes that may be sent of it at once; 0 is the largest, and the only one where the peer takes just one. */
  readonly layer: number;
  /** What it may have at first, bit/s. */
  readonly bitrate: number;
  /** Whether `bitrate` and targets are what the encoder makes, rather than what its packets take on the path. */
  readonly exact: boolean;
  /** Most of what is sent of it that may be retransmissions, %; -1 without bound. */
  readonly retransmissionPercentage: number;
}

export class SessionTrack implements GroupSubscriber {
  readonly track: SinkTrack;
  readonly transceiver: Transceiver;
  readonly sender: RtpSender | undefined;
  readonly #session: SessionTrackOwner;
  readonly #options: SessionTrackOptions;
  readonly #gate = new FrameGate();
  readonly #gated: { size: number; keyframe: boolean; temporalLayer: number } & GatedFrame = {
    size: 0,
    keyframe: false,
    temporalLayer: 0,
  };
  stream: OutboundStream | undefined;
  membership: EncodingSeat | undefined;
  /** What may be sent of it, bit/s on the path. */
  #target: number;
  #refreshed = Number.NEGATIVE_INFINITY;
  /** Whether the bitrate is divided with it. */
  counts = true;
  /** Of a picture that came later, until it is let in. */
  #admission: Admission | undefined;
  /** Until when it may send more than its part, ms. */
  #lenientUntil = Number.NEGATIVE_INFINITY;
  #joining = false;
  #closed = false;

  constructor(track: SinkTrack, transceiver: Transceiver, session: SessionTrackOwner, options: SessionTrackOptions) {
    this.track = track;
    this.transceiver = transceiver;
    this.#session = session;
    this.#options = options;
    this.#target = options.bitrate;
    this.sender = transceiver.senders[options.layer];
    this.sender?.on('keyframe-request', () => this.requestKeyframe());
    this.sender?.on('retransmission-request', () => this.#session.flush());
  }

  /** Whether it is the track as a whole, or its largest size, rather than one more size of it. */
  get leads(): boolean {
    return this.#options.layer === 0;
  }

  /** How many times smaller than the picture it is, where the peer takes several sizes at once. */
  get scale(): number | undefined {
    const { length } = this.transceiver.rids;
    return length > 1 && this.#options.layer < length ? scaleOf(this.#options.layer) : undefined;
  }

  /** Whether it is a layer for which there is no bitrate. */
  get paused(): boolean {
    return this.scale !== undefined && this.#target === 0;
  }

  /** Frames left out because the encoding makes more than the session may send. */
  get framesSkipped(): number {
    return this.#gate.skipped;
  }

  /** Whether the encoding makes more than may be sent. */
  get limited(): boolean {
    const encoding = this.membership?.encoding;
    return this.track.kind === 'video' && encoding !== undefined && encoding.bitrate > this.#encoderTarget * LIMIT_MARGIN;
  }

  /**
   * Whether a number that never arrives does no harm. FEC packets take numbers of the stream; receivers of H.264, H.265 and AV1 tell
   * by the numbers whether a frame is missing, and without retransmission a lost FEC packet would stop the picture.
   */
  get toleratesGaps(): boolean {
    return this.#repeats || NUMBERS_PICTURES.has(this.transceiver.codec?.name ?? '');
  }

  /**
   * Follows what was negotiated: begins to send, in another codec where that has changed, or no more. `later`: another picture is being
   * sent already. Rejects with `ENCODER_FAILED`.
   */
  async open(later: boolean): Promise<void> {
    const { sender } = this;
    const { codec, rids } = this.transceiver;
    const stream = sender?.active ? sender.stream : undefined;
    if (this.#closed || stream === this.stream) return;
    this.#leave();
    if (this.stream) this.#session.drop(this.stream);
    this.stream = stream;
    if (!stream || !codec) return;
    const { input } = this.track;
    if (this.scale !== undefined && input.kind === 'video') {
      // Before it is known what the path carries all of them are to come.
      const running = rids.map(() => true);
      this.#target = divideAmongLayers(this.#options.bitrate, running, input.format)[this.#options.layer]!;
    } else if (later && input.kind === 'video' && !this.#options.exact) {
      this.counts = false;
      this.#admission = new Admission(this.#session.target, this.#target, performance.now());
    }
    stream.retransmissionPercentage = this.#options.retransmissionPercentage;
    if (!this.paused) await this.#join(codec, stream);
  }

  async #join(codec: CodecParameters, stream: OutboundStream): Promise<void> {
    const { encodings, sessionId } = this.#options;
    const { scale, track } = this;
    const wanted: WantedMedia = {
      ...wantedMedia(codec, track.input, this.transceiver.mtu),
      ...(scale === undefined ? {} : { scale }),
    };
    this.#joining = true;
    try {
      const membership = await encodings.join(track, wanted, this, this.#encoderTarget, sessionId);
      if (this.#closed || this.stream !== stream || this.paused || this.membership) return membership.leave();
      this.membership = membership;
    } catch (error) {
      // What is not wanted any more cannot fail.
      if (this.#closed || this.stream !== stream) return;
      this.stream = undefined;
      throw error;
    } finally {
      this.#joining = false;
    }
    // What was allotted meanwhile.
    this.membership.setTarget(this.#encoderTarget);
    if (!this.#admission) this.requestKeyframe();
  }

  /** What may be sent of it, bit/s. */
  setTarget(bitrate: number): void {
    this.#target = bitrate;
    if (this.scale !== undefined) this.#pauseOrResume();
    this.membership?.setTarget(this.#encoderTarget);
  }

  #pauseOrResume(): void {
    const { stream, membership } = this;
    const { codec } = this.transceiver;
    if (!stream || !codec) return;
    if (this.paused) {
      if (!membership) return;
      this.#leave();
      this.#session.drop(stream);
    } else if (!membership && !this.#joining) {
      this.#join(codec, stream).catch((error: unknown) => this.onFailure(asError(error, 'ENCODER_FAILED')));
    }
  }

  requestKeyframe(): void {
    if (this.track.kind === 'video' && this.#session.sending) this.membership?.requestKeyframe();
  }

  /**
   * Packets get lost. A peer that has them sent again copes; of one that cannot, the picture stops, and browsers ask for a
   * keyframe only seconds later: so it gets one unasked from time to time.
   */
  refresh(now: number): void {
    if (this.#repeats || now - this.#refreshed < REFRESH_INTERVAL) return;
    this.#refreshed = now;
    this.requestKeyframe();
  }

  /** Gives up what waits to be sent and goes on with a keyframe: what waits would come too late to be of use. */
  restart(): void {
    if (this.track.kind !== 'video' || !this.stream || this.paused) return;
    this.#session.giveUp(this.stream);
    this.stream.clearRetransmissions(performance.now());
    this.#gate.breakOff();
    this.membership?.requestKeyframe('switch');
  }

  onFrame(frame: PacketisedFrame): boolean {
    if (!this.stream || this.paused || !this.#session.sending) return false;
    if (this.#admission && !this.#isLetIn(this.#admission)) return false;
    if (this.track.kind === 'video' && !this.#passes(frame)) return false;
    this.#session.enqueue(this.track.kind, this.stream, frame, frame.keyframe && this.#isPassedOn);
    const { input } = this.track;
    if (input.kind === 'video' && this.leads) this.#session.picture(this.transceiver.mid, frame, input.format.framerate);
    return true;
  }

  /** Lets it send more than its part until `deadline`, ms: it goes down by itself and not because the path has got narrow. */
  tolerate(deadline: number): void {
    this.#lenientUntil = deadline;
  }

  onSwitch(): void {
    this.#gate.breakOff();
  }

  onFailure(error: Error): void {
    if (!this.#closed) this.#session.fail('error', asError(error, 'ENCODER_FAILED'));
  }

  close(): void {
    this.#closed = true;
    this.#leave();
  }

  #leave(): void {
    this.membership?.leave();
    this.membership = undefined;
  }

  /** Whether lost packets are asked for and sent again. */
  get #repeats(): boolean {
    return this.transceiver.codec?.rtcpFeedback.includes('nack') ?? false;
  }

  /** Whether it gets the input's own packets, whose next keyframe comes when it comes. */
  get #isPassedOn(): boolean {
    return this.membership?.reason === 'passthrough' && !this.membership.switching;
  }

  get #encoderTarget(): number {
    const { input } = this.track;
    const { codec } = this.transceiver;
    if (input.kind === 'audio') return codec ? soundRates(wantedMedia(codec, input)).bitrate : 0;
    if (this.#options.exact) return this.#target;
    return encoderBitrate(this.#target, this.membership?.encoding?.format?.framerate ?? input.format.framerate);
  }

  #isLetIn(admission: Admission): boolean {
    const step = admission.step(this.#session.target, this.#session.crowded, performance.now());
    if (step === 'divide') {
      this.counts = true;
      this.#session.makeRoom(admission.deadline);
    }
    if (step !== 'admit') return false;
    this.#admission = undefined;
    this.requestKeyframe();
    return true;
  }

  #passes(frame: PacketisedFrame): boolean {
    const gated = this.#gated;
    gated.size = frame.size + frame.count * PATH_OVERHEAD;
    gated.keyframe = frame.keyframe;
    gated.temporalLayer = frame.temporalLayer;
    const now = performance.now();
    const passes = this.#gate.take(gated, this.#target, this.limited && now >= this.#lenientUntil, now);
    if (!passes && this.#gate.wantsKeyframe(this.#target) && !this.membership?.switching) this.requestKeyframe();
    return passes;
  }
}
