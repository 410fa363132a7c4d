/**
 * One consumer of the sink. A session is a sandbox: whatever its peer sends or fails to send ends at most this session,
 * with a reason that reaches the application and the peer.
 */
import { Emitter } from '../common/emitter.ts';
import { asError, TsWebRTCError } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { type CongestionControlMode, createController } from '../congestion/create-controller.ts';
import type { NetworkState } from '../congestion/types.ts';
import { Connection } from '../connection/connection.ts';
import type { RTCStatsEntry } from '../connection/transport/types.ts';
import type { ConnectionOptions } from '../connection/types.ts';
import type { AudioCodecName, VideoCodecName } from '../media/types.ts';
import type { OutboundStream } from '../rtp/outbound-stream.ts';
import type { PacketisedFrame } from '../rtp/packetised-frame.ts';
import type { SendOps } from '../rtp/send-ops.ts';
import type { SessionDescription } from '../signalling/signaller.ts';
import { allocate, audioOnPath, videoOnPath } from './allocation.ts';
import { preferencesFor } from './codecs.ts';
import { Egress } from './egress.ts';
import type { EncodingSource } from './encoding-source.ts';
import type { DefineEncoderBitrates } from './properties.ts';
import { SessionTrack } from './session-track.ts';
import type { Shard, ShardMember } from './shard.ts';
import type { PlacementReason } from './sharing/rung-planner.ts';
import type { SinkTrack } from './tracks.ts';

/** Why a session ended: the peer or the server ended it, the network lost the peer, something failed, the sink stopped. */
export type EndReason = 'ended' | 'disconnected' | 'error' | 'shutdown';

export type SessionEvents = {
  /** A local description or candidate to be carried to the peer. */
  description: [description: SessionDescription];
  candidate: [candidate: string, sdpMLineIndex: number, sdpMid: string | undefined];
  /** The session is over by itself; the sink removes it. */
  end: [reason: EndReason, error: TsWebRTCError | undefined];
};

/** Figures of one session, as the command line's `stats` event prints them. */
export interface SessionFigures {
  readonly sessionId: string;
  readonly peerId: string;
  /** Codec of the first video track, else of the first audio track, as in the SDP; null until negotiated. */
  readonly codec: string | null;
  /** What congestion control lets the session send, bit/s, everything included. */
  readonly targetBitrate: number;
  /** What it sent in the last second, bit/s, RTP headers included. */
  readonly sentBitrate: number;
  /** Part of our packets that got lost lately, 0..1; null before the peer's first report. */
  readonly packetLoss: number | null;
  /** Seconds; null before it is known. */
  readonly roundTripTime: number | null;
  /** What the one-way delay says of the path. */
  readonly networkState: NetworkState;
  /** FEC packets for a hundred packets of video. */
  readonly fecPercentage: number;
  /** Packets sent again, of all tracks. */
  readonly retransmittedPackets: number;
  /** Frames of video left out because the encoding makes more than the session may send. */
  readonly framesSkipped: number;
  /** The encoding that the session sends; null while it has none. */
  readonly encodingId: string | null;
  /** Its target, bit/s. */
  readonly encodingBitrate: number | null;
  /** Peers that are sent the same encoding. */
  readonly sharedWith: readonly string[];
  /**
   * Why this encoding: the session steers it alone; sits on its rung with others; was moved down because no more encodings
   * may run; is sent only a part of it, which is all it may have; or has one of its own by the option `encoding`.
   */
  readonly encodingReason: PlacementReason | 'limited' | null;
  /** What the low bitrate costs: `none`, `downscaled`, `downsampled`, or both joined by `+`. */
  readonly mitigationMode: string;
  /** Pixels and frames per second; null without video. */
  readonly width: number | null;
  readonly height: number | null;
  readonly framerate: number | null;
  readonly state: string;
}

