/**
 * One consumer of the sink. A session is a sandbox: whatever its peer sends or fails to send ends at most this session,
 * with a reason that reaches the application and the peer.
 */
import { Emitter } from '../common/emitter.ts';
import { asError, TsWebRTCError } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { BitrateWindow } from '../congestion/bitrate-window.ts';
import { Pacer } from '../congestion/pacer.ts';
import { Connection } from '../connection/connection.ts';
import type { RTCStatsEntry } from '../connection/transport/types.ts';
import type { ConnectionOptions } from '../connection/types.ts';
import type { AudioCodecName, VideoCodecName } from '../media/types.ts';
import type { OutboundStream } from '../rtp/outbound-stream.ts';
import type { PacketisedFrame } from '../rtp/packetised-frame.ts';
import { SendOps } from '../rtp/send-ops.ts';
import type { SessionDescription } from '../signalling/signaller.ts';
import { preferencesFor } from './codecs.ts';
import type { EncodingPool } from './encoding-pool.ts';
import { type DrainTarget, SendQueue } from './send-queue.ts';
import { SessionTrack } from './session-track.ts';
import type { Shard, ShardMember } from './shard.ts';
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
  /** What the session may send, bit/s. */
  readonly targetBitrate: number;
  /** What it sent in the last second, bit/s, RTP headers included. */
  readonly sentBitrate: number;
  /** Part of our packets that the peer last reported lost, 0..1; null before its first report. */
  readonly packetLoss: number | null;
  /** Seconds; null before it is known. */
  readonly roundTripTime: number | null;
  /** The encoding that the session shares; null while it has none. */
  readonly encodingId: string | null;
  readonly state: string;
}

export interface SessionOptions {
  readonly id: string;
  readonly peerId: string;
  readonly tracks: readonly SinkTrack[];
  readonly videoCodecs: readonly VideoCodecName[];
  readonly audioCodecs: readonly AudioCodecName[];
  /** Of each video track, bit/s. */
  readonly startBitrate: number;
  /** Of each audio track, bit/s. */
  readonly audioBitrate: number;
  readonly retransmission: boolean;
  readonly connection: Omit<ConnectionOptions, 'srtpSender' | 'logger'>;
  /** ms that the peer has to answer and connect. */
  readonly setupTimeout: number;
  readonly shard: Shard;
  readonly encodings: EncodingPool;
  readonly logger: Logger;
}

export class Session extends Emitter<SessionEvents> implements ShardMember {
  readonly id: string;
  readonly peerId: string;
  readonly #options: SessionOptions;
  readonly #logger: Logger;
  readonly #pacer: Pacer;
  readonly #queue = new SendQueue();
  readonly #sent = new BitrateWindow();
  readonly #tracks: SessionTrack[] = [];
  #streams: OutboundStream[] = [];
  #connection: Connection | undefined;
  /** Where packets go; set when connected. One object for every drain, so that a tick allocates nothing. */
  #target: DrainTarget | undefined;
  #setupTimer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(options: SessionOptions) {
    super();
    this.id = options.id;
    this.peerId = options.peerId;
    this.#options = options;
    this.#logger = options.logger.child({ subsystem: 'session', sessionId: options.id });
    const bitrate = options.tracks.reduce((sum, track) => sum + this.#bitrateOf(track), 0);
    this.#pacer = new Pacer(bitrate, performance.now());
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

    for (const track of options.tracks) {
      const transceiver = connection.addTransceiver({
        kind: track.kind,
        direction: 'sendonly',
        codecs: preferencesFor(track.kind === 'video' ? options.videoCodecs : options.audioCodecs),
        retransmission: track.kind === 'video' && options.retransmission,
      });
      const bitrate = this.#bitrateOf(track);
      this.#tracks.push(new SessionTrack(track, transceiver, this, { encodings: options.encodings, bitrate }));
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
      this.#tracks.find((track) => track.track.kind === 'video' && track.lease) ?? this.#tracks.find((track) => track.lease);
    const remote = main?.stream?.remoteInbound;
    return {
      sessionId: this.id,
      peerId: this.peerId,
      codec: main?.transceiver.codec?.name ?? null,
      targetBitrate: this.#pacer.bitrate,
      sentBitrate: Math.round(this.#sent.bitrate(performance.now())),
      packetLoss: remote?.fractionLost ?? null,
      roundTripTime: this.#connection?.roundTripTime ?? null,
      encodingId: main?.lease?.encoding.id ?? null,
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
    this.#queue.clear();
    await this.#connection?.close();
    this.removeAllListeners();
  }

  /** A frame for one of this session's tracks. */
  enqueue(kind: 'audio' | 'video', stream: OutboundStream, frame: PacketisedFrame): void {
    if (this.#target !== undefined) this.#queue.push(kind, stream, frame);
  }

  flush(): void {
    this.#options.shard.flush();
  }

  /** Whether frames can leave: before that nothing is queued. */
  get sending(): boolean {
    return this.#target !== undefined;
  }

  drain(ops: SendOps, now: number): number | undefined {
    if (!this.#target) return undefined;
    this.#target.ops = ops;
    const waiting = this.#queue.drain(this.#pacer, this.#streams, this.#target, now);
    return waiting ? this.#pacer.delay : undefined;
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

  #bitrateOf({ kind }: SinkTrack): number {
    return kind === 'video' ? this.#options.startBitrate : this.#options.audioBitrate;
  }

  /** The transport is up: packets can leave. Returns whether they could not before. */
  #openTarget(): boolean {
    const connection = this.#connection;
    if (this.#target || connection?.lane === undefined) return false;
    const { arena } = this.#options.shard;
    this.#target = {
      lane: connection.lane,
      arena,
      ops: new SendOps(0),
      sent: this.#sent,
      nextTransportSequenceNumber: () => connection.nextTransportSequenceNumber(),
    };
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
    await Promise.all(acquiring);
    this.#streams = this.#tracks.flatMap((track) => track.stream ?? []);
    this.flush();
  }
}
