/**
 * The session of a consumer: takes the producer's offers and answers with what it can take of them, or makes the offer itself,
 * and has a track for each medium that comes. Whatever the producer sends ends at most the session, with a reason.
 */
import type { ControlRequest, InfoMessage, NavigationEvent } from '@tswebrtc/protocol';
import { Emitter } from '../common/emitter.ts';
import { asError, TsWebRTCError } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { Connection } from '../connection/connection.ts';
import type { Transceiver } from '../connection/transceiver.ts';
import type { DataChannel, RTCStatsEntry } from '../connection/transport/types.ts';
import type { CodecPreference, ConnectionOptions, IceServer } from '../connection/types.ts';
import type { SessionDescription } from '../signalling/signaller.ts';
import type { OpenDecoding } from './decoded-frames.ts';
import type { SrcAudioCodec, SrcVideoCodec } from './properties.ts';
import { soundPreferences } from './sound-preferences.ts';
import { SrcTrack } from './src-track.ts';
import { Upstream } from './upstream.ts';

/** Why a session ended: the producer or the server ended it, the network lost the producer, something failed, the source stopped. */
export type SrcEndReason = 'ended' | 'disconnected' | 'error' | 'shutdown';

export type SrcSessionEvents = {
  description: [description: SessionDescription];
  candidate: [candidate: string, sdpMLineIndex: number, sdpMid: string | undefined];
  track: [track: SrcTrack];
  /** The tracks of an offer were all shown. */
  exposed: [];
  /** Media flow. */
  connected: [];
  /** The producer opened a data channel of the application's. */
  datachannel: [channel: DataChannel];
  /** The producer tells something of a stream. */
  info: [info: InfoMessage];
  end: [reason: SrcEndReason, error: TsWebRTCError | undefined];
};

export interface SrcSessionOptions {
  readonly id: string;
  readonly producerId: string;
  /** Whether the first offer comes from this side. */
  readonly offering: boolean;
  /** Whether this side may offer once the session runs. */
  readonly offersAgain: boolean;
  readonly videoCodecs: readonly SrcVideoCodec[];
  readonly audioCodecs: readonly SrcAudioCodec[];
  readonly retransmission: boolean;
  /** Which channels events are sent over. */
  readonly controlChannel: boolean;
  readonly navigationChannel: boolean;
  readonly playoutDelay: { readonly floor: number; readonly ceiling: number };
  readonly connection: Omit<ConnectionOptions, 'logger'>;
  /** ms that the producer has to offer and connect. */
  readonly setupTimeout: number;
  readonly openDecoding: OpenDecoding;
  readonly logger: Logger;
}

