/**
 * One consumer of the sink. A session is a sandbox: whatever its peer sends or fails to send ends at most this session,
 * with a reason that reaches the application and the peer.
 */
import { Emitter } from '../common/emitter.ts';
import { asError, TsWebRTCError } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { createController } from '../congestion/create-controller.ts';
import { Connection } from '../connection/connection.ts';
import type { DataChannel, DataChannelInit, RTCStatsEntry } from '../connection/transport/types.ts';
import type { IceServer } from '../connection/types.ts';
import type { OutboundStream } from '../rtp/outbound-stream.ts';
import type { PacketisedFrame } from '../rtp/packetised-frame.ts';
import type { SendOps } from '../rtp/send-ops.ts';
import type { SessionDescription } from '../signalling/signaller.ts';
import { SessionChannels } from './channels/session-channels.ts';
import { preferencesFor } from './codecs.ts';
import { Egress } from './egress.ts';
import { payloadingOf } from './payloader-setup.ts';
import { SessionBitrates } from './session-bitrates.ts';
import { clockOf } from './session-clock.ts';
import { readFigures, type SessionFigures } from './session-figures.ts';
import { SessionNegotiation } from './session-negotiation.ts';
import { extendStats } from './session-stats.ts';
import { SessionTrack } from './session-track.ts';
import type { EndReason, SessionEvents, SessionOptions } from './session-types.ts';
import type { ShardMember } from './shard.ts';
import type { SinkTrack } from './tracks.ts';

