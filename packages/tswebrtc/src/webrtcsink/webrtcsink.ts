/**
 * `WebRTCSink`: tracks in, sessions out. It opens the inputs, announces itself through a signaller and gives every consumer
 * that asks a session of its own; the sessions share the encodings. Reference §2.
 */
import type { ControlStructure, NavigationEvent } from '@tswebrtc/protocol';
import { Emitter } from '../common/emitter.ts';
import { asError, TsWebRTCError } from '../common/errors.ts';
import { type Logger, silentLogger } from '../common/logger.ts';
import { createSrtpSender } from '../connection/srtp/create-srtp-sender.ts';
import { usableIceServers } from '../connection/transport/ice-servers.ts';
import type { DataChannel } from '../connection/transport/types.ts';
import { loadMediaEngine } from '../media/engine.ts';
import { PushClock } from '../media/push/push-clock.ts';
import { PushedAudio, type PushedAudioOptions } from '../media/push/pushed-audio.ts';
import { type PushedAudioPacketsOptions, PushedPackets, type PushedVideoPacketsOptions } from '../media/push/pushed-packets.ts';
import { PushedVideo, type PushedVideoOptions } from '../media/push/pushed-video.ts';
import type { InputDescription, MediaEngine, VideoCodecName } from '../media/types.ts';
import { connectionOptions, openSharedPorts, type SharedPorts } from '../properties/network.ts';
import { isSignaller, linkOptions } from '../properties/signaller.ts';
import { DefaultSignaller } from '../signalling/default-signaller.ts';
import type { Signaller } from '../signalling/signaller.ts';
import type { UpstreamRequest } from './control/control-channels.ts';
import { EmbeddedServers } from './embedded-servers.ts';
import { type EncodingFigures, EncodingPool } from './encoding-pool.ts';
import { type GstStats, toGstStats } from './gst-stats.ts';
import { type ResolvedSinkOptions, validateOptions, type WebRTCSinkOptions } from './options.ts';
import type { Session } from './session.ts';
import type { SessionFigures } from './session-figures.ts';
import type { EndReason } from './session-types.ts';
import { Shard } from './shard.ts';
import type { PlacedSession } from './shards/remote-session.ts';
import { ShardPool } from './shards/shard-pool.ts';
import { type AddTrackOptions, type SinkInput, SinkInputs } from './sink-inputs.ts';
import { SinkSessions } from './sink-sessions.ts';
import type { TrackInfo } from './tracks.ts';

const DEFAULT_SIGNALLING_URI = 'ws://127.0.0.1:8443';

/** One consumer, as applications see it. */
export interface ConsumerSession
  extends Pick<Session, 'id' | 'peerId' | 'createDataChannel' | 'restartIce' | 'getStats' | 'getFigures'> {
  /** Hears of data channels that the consumer opens; returns a function that stops that. */
  on(event: 'datachannel', listener: (channel: DataChannel) => unknown): () => void;
}

export type WebRTCSinkEvents = {
  /** The embedded servers accept connections; `urls` carry the real ports. */
  listening: [servers: { readonly urls: readonly string[] }];
  /** Announced to the signalling server under this id. Again, with a new id, after a reconnection. */
  registered: [peerId: string];
  /** First thing in a session, before `consumer-added`. */
  'consumer-pipeline-created': [session: ConsumerSession];
  'consumer-added': [session: ConsumerSession];
  'consumer-removed': [session: ConsumerSession, reason: EndReason, error: TsWebRTCError | undefined];
  /** A track is there, or no longer: its input was opened or removed. */
  'track-added': [track: TrackInfo];
  'track-removed': [track: TrackInfo];
  /**
   * One of the inputs came to its end, by `error` where that is given. Consumers keep its tracks, of which nothing more comes,
   * until the application removes it; new consumers do not get them.
   */
  'input-ended': [input: SinkInput, error: TsWebRTCError | undefined];
  /** A consumer's mouse, keyboard or touch, on the stream's pixels. Whoever listens has handled it, unless `refuse` is called. */
  navigation: [event: NavigationEvent, context: UpstreamContext];
  /** An event of a consumer's own. Whoever listens has handled it, unless `refuse` is called. */
  'custom-upstream-event': [structureName: string, structure: ControlStructure, context: UpstreamContext];
  /** One of the inputs gives nothing for the time being (why, as a sentence), and is tried again until it does. */
  'input-interrupted': [input: SinkInput, reason: string];
  'input-resumed': [input: SinkInput];
  /** Something failed. With a session id: that session is over; without: the sink goes on as far as it can. */
  error: [error: TsWebRTCError, sessionId: string | undefined];
  /** All inputs came to their end, the last of them by `error` where that is given. */
  ended: [error: TsWebRTCError | undefined];
};