export class SrcSession extends Emitter<SrcSessionEvents> {
  readonly id: string;
  readonly producerId: string;
  readonly #options: SrcSessionOptions;
  readonly #logger: Logger;
  readonly #tracks = new Map<Transceiver, SrcTrack>();
  readonly #upstream: Upstream;
  readonly #serials = { video: 0, audio: 0 };
  /** Descriptions and candidates are taken one after the other. */
  #turn: Promise<void>;
  #connection: Connection | undefined;
  #setupTimer: NodeJS.Timeout | undefined;
  #awaitsAnswer = false;
  #answerTimer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(options: SrcSessionOptions) {
    super();
    this.id = options.id;
    this.producerId = options.producerId;
    this.#options = options;
    this.#logger = options.logger.child({ subsystem: 'session', sessionId: options.id });
    this.#upstream = new Upstream({
      control: options.controlChannel,
      navigation: options.navigationChannel,
      onInfo: (info) => this.emit('info', info),
      logger: this.#logger,
    });
    this.#turn = this.#open();
    if (options.offering) this.#inTurn((connection) => this.#offer(connection));
  }

  /** Those that have not ended. */
  get tracks(): readonly SrcTrack[] {
    return [...this.#tracks.values()].filter(({ ended }) => !ended);
  }

  /** Resolves when the producer has handled it. `mid`: of the stream that is meant; null for all. */
  navigate(event: NavigationEvent, mid: string | null): Promise<void> {
    return this.#upstream.navigate(event, mid);
  }

  /** Resolves when the producer has handled it; rejects with `REQUEST_REFUSED`. */
  request(request: ControlRequest, mid: string | null): Promise<void> {
    return this.#upstream.request(request, mid);
  }

  async getStats(): Promise<Map<string, RTCStatsEntry>> {
    return this.#connection ? this.#connection.getStats() : new Map();
  }

  /** Newer STUN and TURN servers, see `Connection.setIceServers`; unusable ones change nothing. */
  setIceServers(servers: readonly IceServer[]): void {
    try {
      this.#connection?.setIceServers(servers);
    } catch (error) {
      this.#logger.warn({ reason: asError(error).message }, 'newer ICE servers were ignored');
    }
  }

  handleDescription(description: SessionDescription): void {
    this.#inTurn((connection) =>
      description.type === 'answer' ? this.#takeAnswer(connection, description) : this.#answer(connection, description),
    );
  }

  /**
   * Offers the producer an ICE restart: other addresses and credentials, while media flow over the pair in use until there is
   * another one. Resolves when the offer is on its way, or waits for the answer to another. Only where this side may offer again.
   */
  restartIce(): Promise<void> {
    this.#inTurn(async (connection) => {
      connection.restartIce();
      await this.#offerRestart(connection);
    });
    return this.#turn;
  }

  handleCandidate(candidate: string, sdpMLineIndex: number, sdpMid: string | undefined): void {
    this.#inTurn(async (connection) => {
      await connection.addIceCandidate({ candidate, sdpMLineIndex, sdpMid: sdpMid ?? null }).catch((error: unknown) => {
        this.#logger.debug({ err: asError(error) }, 'unusable candidate ignored');
      });
    });
  }

  /** Ends the session from inside; the source hears of it by `end`. */
  fail(reason: SrcEndReason, error?: TsWebRTCError): void {
    if (!this.#ended) this.emit('end', reason, error);
  }

  /** Frees everything; its tracks end. Idempotent. */
  async close(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#setupTimer);
    clearTimeout(this.#answerTimer);
    for (const track of this.#tracks.values()) track.end();
    this.#upstream.end();
    await this.#turn.catch(() => {});
    await this.#connection?.close();
    this.removeAllListeners();
  }

  async #open(): Promise<void> {
    const { setupTimeout, producerId } = this.#options;
    this.#setupTimer = setTimeout(() => {
      const message = `producer ${producerId} did not connect within ${setupTimeout / 1000} s.`;
      this.fail('disconnected', new TsWebRTCError('CONNECTION_FAILED', message));
    }, setupTimeout);
    const connection = await Connection.create({ ...this.#options.connection, logger: this.#logger });
    if (this.#ended) return void connection.close();
    this.#connection = connection;
    connection.on('icecandidate', ({ candidate, sdpMLineIndex, sdpMid }) =>
      this.emit('candidate', candidate, sdpMLineIndex ?? 0, sdpMid ?? undefined),
    );
    connection.on('datachannel', (channel) => {
      if (!this.#upstream.adopt(channel)) this.emit('datachannel', channel);
    });
    connection.on('restartneeded', (reason) => {
      // An offer that nobody answers is not followed by another.
      if (!this.#options.offersAgain || (reason === 'silence' && connection.signalingState !== 'stable')) return;
      this.#logger.info({ reason }, 'ICE restarts');
      void this.restartIce();
    });
    connection.on('statechange', (state) => {
      if (state === 'connected') {
        clearTimeout(this.#setupTimer);
        this.emit('connected');
      } else if (state === 'failed') {
        const message = `the connection to producer ${producerId} failed: ${connection.failure ?? 'no reason is known'}.`;
        this.fail('disconnected', new TsWebRTCError('CONNECTION_FAILED', message));
      } else if (state === 'closed') this.fail('ended');
    });
  }

  /** Runs `task` when what came before it is done. What it throws ends the session. */
  #inTurn(task: (connection: Connection) => Promise<void>): void {
    this.#turn = this.#turn
      .then(async () => {
        if (!this.#ended && this.#connection) await task(this.#connection);
      })
      .catch((error: unknown) => this.fail('error', asError(error, 'INVALID_SDP')));
  }

  /** Asks for one picture and one sound in any of the codecs. */
  async #offer(connection: Connection): Promise<void> {
    this.#want(connection, 'video', 1);
    this.#want(connection, 'audio', 1);
    this.#upstream.create((label, init) => connection.createDataChannel(label, init));
    await this.#sendOffer(connection);
  }

  async #offerRestart(connection: Connection): Promise<void> {
    if (this.#awaitsAnswer || !connection.restartDue) return;
    // Made for m-lines that were not to be had: a restart asks for nothing new.
    for (const transceiver of [...connection.transceivers]) connection.withdraw(transceiver);
    await this.#sendOffer(connection);
    this.#answerTimer = setTimeout(() => this.#inTurn(async () => this.#takeBack(connection)), this.#options.setupTimeout);
  }

  /** The producer answered neither with an answer nor with an offer of its own. What runs goes on without the restart. */
  #takeBack(connection: Connection): void {
    if (!this.#awaitsAnswer) return;
    this.#logger.warn({ producerId: this.producerId }, 'the producer did not answer the offer of an ICE restart');
    this.#awaitsAnswer = false;
    connection.rollback();
  }

  async #sendOffer(connection: Connection): Promise<void> {
    const offer = await connection.createOffer();
    this.#awaitsAnswer = true;
    // The offer goes out before its candidates, which the local description brings.
    this.emit('description', offer);
    await connection.setLocalDescription(offer);
  }

  async #takeAnswer(connection: Connection, answer: SessionDescription): Promise<void> {
    if (!this.#awaitsAnswer) {
      this.#logger.warn({}, 'an answer of the producer was ignored: nothing was offered');
      return;
    }
    this.#awaitsAnswer = false;
    clearTimeout(this.#answerTimer);
    await connection.setRemoteDescription(answer);
    this.#expose(connection);
    // One that was asked for meanwhile.
    await this.#offerRestart(connection);
  }

  async #answer(connection: Connection, offer: SessionDescription): Promise<void> {
    const crossed = this.#awaitsAnswer;
    if (crossed) {
      // Of two offers that cross the producer's counts: it has ignored ours.
      connection.rollback();
      this.#awaitsAnswer = false;
      clearTimeout(this.#answerTimer);
    }
    await connection.setRemoteDescription(offer);
    this.#wantAll(connection);
    const answer = await connection.createAnswer();
    await connection.setLocalDescription(answer);
    if (this.#ended) return;
    this.emit('description', answer);
    this.#expose(connection);
    if (crossed) await this.#offerRestart(connection);
  }

  /** A transceiver for every m-line that the producer may send on. */
  #wantAll(connection: Connection): void {
    for (const kind of ['video', 'audio'] as const) {
      this.#want(connection, kind, connection.remoteMedia.filter((media) => media.kind === kind).length);
    }
  }

  /** Adds transceivers until there are `count` of this kind. */
  #want(connection: Connection, kind: 'video' | 'audio', count: number): void {
    const { videoCodecs, audioCodecs, retransmission, playoutDelay } = this.#options;
    const codecs = kind === 'video' ? videoCodecs.flatMap(videoPreferences) : audioCodecs.flatMap(soundPreferences);
    if (codecs.length === 0) return;
    const there = connection.transceivers.filter((transceiver) => transceiver.kind === kind).length;
    for (let i = there; i < count; i++) {
      connection.addTransceiver({
        kind,
        direction: 'recvonly',
        codecs,
        retransmission: kind === 'video' && retransmission,
        fec: true,
        playoutDelay,
      });
    }
  }

  /** Shows the tracks that came with the last offer. */
  #expose(connection: Connection): void {
    let usable = false;
    for (const transceiver of connection.transceivers) {
      if (!transceiver.receiver?.active) continue;
      usable = true;
      const known = this.#tracks.get(transceiver);
      if (known && !known.ended) continue;
      const name = `${transceiver.kind}_${this.#serials[transceiver.kind]++}`;
      const track = new SrcTrack(name, transceiver, this.#options.openDecoding);
      this.#tracks.set(transceiver, track);
      this.emit('track', track);
    }
    if (!usable && this.#tracks.size === 0) {
      const message = `producer ${this.producerId} offers nothing in a codec that is taken here.`;
      throw new TsWebRTCError('NO_COMMON_CODEC', message);
    }
    this.emit('exposed');
  }
}

/** H.264 twice: as every WebRTC endpoint sends it, and up to the High profile, which GStreamer's cameras and encoders like. */
const videoPreferences = (name: SrcVideoCodec): CodecPreference[] => {
  const plain: CodecPreference = { name, clockRate: 90_000 };
  return name === 'H264' ? [plain, { ...plain, fmtp: HIGH_PROFILE }] : [plain];
};
const HIGH_PROFILE = { 'packetization-mode': '1', 'profile-level-id': '640033', 'level-asymmetry-allowed': '1' };