export interface SessionOptions {
  readonly id: string;
  readonly peerId: string;
  readonly tracks: readonly SinkTrack[];
  readonly videoCodecs: readonly VideoCodecName[];
  readonly audioCodecs: readonly AudioCodecName[];
  readonly congestionControl: CongestionControlMode;
  /** Of each video track, bit/s. */
  readonly startBitrate: number;
  readonly minBitrate: number;
  readonly maxBitrate: number;
  readonly defineEncoderBitrates: DefineEncoderBitrates | undefined;
  /** Of each audio track, bit/s. */
  readonly audioBitrate: number;
  readonly retransmission: boolean;
  /** Most of what is sent that may be retransmissions, %; -1 without bound. */
  readonly retransmissionPercentage: number;
  readonly fec: boolean;
  readonly connection: Omit<ConnectionOptions, 'srtpSender' | 'logger'>;
  /** ms that the peer has to answer and connect. */
  readonly setupTimeout: number;
  readonly shard: Shard;
  readonly encodings: EncodingSource;
  /** Peers of the other sessions that are sent an encoding. */
  readonly sharedWith: (encodingId: string | undefined) => readonly string[];
  readonly logger: Logger;
}

/** Room above the encoders' highest bitrate for headers, repair and probes: otherwise they could never reach it. */
const MAX_MARGIN = 1.2;
/** A peer that asks for nothing again loses its picture to such a loss time and again. */
const STOPPING_LOSS = 0.01;

export class Session extends Emitter<SessionEvents> implements ShardMember {
  readonly id: string;
  readonly peerId: string;
  readonly #options: SessionOptions;
  readonly #logger: Logger;
  readonly #egress: Egress;
  readonly #tracks: SessionTrack[] = [];
  #connection: Connection | undefined;
  #setupTimer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(options: SessionOptions) {
    super();
    this.id = options.id;
    this.peerId = options.peerId;
    this.#options = options;
    this.#logger = options.logger.child({ subsystem: 'session', sessionId: options.id });
    const now = performance.now();
    const count = options.tracks.filter(({ kind }) => kind === 'video').length;
    this.#egress = new Egress({
      control: createController(options.congestionControl, { ...this.#limits(count), startBitrate: this.#startTarget(), now }),
      onTarget: () => {
        try {
          this.#allocate();
        } catch (error) {
          // The application's own division of the bitrate.
          this.fail('error', asError(error));
        }
      },
      onCongested: () => {
        if (options.congestionControl !== 'disabled') for (const track of this.#tracks) track.restart();
      },
    });
  }