/** Where an event of a consumer came from, and how it is refused. */
export interface UpstreamContext {
  readonly session: ConsumerSession;
  /** The m-line that the consumer named; null where it means all. */
  readonly mid: string | null;
  /** Names of the tracks that are meant, such as `video_0`. */
  readonly tracks: readonly string[];
  /** Nothing came of it: the consumer is told why. Counts while the event is being told. */
  refuse(reason: string): void;
}

export interface SinkStats {
  readonly sessions: readonly SessionFigures[];
  /** Encoders that run. */
  readonly encodings: readonly EncodingFigures[];
}

export class WebRTCSink extends Emitter<WebRTCSinkEvents> {
  readonly #options: ResolvedSinkOptions;
  readonly #sharedEngine: MediaEngine | undefined;
  readonly #logger: Logger;
  readonly #inputs: SinkInputs;
  readonly #servers = new EmbeddedServers();
  /** Keeps the tracks that the application writes together. */
  readonly #pushClock = new PushClock();
  #state: 'new' | 'starting' | 'started' | 'closed' = 'new';
  #engine: MediaEngine | undefined;
  #shard: Shard | undefined;
  #shards: ShardPool | undefined;
  #encodings: EncodingPool | undefined;
  /** Those of the codecs wanted that can be encoded here. */
  #encodable: readonly VideoCodecName[] = [];
  #signaller: Signaller | undefined;
  #sessions: SinkSessions | undefined;
  #opening: Promise<readonly string[]> | undefined;
  #closing: Promise<void> | undefined;
  #signallingUri: string | undefined;
  /** Kept while they open too: whoever closes meanwhile has them to close. */
  #ports: Promise<SharedPorts> | undefined;
  #connectionOptions: ReturnType<typeof connectionOptions>;
  readonly #abort = new AbortController();

