/**
 * `WebRTCSink`: tracks in, sessions out. It opens the inputs, announces itself through a signaller and gives every consumer
 * that asks a session of its own; the sessions share the encodings. Reference §2.
 */
import { Emitter } from '../common/emitter.ts';
import { asError, TsWebRTCError } from '../common/errors.ts';
import { type Logger, silentLogger } from '../common/logger.ts';
import { createSrtpSender } from '../connection/srtp/create-srtp-sender.ts';
import { loadMediaEngine } from '../media/engine.ts';
import type { InputDescription, MediaEngine, MediaInput } from '../media/types.ts';
import { connectionOptions } from '../properties/network.ts';
import { isSignaller, linkOptions } from '../properties/signaller.ts';
import { DefaultSignaller } from '../signalling/default-signaller.ts';
import type { SessionDescription, Signaller } from '../signalling/signaller.ts';
import { EmbeddedServers } from './embedded-servers.ts';
import { type EncodingFigures, EncodingPool } from './encoding-pool.ts';
import { type ResolvedSinkOptions, validateOptions, type WebRTCSinkOptions } from './properties.ts';
import type { EndReason, Session, SessionFigures } from './session.ts';
import { Shard } from './shard.ts';
import type { PlacedSession } from './shards/remote-session.ts';
import { ShardPool } from './shards/shard-pool.ts';
import { type SinkTrack, TrackNames } from './tracks.ts';

const DEFAULT_SIGNALLING_URI = 'ws://127.0.0.1:8443';
/** Opus at its best for music and speech alike, bit/s. */
const AUDIO_BITRATE = 96_000;
/** ms that a consumer has from its request to a connection. */
const SETUP_TIMEOUT = 30_000;

/** One consumer, as applications see it. */
export type ConsumerSession = Pick<Session, 'id' | 'peerId' | 'getStats' | 'getFigures'>;

export type WebRTCSinkEvents = {
  /** The embedded servers accept connections; `urls` carry the real ports. */
  listening: [servers: { readonly urls: readonly string[] }];
  /** Announced to the signalling server under this id. Again, with a new id, after a reconnection. */
  registered: [peerId: string];
  'consumer-added': [session: ConsumerSession];
  'consumer-removed': [session: ConsumerSession, reason: EndReason, error: TsWebRTCError | undefined];
  /** Something failed. With a session id: that session is over; without: the sink goes on as far as it can. */
  error: [error: TsWebRTCError, sessionId: string | undefined];
  /** All inputs came to their end, the last of them by `error` where that is given. */
  ended: [error: TsWebRTCError | undefined];
};

export interface SinkStats {
  readonly sessions: readonly SessionFigures[];
  /** Encoders that run. */
  readonly encodings: readonly EncodingFigures[];
}

export class WebRTCSink extends Emitter<WebRTCSinkEvents> {
  readonly #options: ResolvedSinkOptions;
  readonly #sharedEngine: MediaEngine | undefined;
  readonly #logger: Logger;
  readonly #descriptions: InputDescription[] = [];
  readonly #sessions = new Map<string, PlacedSession>();
  readonly #tracks: SinkTrack[] = [];
  readonly #inputs: MediaInput[] = [];
  readonly #servers = new EmbeddedServers();
  #state: 'new' | 'starting' | 'started' | 'closed' = 'new';
  #engine: MediaEngine | undefined;
  #shard: Shard | undefined;
  #shards: ShardPool | undefined;
  #encodings: EncodingPool | undefined;
  #signaller: Signaller | undefined;
  #opening: Promise<readonly string[]> | undefined;
  #closing: Promise<void> | undefined;
  #signallingUri: string | undefined;
  #connectionOptions: ReturnType<typeof connectionOptions>;
  readonly #abort = new AbortController();

  /** Throws `INVALID_OPTION` for an option that cannot be. */
  constructor(options: WebRTCSinkOptions = {}) {
    super();
    this.#options = validateOptions(options);
    this.#connectionOptions = connectionOptions(this.#options, undefined);
    this.#sharedEngine = options.engine;
    this.#logger = (options.logger ?? silentLogger).child({ subsystem: 'webrtcsink' });
  }

  /** Adds an input; all of its media become tracks. Before `start`. */
  addTrack(input: InputDescription): void {
    if (this.#state !== 'new') {
      throw new TsWebRTCError('INVALID_STATE', 'tracks are added before the sink is started.');
    }
    this.#descriptions.push(input);
  }