  /** Makes the connection and the first description: an offer, or an answer to the consumer's `offer`. */
  async start(offer?: SessionDescription): Promise<void> {
    const options = this.#options;
    this.#setupTimer = setTimeout(() => {
      this.fail(
        'disconnected',
        new TsWebRTCError('CONNECTION_FAILED', `peer ${this.peerId} did not connect within ${options.setupTimeout / 1000} s.`),
      );
    }, options.setupTimeout);

    const connection = await Connection.create({
      ...options.connection,
      // No channel is of use to anybody yet.
      dataChannels: false,
      srtpSender: options.shard.srtpSender,
      logger: this.#logger,
    });
    if (this.#ended) return void connection.close();
    this.#connection = connection;
    connection.on('icecandidate', ({ candidate, sdpMLineIndex, sdpMid }) =>
      this.emit('candidate', candidate, sdpMLineIndex ?? 0, sdpMid ?? undefined),
    );
    connection.on('statechange', (state) => this.#onState(state));
    const egress = this.#egress;
    connection.on('transport-feedback', ({ baseSequenceNumber, arrivals, referenceTime }, arrival) =>
      egress.feedback({ baseSequence: baseSequenceNumber, arrivals, referenceTime }, arrival),
    );
    connection.on('remb', (bitrate, arrival) => egress.remb(bitrate, arrival));
    connection.on('report', ({ fractionLost, packets, roundTripTime }, arrival) =>
      egress.report(fractionLost, packets, roundTripTime === undefined ? undefined : roundTripTime * 1000, arrival),
    );

    for (const track of options.tracks) {
      const transceiver = connection.addTransceiver({
        kind: track.kind,
        direction: 'sendonly',
        codecs: preferencesFor(track.kind === 'video' ? options.videoCodecs : options.audioCodecs),
        retransmission: track.kind === 'video' && options.retransmission,
        fec: options.fec,
        transportCc: options.congestionControl !== 'disabled',
      });
      const bitrate = track.kind === 'audio' ? options.audioBitrate : this.#exact ? options.maxBitrate : this.#startOf(track);
      const { encodings, retransmissionPercentage } = options;
      this.#tracks.push(
        new SessionTrack(track, transceiver, this, {
          sessionId: this.id,
          encodings,
          bitrate,
          exact: this.#exact,
          retransmissionPercentage,
        }),
      );
    }
    options.shard.add(this);

    if (offer) await connection.setRemoteDescription(offer);
    const description = offer ? await connection.createAnswer() : await connection.createOffer();
    if (this.#ended) return;
    await connection.setLocalDescription(description);
    this.emit('description', description);
    if (offer) await this.#negotiated();
  }

  /** Takes the consumer's answer. A bad one ends the session. */
  async handleDescription(description: SessionDescription): Promise<void> {
    if (this.#ended || !this.#connection) return;
    if (description.type !== 'answer') {
      this.#logger.warn({}, 'an offer from the consumer of a running session was ignored: only the producer may offer again');
      return;
    }
    try {
      await this.#connection.setRemoteDescription(description);
      await this.#negotiated();
    } catch (error) {
      this.fail('error', asError(error, 'INVALID_SDP'));
    }
  }

  async handleCandidate(candidate: string, sdpMLineIndex: number, sdpMid: string | undefined): Promise<void> {
    try {
      await this.#connection?.addIceCandidate({ candidate, sdpMLineIndex, sdpMid: sdpMid ?? null });
    } catch (error) {
      this.#logger.debug({ err: error }, 'unusable candidate ignored');
    }
  }

  /** W3C statistics of the connection. */
  async getStats(): Promise<Map<string, RTCStatsEntry>> {
    return this.#connection ? this.#connection.getStats() : new Map();
  }

  /** The few figures that tell how the session does. */
  async getFigures(): Promise<SessionFigures> {
    const main =
      this.#tracks.find((track) => track.track.kind === 'video' && track.membership) ??
      this.#tracks.find((track) => track.membership);
    const { control, sent } = this.#egress;
    const { target } = control;
    const reported = main?.stream?.remoteInbound !== undefined;
    const membership = main?.membership;
    const encoding = membership?.encoding;
    const format = encoding?.format;
    return {
      sessionId: this.id,
      peerId: this.peerId,
      codec: main?.transceiver.codec?.name ?? null,
      targetBitrate: Math.round(target.bitrate),
      sentBitrate: Math.round(sent.bitrate(performance.now())),
      packetLoss: reported || target.lossFraction > 0 ? target.lossFraction : null,
      // Of all packets lately rather than of one report a second.
      roundTripTime: target.rtt === undefined ? (this.#connection?.roundTripTime ?? null) : target.rtt / 1000,
      networkState: target.state,
      fecPercentage: main?.stream?.fecPercentage ?? 0,
      retransmittedPackets: this.#egress.streams.reduce((sum, stream) => sum + stream.stats().retransmittedPacketsSent, 0),
      framesSkipped: this.#tracks.reduce((sum, track) => sum + track.framesSkipped, 0),
      encodingId: encoding?.id ?? null,
      encodingBitrate: encoding?.bitrate ?? null,
      sharedWith: this.#options.sharedWith(encoding?.id),
      encodingReason: main?.limited ? 'limited' : (membership?.reason ?? null),
      mitigationMode: encoding?.mitigation.join('+') || 'none',
      width: format?.width ?? null,
      height: format?.height ?? null,
      framerate: format?.framerate ?? null,
      state: this.#connection?.state ?? 'new',
    };
  }

  /** Ends the session from inside; the sink hears of it by `end`. */
  fail(reason: EndReason, error?: TsWebRTCError): void {
    if (this.#ended) return;
    this.emit('end', reason, error);
  }

  /** Frees everything. Idempotent. */
  async close(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#setupTimer);
    for (const track of this.#tracks) track.close();
    this.#options.shard.remove(this);
    this.#egress.clear();
    await this.#connection?.close();
    this.removeAllListeners();
  }

  /** A frame for one of this session's tracks. */
  enqueue(kind: 'audio' | 'video', stream: OutboundStream, frame: PacketisedFrame): void {
    this.#egress.enqueue(kind, stream, frame);
  }

  drop(stream: OutboundStream): void {
    this.#egress.drop(stream);
  }

  flush(): void {
    this.#options.shard.flush();
  }

  /** Whether frames can leave: before that nothing is queued. */
  get sending(): boolean {
    return this.#egress.open;
  }

  drain(ops: SendOps, now: number): number | undefined {
    return this.#egress.drain(ops, now);
  }

  #onState(state: string): void {
    this.#logger.debug({ state }, 'connection state');
    if (state === 'connected') {
      clearTimeout(this.#setupTimer);
      if (this.#openTarget()) {
        for (const track of this.#tracks) track.requestKeyframe();
      }
    } else if (state === 'failed') {
      this.fail('disconnected', new TsWebRTCError('CONNECTION_FAILED', `the connection to peer ${this.peerId} failed.`));
    } else if (state === 'closed') {
      // The peer said goodbye on the connection itself (DTLS close_notify).
      this.fail('ended');
    }
  }

  /** Without congestion control the encoders get their bitrate as it is. */
  get #exact(): boolean {
    return this.#options.congestionControl === 'disabled';
  }

  /** Of everything together with so many video tracks, bit/s. */
  #limits(videoTracks: number): { minBitrate: number; maxBitrate: number } {
    const { minBitrate, maxBitrate, audioBitrate } = this.#options;
    const audio = audioOnPath(audioBitrate, 0);
    return { minBitrate: minBitrate * Math.max(1, videoTracks), maxBitrate: maxBitrate * videoTracks * MAX_MARGIN + audio };
  }

  /** So much that each video encoder can begin with its start bitrate. */
  #startTarget(): number {
    const { tracks, audioBitrate } = this.#options;
    return tracks.reduce((sum, track) => sum + this.#startOf(track), audioOnPath(audioBitrate, 0));
  }

  #startOf({ input }: SinkTrack): number {
    return input.kind === 'video' ? videoOnPath(this.#options.startBitrate, input.format.framerate) : 0;
  }

  /** Divides the target among the tracks. */
  #allocate(): void {
    if (this.#exact) return;
    const { control, retransmitted } = this.#egress;
    const video = this.#tracks.filter(({ track, stream }) => track.kind === 'video' && stream);
    const audio = this.#tracks.filter(({ track, stream }) => track.kind === 'audio' && stream);
    const bitrates = allocate({
      peerId: this.peerId,
      target: control.target.bitrate,
      audio: audio.reduce((sum, { stream }) => sum + audioOnPath(this.#options.audioBitrate, stream!.redundancy), 0),
      retransmissions: retransmitted.bitrate(performance.now()),
      fecPercentage: video[0]?.stream?.fecPercentage ?? 0,
      tracks: video.map(({ track }) => track.name),
      define: this.#options.defineEncoderBitrates,
    });
    for (const [index, track] of video.entries()) {
      track.setTarget(bitrates[index]!);
      if (control.target.lossFraction > STOPPING_LOSS) track.refresh(performance.now());
    }
  }

  /** The transport is up: packets can leave. Returns whether they could not before. */
  #openTarget(): boolean {
    const connection = this.#connection;
    if (this.#egress.open || connection?.lane === undefined) return false;
    this.#egress.start(connection.lane, this.#options.shard.arena, () => connection.nextTransportSequenceNumber());
    return true;
  }

  /** Gets every negotiated track its encoding. */
  async #negotiated(): Promise<void> {
    let usable = 0;
    const acquiring: Promise<void>[] = [];
    for (const track of this.#tracks) {
      if (!track.transceiver.codec || !track.transceiver.sender) continue;
      usable++;
      acquiring.push(track.open());
    }
    if (usable === 0) {
      throw new TsWebRTCError('NO_COMMON_CODEC', `peer ${this.peerId} took none of the offered codecs.`);
    }
    const video = this.#tracks.filter(({ track, transceiver }) => track.kind === 'video' && transceiver.codec).length;
    const { minBitrate: min, maxBitrate: max } = this.#limits(video);
    const now = performance.now();
    this.#egress.control.setLimits({ min, max }, now);
    this.#egress.control.setAllocated(max, now);
    await Promise.all(acquiring);
    this.#egress.streams = this.#tracks.flatMap((track) => track.stream ?? []);
    this.#egress.protectable = this.#tracks.flatMap(({ stream, toleratesGaps }) =>
      stream?.supportsFec && toleratesGaps ? stream : [],
    );
    this.flush();
  }
}