  /** Throws `INVALID_OPTION` for an option that cannot be. */
  constructor(options: WebRTCSinkOptions = {}) {
    super();
    this.#options = validateOptions(options);
    this.#connectionOptions = connectionOptions(this.#options, undefined);
    this.#sharedEngine = options.engine;
    this.#logger = (options.logger ?? silentLogger).child({ subsystem: 'webrtcsink' });
    if (this.#options.forwardMetas.length > 0 && !this.#options.enableControlDataChannel) {
      this.#logger.warn(
        {},
        'forward-metas tells consumers nothing without the control channel: set enable-control-data-channel as well',
      );
    }
    this.#inputs = new SinkInputs({
      onAdded: ({ name, kind, msid }) => {
        this.#logger.info({ track: name }, 'track added');
        this.emit('track-added', { name, kind, ...(msid === undefined ? {} : { msid }) });
      },
      onChanged: () => this.#sessions?.setTracks(this.#inputs.tracks, this.#inputs.liveTracks),
      onRemoved: async (track) => {
        this.#logger.info({ track: track.name }, 'track removed');
        this.emit('track-removed', track);
        await this.#encodings?.remove(track);
      },
      onInterrupted: (input, reason) => {
        this.#logger.warn({ tracks: input.tracks.map(({ name }) => name) }, reason);
        this.emit('input-interrupted', input, reason);
      },
      onResumed: (input) => {
        this.#logger.info({ tracks: input.tracks.map(({ name }) => name) }, 'the input is back');
        this.emit('input-resumed', input);
      },
      onEnded: (input, error, last) => {
        this.emit('input-ended', input, error);
        if (last) this.emit('ended', error);
      },
      onError: (error) => this.#report(error),
    });
  }

  /**
   * Adds an input; all of its media become tracks. While the sink runs, too: the consumers are offered the new tracks, and what
   * they watch goes on untouched. Throws `INVALID_OPTION` for an option that cannot be, `INVALID_STATE` after `close`.
   */
  addTrack(input: InputDescription, options: AddTrackOptions = {}): SinkInput {
    if (this.#closing) throw new TsWebRTCError('INVALID_STATE', 'the sink is closed.');
    return this.#inputs.add(input, options);
  }

  /**
   * Takes a track away, with its encodings, and its input where it was the last of that; consumers see it end, and what else
   * they watch goes on untouched. Its name is not used again. Rejects with `INVALID_OPTION` where there is none of that name.
   */
  removeTrack(name: string): Promise<void> {
    return this.#inputs.removeTrack(name);
  }

  /** The tracks there are. */
  get tracks(): readonly TrackInfo[] {
    return this.#inputs.tracks;
  }

  /**
   * Adds a track that the application writes: pictures, or with `codec` instead of `format` packets that are encoded already. Throws
   * `INVALID_OPTION`, and `INVALID_STATE` as `addTrack` does.
   */
  addVideoTrack(options: PushedVideoOptions & AddTrackOptions): PushedVideo;
  addVideoTrack(options: PushedVideoPacketsOptions & AddTrackOptions): PushedPackets;
  addVideoTrack(options: (PushedVideoOptions | PushedVideoPacketsOptions) & AddTrackOptions): PushedVideo | PushedPackets {
    const clock = this.#pushClock;
    const track = 'codec' in options ? new PushedPackets('video', options, clock) : new PushedVideo(options, clock);
    this.addTrack(track, options);
    return track;
  }

  /** The same for sound. */
  addAudioTrack(options: PushedAudioOptions & AddTrackOptions): PushedAudio;
  addAudioTrack(options: PushedAudioPacketsOptions & AddTrackOptions): PushedPackets;
  addAudioTrack(options: (PushedAudioOptions | PushedAudioPacketsOptions) & AddTrackOptions): PushedAudio | PushedPackets {
    const clock = this.#pushClock;
    const track = 'codec' in options ? new PushedPackets('audio', options, clock) : new PushedAudio(options, clock);
    this.addTrack(track, options);
    return track;
  }

  /** Live sessions. */
  get sessions(): readonly ConsumerSession[] {
    return this.#sessions?.all ?? [];
  }

  /**
   * Opens the inputs, starts the embedded servers that are asked for and registers with the signalling server; resolves when
   * registered. A signalling server that cannot be reached is tried again for ever (`error` events tell). Rejects with
   * `INPUT_NOT_FOUND`, `INPUT_FAILED`, `ENGINE_UNAVAILABLE`, `ADDRESS_IN_USE`, `CERTIFICATE_UNREADABLE`, …; then nothing is left running.
   */
  async start(options: { signal?: AbortSignal } = {}): Promise<void> {
    if (this.#state !== 'new') throw new TsWebRTCError('INVALID_STATE', 'a sink is started once.');
    if (this.#inputs.size === 0) {
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
    const sessions = (await this.#sessions?.getFigures()) ?? [];
    return { sessions, encodings: this.#encodings?.getFigures() ?? [] };
  }

  /** W3C statistics of every session, as the original's property `stats` has them: by session id, names in GStreamer's spelling. */
  async getGstStats(): Promise<GstStats> {
    const reports = this.sessions.map(async (session) => [session.id, await session.getStats()] as const);
    return toGstStats(await Promise.all(reports));
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
    const { videoEncoder, tune, encoderSetup, videoCaps } = this.#options;
    // Meanwhile. Whatever happens, inputs come first.
    const encodable = engine.findEncoders?.(videoCaps, videoEncoder);
    encodable?.catch(() => {});
    await this.#inputs.open(engine);
    this.#throwIfClosed();
    this.#shard = new Shard(await createSrtpSender({ logger: this.#logger }));
    const { minBitrate, maxBitrate, encoding, maxEncodings, enableMitigationModes, opusInbandFec, opusDtx } = this.#options;
    this.#encodings = new EncodingPool(
      engine,
      this.#shard,
      {
        minBitrate,
        maxBitrate,
        encoding,
        maxEncodings,
        mitigationModes: enableMitigationModes,
        configureMitigationCaps: this.#options.configureMitigationCaps,
        // One consumer may want to be told, and packets are the same for all.
        captureTimes: this.#options.absCaptureTime || this.#options.payloaderSetup !== undefined,
        timeCodes: this.#options.forwardMetas.includes('timecode'),
        requestEncodedFilter: this.#options.requestEncodedFilter,
        passthrough: this.#options.passthrough,
        audio: { inbandFec: opusInbandFec, dtx: opusDtx },
        video: { encoder: videoEncoder, tune },
        ...(encoderSetup ? { encoderSetup } : {}),
        peerOf: (sessionId) => this.#sessions?.all.find(({ id }) => id === sessionId)?.peerId,
      },
      this.#logger,
      (error) => this.#report(asError(error, 'ENCODER_FAILED')),
    );
    const { shards, iceUdpMux, iceTcpPort } = this.#options;
    if (shards > 1 && (iceUdpMux > 0 || iceTcpPort > 0))
      this.#logger.warn({ shards }, 'shards has no effect with ice-udp-mux or ice-tcp-port: a shared port belongs to one thread');
    const [shard, tracks, logger] = [this.#shard, () => this.#inputs.tracks, this.#logger];
    this.#shards = new ShardPool({ shard, encodings: this.#encodings, tracks, shards, logger });
    this.#encodable = (await encodable) ?? videoCaps;
    this.#throwIfClosed();
    this.#inputs.start();
  }

  async #register(): Promise<void> {
    const signaller = this.#createSignaller();
    this.#signaller = signaller;
    this.#ports = openSharedPorts(this.#options, this.#signallingUri);
    const ports = await this.#ports;
    this.#throwIfClosed();
    this.#connectionOptions = connectionOptions(this.#options, this.#signallingUri, [], ports);
    this.#sessions = new SinkSessions({
      options: this.#options,
      shards: this.#shards!,
      encodings: this.#encodings!,
      signaller,
      encodable: this.#encodable,
      tracks: () => this.#inputs.liveTracks,
      connection: () => this.#connectionOptions,
      onAdded: (session) => {
        this.emit('consumer-pipeline-created', session);
        this.emit('consumer-added', session);
      },
      onUpstream: (session, request) => this.#onUpstream(session, request),
      onRemoved: (session, reason, error) => {
        if (error && reason === 'error') this.emit('error', error, session.id);
        this.emit('consumer-removed', session, reason, error);
      },
      onError: (error) => this.#report(error),
      logger: this.#logger,
    });
    signaller.on('disconnected', (reason) => this.#report(new TsWebRTCError('SIGNALLING_UNREACHABLE', reason)));
    signaller.on('error', (error) => this.#report(asError(error, 'SIGNALLING_UNREACHABLE')));
    signaller.on('shutdown', () => this.emit('ended', undefined));
    signaller.on('registered', (peerId) => this.emit('registered', peerId));
    signaller.on('ice-servers', (servers) => {
      const usable = usableIceServers(servers, this.#logger);
      this.#connectionOptions = connectionOptions(this.#options, this.#signallingUri, usable, ports);
      for (const session of this.#sessions?.all ?? []) session.setIceServers(this.#connectionOptions.iceServers);
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
    return new DefaultSignaller({
      uri,
      role: 'producer',
      ...linkOptions(signaller),
      insecureTls: signaller.insecureTls || own,
      logger: this.#logger.child({ subsystem: 'signaller' }),
    });
  }

  /** Tells the application what a consumer wants, and the consumer what came of it. */
  #onUpstream(session: PlacedSession, { token, mid, tracks, request }: UpstreamRequest): void {
    let error: string | null = null;
    const refuse = (reason: string): void => {
      error = reason;
    };
    const context = { session, mid, tracks, refuse };
    const event = request.type === 'navigationEvent' ? 'navigation' : 'custom-upstream-event';
    if (this.listenerCount(event) === 0) refuse(`Nobody at the producer handles events of the type ${request.type}.`);
    else if (request.type === 'navigationEvent') this.emit('navigation', request.event, context);
    else this.emit('custom-upstream-event', request.structureName, request.structure, context);
    if (token !== undefined) session.answerUpstream(token, error);
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
    this.#inputs.abort();
    // What is half open cannot be closed yet.
    await this.#opening?.catch(() => {});
    // Threads are asked to end while their sessions end.
    await Promise.all([this.#sessions?.close(), this.#shards?.close()]);
    await (await this.#ports?.catch(() => {}))?.close();
    await this.#signaller?.stop();
    await this.#servers.close();
    await this.#encodings?.close();
    await this.#inputs.close();
    if (!this.#sharedEngine) await this.#engine?.close();
    this.#shard?.close();
  }
}

function aborted(): TsWebRTCError {
  return new TsWebRTCError('INVALID_STATE', 'the sink was closed while it started.');
}