  /** Live sessions. */
  get sessions(): readonly ConsumerSession[] {
    return [...this.#sessions.values()];
  }

  /**
   * Opens the inputs, starts the embedded servers that are asked for and registers with the signalling server; resolves when
   * registered. A signalling server that cannot be reached is tried again for ever (`error` events tell). Rejects with
   * `INPUT_NOT_FOUND`, `INPUT_FAILED`, `ENGINE_UNAVAILABLE`, `ADDRESS_IN_USE`, `CERTIFICATE_UNREADABLE`, …; then nothing is left running.
   */
  async start(options: { signal?: AbortSignal } = {}): Promise<void> {
    if (this.#state !== 'new') throw new TsWebRTCError('INVALID_STATE', 'a sink is started once.');
    if (this.#descriptions.length === 0) {
      throw new TsWebRTCError('INVALID_STATE', 'the sink has no track: call addTrack() before start().');
    }
    this.#state = 'starting';
    const close = (): void => void this.close();
    options.signal?.addEventListener('abort', close, { once: true });
    try {
      options.signal?.throwIfAborted();
      this.#opening = this.#open();
      const urls = await this.#opening;
      this.#throwIfClosed();
      if (urls.length > 0) this.emit('listening', { urls });
      await this.#register();
      this.#throwIfClosed();
      this.#state = 'started';
    } catch (error) {
      await this.close();
      throw asError(error);
    } finally {
      if (this.#state !== 'started') options.signal?.removeEventListener('abort', close);
    }
  }

  async getStats(): Promise<SinkStats> {
    const sessions = await Promise.all([...this.#sessions.values()].map((session) => session.getFigures()));
    return { sessions, encodings: this.#encodings?.getFigures() ?? [] };
  }

  /** Ends every session, tells their peers, and frees everything. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Opens what `close` has to close again; resolves with the servers' URLs. */
  async #open(): Promise<string[]> {
    await this.#openInputs();
    this.#throwIfClosed();
    return this.#servers.start(this.#options, this.#logger, () => this.getStats());
  }

  async #openInputs(): Promise<void> {
    const engine = this.#sharedEngine ?? (await loadMediaEngine({ logger: this.#logger.child({ subsystem: 'media' }) }));
    this.#engine = engine;
    this.#throwIfClosed();
    const opened = await Promise.allSettled(
      this.#descriptions.map((input) => engine.openInput(input, { signal: this.#abort.signal })),
    );
    for (const result of opened) if (result.status === 'fulfilled') this.#inputs.push(result.value);
    const failure = opened.find((result) => result.status === 'rejected');
    if (failure) throw failure.reason;
    this.#throwIfClosed();

    const names = new TrackNames();
    for (const input of this.#inputs) {
      for (const track of input.tracks) this.#tracks.push({ name: names.take(track.kind), kind: track.kind, input: track });
      input.on('error', (error) => {
        const reason = asError(error, 'INPUT_FAILED');
        this.#report(reason);
        this.#onInputEnded(input, reason);
      });
      input.on('ended', () => this.#onInputEnded(input, undefined));
    }
    // Pictures first, as the reference's payload types and browsers' habits have it; names are given already.
    this.#tracks.sort((a, b) => Number(a.kind === 'audio') - Number(b.kind === 'audio'));
    this.#shard = new Shard(await createSrtpSender({ logger: this.#logger }));
    const { minBitrate, maxBitrate, encoding, maxEncodings, enableMitigationModes, opusInbandFec, opusDtx } = this.#options;
    this.#encodings = new EncodingPool(
      engine,
      this.#shard,
      {
        minBitrate,
        maxBitrate,
        audioBitrate: AUDIO_BITRATE,
        encoding,
        maxEncodings,
        mitigationModes: enableMitigationModes,
        audio: { inbandFec: opusInbandFec, dtx: opusDtx },
      },
      this.#logger,
      (error) => this.#report(asError(error, 'ENCODER_FAILED')),
    );
    const { shards } = this.#options;
    const [shard, tracks, logger] = [this.#shard, this.#tracks, this.#logger];
    this.#shards = new ShardPool({ shard, encodings: this.#encodings, tracks, shards, logger });
    for (const input of this.#inputs) input.start();
  }

  async #register(): Promise<void> {
    const signaller = this.#createSignaller();
    this.#signaller = signaller;
    signaller.on('session-requested', (sessionId, peerId, offer) => void this.#addSession(sessionId, peerId, offer));
    signaller.on('session-ended', (sessionId, error) => {
      const session = this.#sessions.get(sessionId);
      if (!session) return;
      if (error) this.#logger.info({ sessionId, error }, 'the peer ended the session with an error');
      void this.#removeSession(session, 'ended', undefined, false);
    });
    signaller.on(
      'session-description',
      (sessionId, description) => void this.#sessions.get(sessionId)?.handleDescription(description),
    );
    signaller.on('handle-ice', (sessionId, sdpMLineIndex, sdpMid, candidate) => {
      void this.#sessions.get(sessionId)?.handleCandidate(candidate, sdpMLineIndex, sdpMid);
    });
    signaller.on('disconnected', (reason) => this.#report(new TsWebRTCError('SIGNALLING_UNREACHABLE', reason)));
    signaller.on('error', (error) => this.#report(asError(error, 'SIGNALLING_UNREACHABLE')));
    signaller.on('shutdown', () => this.emit('ended', undefined));
    signaller.on('registered', (peerId) => this.emit('registered', peerId));
    signaller.on('ice-servers', (servers) => {
      this.#connectionOptions = connectionOptions(this.#options, this.#signallingUri, servers);
    });
    const registered = new Promise<void>((resolve, reject) => {
      signaller.on('registered', () => resolve());
      signaller.on('shutdown', () => reject(new TsWebRTCError('SIGNALLING_UNREACHABLE', 'the signaller gave up.')));
      this.#abort.signal.addEventListener('abort', () => reject(aborted()), { once: true });
    });
    await signaller.start({ requestMeta: () => this.#options.meta });
    await registered;
  }

  #createSignaller(): Signaller {
    const { signaller } = this.#options;
    if (isSignaller(signaller)) return signaller;
    const uri = signaller.uri ?? this.#servers.signallingUri ?? DEFAULT_SIGNALLING_URI;
    // Of our own server nothing needs proof: this very process holds the port, and the certificate is made out to the name by
    // which others reach it.
    const own = uri === this.#servers.signallingUri;
    this.#signallingUri = uri;
    this.#connectionOptions = connectionOptions(this.#options, uri);
    return new DefaultSignaller({
      uri,
      role: 'producer',
      ...linkOptions(signaller),
      insecureTls: signaller.insecureTls || own,
      logger: this.#logger.child({ subsystem: 'signaller' }),
    });
  }

  async #addSession(sessionId: string, peerId: string, offer: SessionDescription | undefined): Promise<void> {
    const [shards, encodings, signaller, options] = [this.#shards, this.#encodings, this.#signaller, this.#options];
    if (!shards || !encodings || !signaller || this.#closing) return;
    if (this.#sessions.has(sessionId)) {
      this.#logger.warn({ sessionId }, 'a session with this id exists already: the second request is ignored');
      return;
    }
    const session = shards.createSession({
      id: sessionId,
      peerId,
      tracks: this.#tracks,
      videoCodecs: options.videoCaps,
      audioCodecs: options.audioCaps,
      startBitrate: Math.min(Math.max(options.startBitrate, options.minBitrate), options.maxBitrate),
      audioBitrate: AUDIO_BITRATE,
      congestionControl: options.congestionControl,
      minBitrate: options.minBitrate,
      maxBitrate: options.maxBitrate,
      defineEncoderBitrates: options.defineEncoderBitrates,
      retransmission: options.doRetransmission,
      retransmissionPercentage: options.rtxPercentage,
      fec: options.doFec,
      connection: this.#connectionOptions,
      setupTimeout: SETUP_TIMEOUT,
      sharedWith: (encodingId) => {
        const others = encodings.sharing(encodingId).filter((id) => id !== sessionId);
        return others.map((id) => this.#sessions.get(id)?.peerId ?? id);
      },
      logger: this.#logger,
    });
    this.#sessions.set(sessionId, session);
    session.on('description', (description) => {
      const munged = signaller.manualSdpMunging ? description : (signaller.munge?.(sessionId, description) ?? description);
      signaller.sendSdp(sessionId, munged);
    });
    session.on('candidate', (candidate, sdpMLineIndex, sdpMid) => signaller.addIce(sessionId, candidate, sdpMLineIndex, sdpMid));
    session.on('end', (reason, error) => void this.#removeSession(session, reason, error, true));
    this.#logger.info({ sessionId, peerId }, 'consumer added');
    this.emit('consumer-added', session);
    try {
      await session.start(offer);
    } catch (error) {
      session.fail('error', asError(error));
    }
  }

  async #removeSession(
    session: PlacedSession,
    reason: EndReason,
    error: TsWebRTCError | undefined,
    tellPeer: boolean,
  ): Promise<void> {
    if (!this.#sessions.delete(session.id)) return;
    if (tellPeer) this.#signaller?.endSession(session.id, error?.message);
    this.#logger.info({ sessionId: session.id, peerId: session.peerId, reason, error: error?.message }, 'consumer removed');
    if (error && reason === 'error') this.emit('error', error, session.id);
    this.emit('consumer-removed', session, reason, error);
    await this.#shards?.closeSession(session);
  }

  #onInputEnded(input: MediaInput, error: TsWebRTCError | undefined): void {
    const index = this.#inputs.indexOf(input);
    if (index < 0) return;
    this.#inputs.splice(index, 1);
    void input.close();
    if (this.#inputs.length === 0) this.emit('ended', error);
  }

  #report(error: TsWebRTCError): void {
    this.#logger.error({ code: error.code }, error.message);
    this.emit('error', error, undefined);
  }

  #throwIfClosed(): void {
    if (this.#closing) throw aborted();
  }

  async #close(): Promise<void> {
    this.#state = 'closed';
    this.#abort.abort();
    // What is half open cannot be closed yet.
    await this.#opening?.catch(() => {});
    const sessions = [...this.#sessions.values()];
    const removing = sessions.map((session) => this.#removeSession(session, 'shutdown', undefined, true));
    await Promise.all([...removing, this.#shards?.close()]);
    await this.#signaller?.stop();
    await this.#servers.close();
    await this.#encodings?.close();
    await Promise.all(this.#inputs.splice(0).map((input) => input.close()));
    if (!this.#sharedEngine) await this.#engine?.close();
    this.#shard?.close();
  }
}

function aborted(): TsWebRTCError {
  return new TsWebRTCError('INVALID_STATE', 'the sink was closed while it started.');
}
