/**
 * `WebRTCSrc`: takes a producer through a signaller and hands its media to the application, track by track, encoded or
 * decoded, or to files. It comes back when the producer or the server does. Reference §3.
 */
import type { Writable } from 'node:stream';
import {
  type ControlStructure,
  type InfoMessage,
  type NavigationEvent,
  navigationEventSchema,
  structureFault,
} from '@tswebrtc/protocol';
import { Emitter } from '../common/emitter.ts';
import { asError, TsWebRTCError } from '../common/errors.ts';
import { type Logger, silentLogger } from '../common/logger.ts';
import { NodeSrtpSender } from '../connection/srtp/node-srtp-sender.ts';
import { usableIceServers } from '../connection/transport/ice-servers.ts';
import type { DataChannel, RTCStatsEntry } from '../connection/transport/types.ts';
import { loadMediaEngine } from '../media/engine.ts';
import type { MediaEngine } from '../media/types.ts';
import { connectionOptions, openSharedPorts, type SharedPorts } from '../properties/network.ts';
import { isSignaller, linkOptions } from '../properties/signaller.ts';
import { Backoff } from '../signalling/default/backoff.ts';
import { DefaultSignaller } from '../signalling/default-signaller.ts';
import type { Signaller } from '../signalling/signaller.ts';
import { type ResolvedSrcOptions, validateSrcOptions, type WebRTCSrcOptions } from './properties.ts';
import type { RecordOptions } from './record-options.ts';
import { type SrcEndReason, SrcSession } from './session.ts';
import { SrcRecording } from './src-recording.ts';
import type { SrcTrack } from './src-track.ts';

/** ms that a producer has from the start of a session to a connection. */
const SETUP_TIMEOUT = 30_000;

export type WebRTCSrcEvents = {
  /** Known to the signalling server under this id. Again, with a new id, after a reconnection. */
  registered: [peerId: string];
  'session-started': [sessionId: string, producerId: string];
  /** It is over, and another is sought unless the source was closed. */
  'session-ended': [sessionId: string, reason: SrcEndReason, error: TsWebRTCError | undefined];
  /** A medium of the producer, at the start of a session or later. Its `ended` tells when it goes. */
  track: [track: SrcTrack];
  /** The producer opened a data channel that is the application's to use. */
  datachannel: [channel: DataChannel];
  /** The producer tells something of the pictures of a track, such as their time code. */
  info: [info: InfoMessage['info'], track: SrcTrack | undefined];
  /** Something failed; the source goes on as far as it can. */
  error: [error: TsWebRTCError];
};

/** A navigation event; without `modifier_state` nothing is held down. */
export type NavigationInput = NavigationEvent extends infer Event
  ? Event extends NavigationEvent
    ? Omit<Event, 'modifier_state'> & { readonly modifier_state?: string }
    : never
  : never;

/** Which stream an event is for; default: all. */
export interface UpstreamTarget {
  /** The track, or its name. */
  readonly track?: SrcTrack | string;
}

export class WebRTCSrc extends Emitter<WebRTCSrcEvents> {
  readonly #options: ResolvedSrcOptions;
  readonly #logger: Logger;
  readonly #srtpSender = new NodeSrtpSender();
  readonly #backoff = new Backoff();
  readonly #abort = new AbortController();
  readonly #sharedEngine: MediaEngine | undefined;
  readonly #recordings = new Set<SrcRecording>();
  #engine: Promise<MediaEngine> | undefined;
  #signaller: Signaller | undefined;
  #session: SrcSession | undefined;
  #seekTimer: NodeJS.Timeout | undefined;
  #connectionOptions: ReturnType<typeof connectionOptions>;
  #ports: Promise<SharedPorts> | undefined;
  #started = false;
  #closing: Promise<void> | undefined;
  /** Nothing more will be recorded or decoded. */
  #over = false;

  /**
   * `given`: options, or the URI alone: `gstwebrtc://127.0.0.1:8443?peer-id=ID`. Throws `INVALID_OPTION` for an option that
   * cannot be.
   */
  constructor(given: WebRTCSrcOptions | string = {}) {
    super();
    const options: WebRTCSrcOptions = typeof given === 'string' ? { signaller: { uri: given } } : given;
    this.#options = validateSrcOptions(options);
    this.#connectionOptions = connectionOptions(this.#options, this.#signallingUri);
    this.#sharedEngine = options.engine;
    this.#logger = (options.logger ?? silentLogger).child({ subsystem: 'webrtcsrc' });
  }

