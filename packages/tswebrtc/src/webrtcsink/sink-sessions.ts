/** The sessions of a sink: one for each consumer that asks, brought together with the signaller that carries what they say. */
import { asError, type TsWebRTCError } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { ConnectionOptions } from '../connection/types.ts';
import type { VideoCodecName } from '../media/types.ts';
import type { SessionDescription, Signaller } from '../signalling/signaller.ts';
import type { UpstreamRequest } from './control/control-channels.ts';
import type { EncodingPool } from './encoding-pool.ts';
import type { ResolvedSinkOptions } from './options.ts';
import type { SessionFigures } from './session-figures.ts';
import type { EndReason, SessionOptions } from './session-types.ts';
import type { PlacedSession } from './shards/remote-session.ts';
import type { ShardPool } from './shards/shard-pool.ts';
import type { SinkTrack } from './tracks.ts';

/** ms that a consumer has from its request to a connection. */
const SETUP_TIMEOUT = 30_000;

export interface SinkSessionsOptions {
  readonly options: ResolvedSinkOptions;
  readonly shards: ShardPool;
  readonly encodings: EncodingPool;
  readonly signaller: Signaller;
  /** Those that can be encoded here, or come encoded. */
  /** Those of the video codecs wanted that can be encoded here. */
  readonly encodable: readonly VideoCodecName[];
  /** What a new session is given. */
  readonly tracks: () => readonly SinkTrack[];
  readonly connection: () => Omit<ConnectionOptions, 'srtpSender' | 'logger'>;
  readonly onAdded: (session: PlacedSession) => void;
  readonly onRemoved: (session: PlacedSession, reason: EndReason, error: TsWebRTCError | undefined) => void;
  /** A consumer wants something of the application. */
  readonly onUpstream: (session: PlacedSession, request: UpstreamRequest) => void;
  readonly onError: (error: TsWebRTCError) => void;
  readonly logger: Logger;
}

export class SinkSessions {
  readonly #options: SinkSessionsOptions;
  readonly #sessions = new Map<string, PlacedSession>();
  readonly #given = new WeakMap<PlacedSession, readonly SinkTrack[]>();
  #closed = false;

  constructor(options: SinkSessionsOptions) {
    this.#options = options;
    const { signaller, logger } = options;
    signaller.on('session-requested', (sessionId, peerId, offer) => void this.#add(sessionId, peerId, offer));
    signaller.on('session-ended', (sessionId, error) => {
      const session = this.#sessions.get(sessionId);
      if (!session) return;
      if (error) logger.info({ sessionId, error }, 'the peer ended the session with an error');
      void this.#remove(session, 'ended', undefined, false);
    });
    signaller.on(
      'session-description',
      (sessionId, description) => void this.#sessions.get(sessionId)?.handleDescription(description),
    );
    signaller.on('handle-ice', (sessionId, sdpMLineIndex, sdpMid, candidate) => {
      void this.#sessions.get(sessionId)?.handleCandidate(candidate, sdpMLineIndex, sdpMid);
    });
  }

  get all(): readonly PlacedSession[] {
    return [...this.#sessions.values()];
  }

  getFigures(): Promise<SessionFigures[]> {
    return Promise.all(this.all.map((session) => session.getFigures()));
  }

  /** The sink's tracks are these from now on. What has come to its end stays where it is and goes to nobody else. */
  setTracks(tracks: readonly SinkTrack[], live: readonly SinkTrack[]): void {
    for (const session of this.all) {
      const given = this.#given.get(session) ?? [];
      const wanted = tracks.filter((track) => live.includes(track) || given.includes(track));
      this.#given.set(session, wanted);
      session.setTracks(wanted);
    }
  }

  /** Ends all of them and tells their peers. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.all.map((session) => this.#remove(session, 'shutdown', undefined, true)));
  }

  async #add(sessionId: string, peerId: string, offer: SessionDescription | undefined): Promise<void> {
    const { shards, signaller, logger, onAdded, onUpstream, onError } = this.#options;
    if (this.#closed) return;
    if (this.#sessions.has(sessionId)) {
      logger.warn({ sessionId }, 'a session with this id exists already: the second request is ignored');
      return;
    }
    const options = this.#sessionOptions(sessionId, peerId);
    const session = shards.createSession(options);
    this.#given.set(session, options.tracks);
    this.#sessions.set(sessionId, session);
    session.on('description', (description) => {
      const munged = signaller.manualSdpMunging ? description : (signaller.munge?.(sessionId, description) ?? description);
      signaller.sendSdp(sessionId, munged);
    });
    session.on('candidate', (candidate, sdpMLineIndex, sdpMid) => signaller.addIce(sessionId, candidate, sdpMLineIndex, sdpMid));
    session.on('upstream', (request) => onUpstream(session, request));
    session.on('track-failed', (_track, error) => onError(error));
    session.on('end', (reason, error) => void this.#remove(session, reason, error, true));
    logger.info({ sessionId, peerId }, 'consumer added');
    onAdded(session);
    try {
      await session.start(offer);
    } catch (error) {
      session.fail('error', asError(error));
    }
  }

  #sessionOptions(id: string, peerId: string): Omit<SessionOptions, 'shard' | 'encodings'> {
    const { options, encodable, encodings, tracks, connection, signaller, logger } = this.#options;
    return {
      id,
      peerId,
      tracks: tracks(),
      videoCodecs: options.videoCaps,
      encodable,
      audioCodecs: options.audioCaps,
      passthrough: options.passthrough,
      startBitrate: Math.min(Math.max(options.startBitrate, options.minBitrate), options.maxBitrate),
      congestionControl: options.congestionControl,
      minBitrate: options.minBitrate,
      maxBitrate: options.maxBitrate,
      defineEncoderBitrates: options.defineEncoderBitrates,
      retransmission: options.doRetransmission,
      retransmissionPercentage: options.rtxPercentage,
      fec: options.doFec,
      simulcast: options.simulcast,
      timeCodes: options.forwardMetas.includes('timecode'),
      referenceClock: options.doClockSignalling ? options.referenceClock : null,
      playoutDelay: options.playoutDelay,
      absCaptureTime: options.absCaptureTime,
      mtu: options.mtu,
      payloaderSetup: options.payloaderSetup,
      consumerOffers: signaller.permitsConsumerOffers ?? false,
      controlChannel: options.enableControlDataChannel,
      navigationChannel: options.enableDataChannelNavigation,
      connection: connection(),
      setupTimeout: SETUP_TIMEOUT,
      sharedWith: (encodingId) => {
        const others = encodings.sharing(encodingId).filter((other) => other !== id);
        return others.map((other) => this.#sessions.get(other)?.peerId ?? other);
      },
      logger,
    };
  }

  async #remove(session: PlacedSession, reason: EndReason, error: TsWebRTCError | undefined, tellPeer: boolean): Promise<void> {
    const { shards, signaller, logger, onRemoved } = this.#options;
    if (!this.#sessions.delete(session.id)) return;
    if (tellPeer) signaller.endSession(session.id, error?.message);
    logger.info({ sessionId: session.id, peerId: session.peerId, reason, error: error?.message }, 'consumer removed');
    onRemoved(session, reason, error);
    await shards.closeSession(session);
  }
}