export class Session extends Emitter<SessionEvents> implements ShardMember {
  readonly id: string;
  readonly peerId: string;
  readonly #options: SessionOptions;
  readonly #logger: Logger;
  readonly #bitrates: SessionBitrates;
  readonly #egress: Egress;
  /** Those that have an m-line, and are to keep it. */
  #tracks: readonly SessionTrack[] = [];
  /** Of which the log was told that the peer takes no such track. */
  readonly #refused = new WeakSet<SinkTrack>();
  /** What the peer is to have. */
  #wanted: readonly SinkTrack[];
  readonly #channels: SessionChannels;
  #connection: Connection | undefined;
  #negotiation: SessionNegotiation | undefined;
  /** The peer answered for the first time, or was answered. */
  #agreed = false;
  #setupTimer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(options: SessionOptions) {
    super();
    this.id = options.id;
    this.peerId = options.peerId;
    this.#options = options;
    this.#wanted = this.#offerable(options.tracks);
    this.#logger = options.logger.child({ subsystem: 'session', sessionId: options.id });
    this.#channels = new SessionChannels({
      ...options,
      tracks: () => this.#leading.map(({ track: { name, kind }, transceiver: { mid } }) => ({ name, kind, mid })),
      onRequest: (request) => this.emit('upstream', request),
      onOpened: (channel) => this.emit('datachannel', channel),
      onNegotiationNeeded: () => this.#negotiation?.offer(),
      logger: this.#logger,
    });
    this.#bitrates = new SessionBitrates(options);
    const { min: minBitrate, max: maxBitrate } = this.#bitrates.limits(this.#wanted);
    const startBitrate = this.#bitrates.startTarget(this.#wanted);
    this.#egress = new Egress({
      control: createController(options.congestionControl, { minBitrate, maxBitrate, startBitrate, now: performance.now() }),
      onTarget: () => this.#divide(),
      onCongested: () => {
        if (!this.#bitrates.exact) for (const track of this.#tracks) track.restart();
      },
    });
  }

  /** Makes the connection and the first description: an offer, or an answer to the consumer's `offer`. */
  async start(offer?: SessionDescription): Promise<void> {
    const { setupTimeout, shard, connection: connectionOptions } = this.#options;
    this.#setupTimer = setTimeout(() => this.#onNotConnected(), setupTimeout);
    const connection = await Connection.create({
      ...connectionOptions,
      srtpSender: shard.srtpSender,
      logger: this.#logger,
    });
    if (this.#ended) return void connection.close();
    this.#connection = connection;
    this.#listen(connection);
    this.#channels.attach(connection);
    const negotiation = new SessionNegotiation({
      peerId: this.peerId,
      connection,
      answerTimeout: setupTimeout,
      prepare: () => this.#prepare(connection),
      onDescription: (description) => this.emit('description', description),
      onAgreed: () => this.#onAgreed(connection),
      onFailed: (error) => this.fail('error', error),
      logger: this.#logger,
    });
    this.#negotiation = negotiation;
    shard.add(this);
    if (offer) await negotiation.answer(offer);
    else negotiation.offer();
  }

  /**
   * Gives the peer these tracks: what it has of them goes on untouched, what is new is offered, what is no longer among them
   * ends at once.
   */
  setTracks(tracks: readonly SinkTrack[]): void {
    if (this.#ended) return;
    this.#wanted = this.#offerable(tracks);
    const gone = this.#tracks.filter(({ track }) => !isAmong(tracks, track));
    const complete = this.#wanted.every((track) => this.#has(track));
    for (const track of gone) this.#remove(track);
    if (gone.length > 0) this.#follow();
    if (gone.length > 0 || !complete) this.#negotiation?.offer();
  }

  /**
   * Offers the peer an ICE restart: other addresses and credentials, while media flow over the pair in use until there is
   * another one. Made by itself when the peer is not heard of, or when this host loses the address that the path begins at.
   */
  async restartIce(): Promise<void> {
    if (this.#ended || !this.#connection) return;
    this.#connection.restartIce();
    this.#negotiation?.restart();
  }

  /** Takes the consumer's answer or, where that is permitted, offer. A bad one ends the session. */
  async handleDescription(description: SessionDescription): Promise<void> {
    if (this.#ended) return;
    if (description.type === 'answer') await this.#negotiation?.handleAnswer(description);
    else if (this.#agreed && this.#options.consumerOffers) await this.#negotiation?.handleOffer(description);
    else this.#logger.warn({}, 'an offer from the consumer of a running session was ignored: only the producer may offer again');
  }

  async handleCandidate(candidate: string, sdpMLineIndex: number, sdpMid: string | undefined): Promise<void> {
    try {
      await this.#connection?.addIceCandidate({ candidate, sdpMLineIndex, sdpMid: sdpMid ?? null });
    } catch (error) {
      this.#logger.debug({ err: error }, 'unusable candidate ignored');
    }
  }

  /** Newer STUN and TURN servers, see `Connection.setIceServers`; unusable ones change nothing. */
  setIceServers(servers: readonly IceServer[]): void {
    try {
      this.#connection?.setIceServers(servers);
    } catch (error) {
      this.#logger.warn({ reason: asError(error).message }, 'newer ICE servers were ignored');
    }
  }

  /**
   * Opens a data channel to the consumer. Throws `INVALID_OPTION` for one that cannot be, and `INVALID_STATE` where the consumer
   * has ended its data channels; of a session in another thread the channel closes instead.
   */
  createDataChannel(label: string, init?: DataChannelInit): DataChannel {
    return this.#channels.create(label, init);
  }

  /** What came of a request of the peer; `error` is null where it was handled. */
  answerUpstream(token: number, error: string | null): void {
    this.#channels.control.answer(token, error);
  }

  /** W3C statistics of the connection, its encoders among them. */
  async getStats(): Promise<Map<string, RTCStatsEntry>> {
    if (!this.#connection) return new Map();
    return extendStats(await this.#connection.getStats(), { tracks: this.#tracks, egress: this.#egress });
  }

  /** The few figures that tell how the session does. */
  async getFigures(): Promise<SessionFigures> {
    const { tracks, egress, connection } = { tracks: this.#tracks, egress: this.#egress, connection: this.#connection };
    return readFigures({ options: this.#options, tracks, egress, connection });
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
    this.#negotiation?.close();
    this.#channels.end();
    for (const track of this.#tracks) track.close();
    this.#options.shard.remove(this);
    this.#egress.clear();
    await this.#connection?.close();
    this.removeAllListeners();
  }

  /** A frame for one of this session's tracks. */
  enqueue(kind: 'audio' | 'video', stream: OutboundStream, frame: PacketisedFrame, irreplaceable: boolean): void {
    this.#egress.enqueue(kind, stream, frame, irreplaceable);
  }

  picture(mid: string | undefined, frame: PacketisedFrame, framerate: number): void {
    if (this.#options.timeCodes && mid !== undefined) this.#channels.picture(mid, frame, framerate);
  }

  drop(stream: OutboundStream): void {
    this.#egress.drop(stream);
  }

  giveUp(stream: OutboundStream): void {
    this.#egress.giveUp(stream);
  }

  flush(): void {
    this.#options.shard.flush();
  }

  get target(): number {
    return this.#egress.control.target.bitrate;
  }

  get crowded(): boolean {
    return this.#tracks.some(({ counts, limited }) => counts && limited);
  }

  makeRoom(deadline: number): void {
    for (const track of this.#tracks) track.tolerate(deadline);
    this.#divide();
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
      const why = this.#connection?.failure ?? 'no reason is known';
      this.fail('disconnected', new TsWebRTCError('CONNECTION_FAILED', `the connection to peer ${this.peerId} failed: ${why}.`));
    } else if (state === 'closed') {
      // The peer said goodbye on the connection itself (DTLS close_notify).
      this.fail('ended');
    }
  }

  #onNotConnected(): void {
    const within = `within ${this.#options.setupTimeout / 1000} s.`;
    const message =
      this.#wanted.length === 0
        ? `the sink had no track to offer to peer ${this.peerId} ${within}`
        : `peer ${this.peerId} did not connect ${within}`;
    this.fail('disconnected', new TsWebRTCError('CONNECTION_FAILED', message));
  }

  #listen(connection: Connection): void {
    const egress = this.#egress;
    connection.on('icecandidate', ({ candidate, sdpMLineIndex, sdpMid }) =>
      this.emit('candidate', candidate, sdpMLineIndex ?? 0, sdpMid ?? undefined),
    );
    connection.on('statechange', (state) => this.#onState(state));
    connection.on('restartneeded', (reason) => {
      // An offer that nobody answers is not followed by another.
      if (reason === 'silence' && connection.signalingState !== 'stable') return;
      this.#logger.info({ reason }, 'ICE restarts');
      void this.restartIce();
    });
    connection.on('gatheringfailed', (error) => {
      if (!this.#egress.open) this.fail('error', error);
    });
    connection.on('transport-feedback', ({ baseSequenceNumber, arrivals, referenceTime }, arrival) =>
      egress.feedback({ baseSequence: baseSequenceNumber, arrivals, referenceTime }, arrival),
    );
    connection.on('remb', (bitrate, arrival) => egress.remb(bitrate, arrival));
    connection.on('report', ({ fractionLost, packets, roundTripTime }, arrival) =>
      egress.report(fractionLost, packets, roundTripTime === undefined ? undefined : roundTripTime * 1000, arrival),
    );
  }

  #divide(): void {
    try {
      this.#bitrates.divide(this.#egress, this.#tracks);
    } catch (error) {
      // The application's own division of the bitrate.
      this.fail('error', asError(error));
    }
  }

  /** The transport is up: packets can leave. Returns whether they could not before. */
  #openTarget(): boolean {
    const connection = this.#connection;
    if (this.#egress.open || connection?.lane === undefined) return false;
    this.#egress.start(connection.lane, this.#options.shard.arena, () => connection.nextTransportSequenceNumber());
    return true;
  }

  /** Adds an m-line for each track that is wanted and has none. */
  #prepare(connection: Connection): boolean {
    const missing = this.#wanted.filter((track) => !this.#has(track));
    this.#tracks = [...this.#tracks, ...missing.flatMap((track) => this.#createTrack(connection, track))];
    return connection.transceivers.length > 0;
  }

  /** Tracks for which there is a codec: a list of codecs may have none for stereo. */
  #offerable(tracks: readonly SinkTrack[]): readonly SinkTrack[] {
    return tracks.filter(({ input }) => preferencesFor(this.#options, input).length > 0);
  }

  #has({ name }: SinkTrack): boolean {
    return this.#tracks.some(({ track }) => track.name === name);
  }

  /** Without the further sizes of those that are sent in several. */
  get #leading(): readonly SessionTrack[] {
    return this.#tracks.filter(({ leads }) => leads);
  }

  /** A track, and one more for each further size of it that the peer may take. */
  #createTrack(connection: Connection, track: SinkTrack): SessionTrack[] {
    const { retransmission, retransmissionPercentage, fec, encodings, referenceClock, simulcast, passthrough } = this.#options;
    // What is passed on as it is has one size.
    const resizable = track.kind === 'video' && !(passthrough === 'always' && track.input.encoded);
    const codecs = preferencesFor(this.#options, track.input);
    const { playoutDelay, absCaptureTime, ...payloading } = payloadingOf(this.#options, track, codecs);
    const transceiver = connection.addTransceiver({
      ...payloading,
      kind: track.kind,
      direction: 'sendonly',
      codecs,
      retransmission: track.kind === 'video' && retransmission,
      fec,
      captureTime: absCaptureTime,
      clock: clockOf(referenceClock),
      ...(playoutDelay ? { advisedDelay: playoutDelay } : {}),
      ...(resizable ? { simulcast } : {}),
      ...(track.msid === undefined ? {} : { streamId: track.msid }),
    });
    return transceiver.senders.map(
      (_, layer) =>
        new SessionTrack(track, transceiver, this, {
          sessionId: this.id,
          encodings,
          layer,
          bitrate: this.#bitrates.start(track),
          exact: this.#bitrates.exact,
          retransmissionPercentage,
        }),
    );
  }

  /** Offer and answer are complete: gets every track that the peer takes its encoding. */
  async #onAgreed(connection: Connection): Promise<void> {
    const first = !this.#agreed;
    this.#agreed = true;
    for (const { track, transceiver } of this.#leading) {
      if (transceiver.codec) continue;
      // What a consumer's own offer had no place for it did not ask for: it is not offered later, either.
      if (transceiver.mid === undefined) connection.withdraw(transceiver);
      if (!this.#refused.has(track)) this.#logger.info({ track: track.name }, 'the peer takes no such track');
      this.#refused.add(track);
    }
    const taken = this.#tracks.filter(({ transceiver }) => transceiver.codec);
    if (taken.length === 0 && (this.#tracks.length > 0 || first)) throw this.#nothingTaken();
    // Without a picture nothing has shown what the path carries: it begins anew where this is not what it was made for.
    const showing = this.#tracks.some(({ track, stream, counts }) => track.kind === 'video' && stream && counts);
    const asMade = first && taken.every(({ track }) => isAmong(this.#options.tracks, track));
    this.#limit(taken, !showing && !asMade);
    const opening = taken.map((track) =>
      track.open(showing).catch((error: unknown) => {
        if (first) throw error;
        this.emit('track-failed', track.track.name, asError(error, 'ENCODER_FAILED'));
      }),
    );
    await Promise.all(opening);
    if (!this.#ended) this.#follow();
  }

  #nothingTaken(): TsWebRTCError {
    if (this.#tracks.length > 0) {
      return new TsWebRTCError('NO_COMMON_CODEC', `peer ${this.peerId} took none of the offered codecs.`);
    }
    return new TsWebRTCError('INVALID_STATE', `the sink has no track for peer ${this.peerId}.`);
  }

  /** Ends a track of which the peer shall have no more; its m-line turns inactive with the next offer. */
  #remove(track: SessionTrack): void {
    this.#tracks = this.#tracks.filter((other) => other !== track);
    track.close();
    if (track.stream) this.#egress.remove(track.stream);
    this.#connection?.stopSending(track.transceiver);
  }

  /** Lets what may be sent and how it is divided follow the tracks. */
  #follow(): void {
    const taken = this.#tracks.filter(({ transceiver }) => transceiver.codec);
    this.#limit(taken);
    this.#egress.streams = taken.flatMap(({ stream }) => stream ?? []);
    this.#egress.protectable = taken.flatMap(({ stream, toleratesGaps }) => (stream?.supportsFec && toleratesGaps ? stream : []));
    this.#divide();
    this.flush();
  }

  #limit(taken: readonly SessionTrack[], anew = false): void {
    const { control } = this.#egress;
    const tracks = taken.filter(({ leads }) => leads).map(({ track }) => track);
    const limits = this.#bitrates.limits(tracks, taken);
    const now = performance.now();
    control.setLimits(anew ? { ...limits, start: this.#bitrates.startTarget(tracks) } : limits, now);
    control.setAllocated(limits.max, now);
  }
}

function isAmong(tracks: readonly SinkTrack[], track: SinkTrack): boolean {
  return tracks.some(({ name }) => name === track.name);
}