  /** Media of the producer that come now. */
  get tracks(): readonly SrcTrack[] {
    return this.#session?.tracks ?? [];
  }

  /** Id of the producer that is received; undefined between sessions. */
  get producerId(): string | undefined {
    return this.#session?.producerId;
  }

  /**
   * Registers with the signalling server and seeks the producer; resolves when registered. A server that cannot be reached,
   * or a producer that is not there, is tried again for ever (`error` events tell). Rejects with `INVALID_OPTION`,
   * `CERTIFICATE_UNREADABLE`, or `INVALID_STATE` when it is closed meanwhile; then nothing is left running.
   */
  async start(options: { signal?: AbortSignal } = {}): Promise<void> {
    if (this.#started) throw new TsWebRTCError('INVALID_STATE', 'a source is started once.');
    this.#started = true;
    const close = (): void => void this.close();
    options.signal?.addEventListener('abort', close, { once: true });
    try {
      options.signal?.throwIfAborted();
      await this.#register();
    } catch (error) {
      options.signal?.removeEventListener('abort', close);
      await this.close();
      throw asError(error);
    }
  }

  /**
   * Sends a mouse, keyboard or touch event to the producer; positions are in pixels of the stream. Needs
   * `enableControlDataChannel`, or `enableDataChannelNavigation`, which says no more than that it is sent. Resolves when the producer
   * has handled it; rejects with `REQUEST_REFUSED` and the producer's reason, or `INVALID_STATE` without a session.
   */
  async sendNavigation(event: NavigationInput, target: UpstreamTarget = {}): Promise<void> {
    const { enableControlDataChannel: control, enableDataChannelNavigation: navigation } = this.#options;
    if (!control && !navigation) throw notEnabled();
    const result = navigationEventSchema.safeParse({ modifier_state: '', ...event });
    if (!result.success) {
      const field = result.error.issues[0]?.path.at(-1) ?? 'event';
      throw new TsWebRTCError('INVALID_OPTION', `This is no navigation event: it has no valid "${String(field)}".`);
    }
    const [session, mid] = this.#target(target);
    await session.navigate(result.data, mid);
  }

  /**
   * Sends an event of the application's own to the producer, for which `enableControlDataChannel` is needed. The structure holds no
   * null, and arrays of one kind of value. Resolves and rejects as `sendNavigation` does.
   */
  async sendCustomUpstreamEvent(structureName: string, structure: ControlStructure, target: UpstreamTarget = {}): Promise<void> {
    if (!this.#options.enableControlDataChannel) throw notEnabled();
    const fault = structureFault(structure);
    if (fault) throw new TsWebRTCError('INVALID_OPTION', `The structure of the event ${structureName} ${fault}.`);
    const [session, mid] = this.#target(target);
    await session.request({ type: 'customUpstreamEvent', structureName, structure }, mid);
  }

  /**
   * Restarts ICE: other addresses and credentials, while media flow over the pair in use until there is another one. Made by itself when
   * the producer is not heard of, or when the addresses of this host change. Rejects with `INVALID_STATE` without a session, and
   * where the signaller lets only the producer offer, as the default one does: then the producer restarts.
   */
  async restartIce(): Promise<void> {
    const [session] = this.#target({});
    if (!this.#offersAgain) {
      const message =
        'The signaller lets only the producer offer in a running session: restart ICE there, by session.restartIce().';
      throw new TsWebRTCError('INVALID_STATE', message);
    }
    await session.restartIce();
  }

  /** W3C statistics of the session, empty between sessions. */
  async getStats(): Promise<Map<string, RTCStatsEntry>> {
    return this.#session ? this.#session.getStats() : new Map();
  }

  /**
   * Records all tracks of the session, or of the next one where there is none, into a file (`.mp4`, `.webm`, `.mkv`, `.m3u8`)
   * or a stream, without re-encoding where the container takes the codec. Throws `INVALID_OPTION`, or `RECORDING_FAILED`
   * where the file cannot be made; what fails later is told by `finished`.
   */
  record(output: string | Writable, options: RecordOptions = {}): SrcRecording {
    if (this.#closing) throw new TsWebRTCError('INVALID_STATE', 'the source is closed.');
    const recording = new SrcRecording(
      output,
      options,
      () => this.#loadEngine(),
      () => this.#recordings.delete(recording),
    );
    this.#recordings.add(recording);
    if (this.tracks.length > 0) recording.attach(this.tracks);
    return recording;
  }

  /** Ends the session, completes recordings, tells the producer, and frees everything. Idempotent. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #register(): Promise<void> {
    const signaller = this.#createSignaller();
    this.#signaller = signaller;
    this.#ports = openSharedPorts(this.#options, this.#signallingUri);
    const ports = await this.#ports;
    const closed = new TsWebRTCError('INVALID_STATE', 'the source was closed while it started.');
    if (this.#closing) throw closed;
    this.#connectionOptions = connectionOptions(this.#options, this.#signallingUri, [], ports);
    signaller.on('session-started', (sessionId, peerId) => this.#begin(sessionId, peerId, false));
    signaller.on('session-requested', (sessionId, peerId, offer) => {
      this.#begin(sessionId, peerId, offer === undefined);
      if (offer) this.#of(sessionId)?.handleDescription(offer);
    });
    signaller.on('session-description', (id, description) => this.#of(id)?.handleDescription(description));
    signaller.on('handle-ice', (id, index, mid, candidate) => this.#of(id)?.handleCandidate(candidate, index, mid));
    signaller.on('session-ended', (id, text) => {
      const session = this.#of(id);
      const error =
        text === undefined ? undefined : new TsWebRTCError('CONNECTION_FAILED', `the producer ended the session: ${text}`);
      if (session) void this.#end(session, 'ended', error, false);
    });
    signaller.on('disconnected', (reason) => this.#report(new TsWebRTCError('SIGNALLING_UNREACHABLE', reason)));
    signaller.on('error', (error) => {
      this.#report(asError(error, 'SIGNALLING_UNREACHABLE'));
      if (!this.#session) this.#seekLater();
    });
    signaller.on('shutdown', () => void this.close());
    signaller.on('registered', (peerId) => this.emit('registered', peerId));
    signaller.on('ice-servers', (servers) => {
      const usable = usableIceServers(servers, this.#logger);
      this.#connectionOptions = connectionOptions(this.#options, this.#signallingUri, usable, ports);
      this.#session?.setIceServers(this.#connectionOptions.iceServers);
    });
    const registered = new Promise<void>((resolve, reject) => {
      signaller.on('registered', () => resolve());
      this.#abort.signal.addEventListener('abort', () => reject(closed), { once: true });
    });
    await signaller.start({ requestMeta: () => this.#options.meta });
    await registered;
  }

  /** Whether this side may offer in a session that runs. */
  get #offersAgain(): boolean {
    return this.#signaller?.permitsConsumerOffers ?? false;
  }

  /** Where the producer is looked for, when known. */
  get #signallingUri(): string | undefined {
    const { signaller } = this.#options;
    return isSignaller(signaller) ? undefined : signaller.uri.replace(/^gstwebrtc/, 'ws');
  }

  #createSignaller(): Signaller {
    const { signaller, connectToFirstProducer, makeOffer } = this.#options;
    if (isSignaller(signaller)) return signaller;
    return new DefaultSignaller({
      uri: signaller.uri,
      role: 'consumer',
      ...(signaller.producerPeerId === null ? {} : { producerPeerId: signaller.producerPeerId }),
      ...(connectToFirstProducer ? { connectToFirstProducer } : {}),
      makeOffer,
      ...linkOptions(signaller),
      logger: this.#logger.child({ subsystem: 'signaller' }),
    });
  }

  /** The engine, when something has to be decoded or written. Where it is not installed that is said each time. */
  #loadEngine(): Promise<MediaEngine> {
    if (this.#sharedEngine) return Promise.resolve(this.#sharedEngine);
    if (!this.#engine) {
      if (this.#over) return Promise.reject(new TsWebRTCError('INVALID_STATE', 'the source is closed.'));
      const loading = loadMediaEngine({ logger: this.#logger.child({ subsystem: 'media' }) });
      this.#engine = loading;
      loading.catch(() => {
        this.#engine = undefined;
      });
    }
    return this.#engine;
  }

  /** The session, and the m-line of the track that is meant. */
  #target({ track: wanted }: UpstreamTarget): [session: SrcSession, mid: string | null] {
    const session = this.#session;
    if (!session) throw new TsWebRTCError('INVALID_STATE', 'There is no session: wait for the event session-started.');
    if (wanted === undefined) return [session, null];
    const track = typeof wanted === 'string' ? session.tracks.find(({ name }) => name === wanted) : wanted;
    if (track?.mid === undefined) {
      const names = session.tracks.map(({ name }) => name).join(', ') || 'none yet';
      throw new TsWebRTCError('INVALID_OPTION', `There is no track ${String(wanted)}; the tracks are ${names}.`);
    }
    return [session, track.mid];
  }

  /** The live session, if it is the one meant. */
  #of(sessionId: string): SrcSession | undefined {
    return this.#session?.id === sessionId ? this.#session : undefined;
  }

  #begin(sessionId: string, producerId: string, offering: boolean): void {
    if (this.#closing) return;
    if (this.#session) {
      this.#logger.warn({ sessionId, producerId }, 'a second session was refused: there is one at a time');
      this.#signaller?.endSession(sessionId, 'this consumer has a session already.');
      return;
    }
    clearTimeout(this.#seekTimer);
    const { videoCodecs, audioCodecs, doRetransmission, minPlayoutDelay, maxPlayoutDelay } = this.#options;
    const session = new SrcSession({
      id: sessionId,
      producerId,
      offering,
      offersAgain: this.#offersAgain,
      videoCodecs,
      audioCodecs,
      retransmission: doRetransmission,
      controlChannel: this.#options.enableControlDataChannel,
      navigationChannel: this.#options.enableDataChannelNavigation,
      playoutDelay: { floor: minPlayoutDelay, ceiling: maxPlayoutDelay },
      connection: { ...this.#connectionOptions, srtpSender: this.#srtpSender },
      setupTimeout: SETUP_TIMEOUT,
      openDecoding: async (options) => (await this.#loadEngine()).openDecoding(options),
      logger: this.#logger,
    });
    this.#session = session;
    session.on('description', (description) => this.#signaller?.sendSdp(sessionId, description));
    session.on('candidate', (candidate, index, mid) => this.#signaller?.addIce(sessionId, candidate, index, mid));
    session.on('track', (track) => this.emit('track', track));
    session.on('exposed', () => {
      for (const recording of this.#recordings) recording.attach(session.tracks);
    });
    session.on('datachannel', (channel) => this.emit('datachannel', channel));
    session.on('info', ({ mid, info }) => {
      const track = session.tracks.find((candidate) => candidate.mid === mid);
      this.emit('info', info, track);
    });
    session.on('connected', () => this.#backoff.reset());
    session.on('end', (reason, error) => void this.#end(session, reason, error, true));
    this.#logger.info({ sessionId, producerId }, 'session started');
    this.emit('session-started', sessionId, producerId);
  }

  async #end(session: SrcSession, reason: SrcEndReason, error: TsWebRTCError | undefined, tellPeer: boolean): Promise<void> {
    if (this.#session !== session) return;
    this.#session = undefined;
    if (tellPeer) this.#signaller?.endSession(session.id, error?.message);
    this.#logger.info({ sessionId: session.id, reason, error: error?.message }, 'session ended');
    // Before its tracks end: the recordings end because of the session.
    for (const recording of this.#recordings) recording.sessionEnded();
    await session.close();
    if (error && reason !== 'shutdown') this.emit('error', error);
    this.emit('session-ended', session.id, reason, error);
    this.#seekLater();
  }

  /** Seeks a session anew after a while: the producer may come back. */
  #seekLater(): void {
    if (this.#closing || this.#session) return;
    clearTimeout(this.#seekTimer);
    this.#seekTimer = setTimeout(() => this.#signaller?.seek?.(), this.#backoff.next());
  }

  #report(error: TsWebRTCError): void {
    this.#logger.error({ code: error.code }, error.message);
    this.emit('error', error);
  }

  async #close(): Promise<void> {
    clearTimeout(this.#seekTimer);
    this.#abort.abort();
    // Before the session: they end because they are told to, and with what came until now.
    const recorded = [...this.#recordings].map((recording) => recording.stop());
    if (this.#session) await this.#end(this.#session, 'shutdown', undefined, true);
    await this.#ports?.then((ports) => ports.close()).catch(() => {});
    await this.#signaller?.stop();
    this.#srtpSender.close();
    await Promise.all(recorded);
    this.#over = true;
    if (!this.#sharedEngine) await this.#engine?.then((engine) => engine.close()).catch(() => {});
  }
}

function notEnabled(): TsWebRTCError {
  return new TsWebRTCError('INVALID_STATE', 'No events are sent unless the source is made with enableControlDataChannel.');
}
