/**
 * The signaller of `webrtcsink` and `webrtcsrc`: registers with a signalling server of the GStreamer family and carries the
 * descriptions of sessions through it (reference §4.5). Unlike the reference's it verifies TLS, comes back when the server
 * is lost, sends in order, and survives whatever the server says.
 */
import { randomUUID } from 'node:crypto';
import {
  type ClientMessage,
  encodeClientMessage,
  iceServersRefreshDelay,
  type Peer,
  type PeerMessage,
  type PeerRole,
  parseServerMessage,
  type ServerMessage,
  type ServerMessageOf,
} from '@tswebrtc/protocol';
import { Emitter } from '../common/emitter.ts';
import { asError, TsWebRTCError } from '../common/errors.ts';
import { type Logger, silentLogger } from '../common/logger.ts';
import { tlsConnectOptions } from '../common/tls-options.ts';
import { Backoff, type BackoffOptions } from './default/backoff.ts';
import { checkHeaders } from './default/http-headers.ts';
import { describe, SignallingLink } from './default/link.ts';
import { parseSignallingUri, type SignallingUri } from './default/uri.ts';
import type { Meta, SessionDescription, Signaller, SignallerContext, SignallerEvents } from './signaller.ts';

export type DefaultSignallerRole = 'producer' | 'consumer' | 'listener';

export interface DefaultSignallerOptions {
  /**
   * URI of the server, `ws:` or `wss:` (or `gstwebrtc:`, `gstwebrtcs:`); ws://127.0.0.1:8443 by default. The query parameters
   * `peer-id` and `connect-to-first-producer` are read here, all others are sent to the server.
   */
  readonly uri?: string;
  /** `consumer` by default. */
  readonly role?: DefaultSignallerRole;
  /** For consumers: the producer to start a session with once registered. */
  readonly producerPeerId?: string;
  /** For consumers without `producerPeerId`: start a session with the first producer there is, and wait for one. */
  readonly connectToFirstProducer?: boolean;
  /**
   * For consumers: the offer comes from this side and travels with the request for the session. `session-requested` asks for it,
   * by an id of ours that stands for the session from then on. Default: the producer makes it.
   */
  readonly makeOffer?: boolean;
  /** Headers of the HTTP request that opens the WebSocket: text, or numbers and booleans, which are written as such. */
  readonly headers?: Readonly<Record<string, unknown>>;
  /** PEM file of certificates to trust besides the well-known roots. */
  readonly cafile?: string;
  /** The same as PEM text. */
  readonly ca?: string | Buffer;
  /** Turns off the verification of the server's certificate: for tests only. */
  readonly insecureTls?: boolean;
  /**
   * Asks the server for STUN and TURN servers, again before their credentials expire; `ice-servers` tells them, before any session
   * of this signaller begins. Servers of the reference do not answer. Default: false.
   */
  readonly requestIceServers?: boolean;
  /** How long an attempt to connect may take, up to the server's welcome, in ms; 20,000 by default. */
  readonly connectTimeout?: number;
  /** Pauses between attempts. */
  readonly backoff?: BackoffOptions;
  /** Silent by default. */
  readonly logger?: Logger;
}

interface OfferedSession {
  /** Stands for the session at the element. */
  readonly localId: string;
  readonly producerId: string;
  /** The server's name for it, once it has one. */
  remoteId: string | undefined;
  /** What is sent as soon as that is so. */
  readonly waiting: ((sessionId: string) => void)[];
}

/** Pause, in ms, before asking again for a producer where there was none. */
const LIST_AGAIN = 1_000;

export class DefaultSignaller extends Emitter<SignallerEvents> implements Signaller {
  readonly manualSdpMunging = false;
  readonly permitsConsumerOffers = false;
  readonly role: DefaultSignallerRole;
  readonly #uri: SignallingUri;
  readonly #options: DefaultSignallerOptions;
  readonly #headers: Record<string, string>;
  readonly #tls: ReturnType<typeof tlsConnectOptions>;
  readonly #logger: Logger;
  readonly #producerPeerId: string | undefined;
  readonly #wantsFirstProducer: boolean;
  readonly #producers = new Map<string, Meta | null>();
  #link: SignallingLink | undefined;
  #stopping: Promise<void> | undefined;
  #context: SignallerContext | undefined;
  #clientId: string | undefined;
  /** The producer a session was asked for, until it ends. */
  #target: { readonly producerId: string; sessionId?: string } | undefined;
  /** The session that began with our offer, or will. */
  #offered: OfferedSession | undefined;
  #listTimer: NodeJS.Timeout | undefined;
  #iceServersTimer: NodeJS.Timeout | undefined;
  /** ICE servers have been asked for, and nothing is to begin without them. */
  #isRegistering = false;

  /**
   * Throws `INVALID_OPTION` (URI, headers, timeout) and `CERTIFICATE_UNREADABLE` (cafile, ca).
   */
  constructor(options: DefaultSignallerOptions = {}) {
    super();
    this.#options = options;
    this.role = options.role ?? 'consumer';
    if (!['producer', 'consumer', 'listener'].includes(this.role))
      throw invalid(`The signaller's role ${JSON.stringify(this.role)} is unknown: use producer, consumer or listener.`);
    this.#logger = (options.logger ?? silentLogger).child({ subsystem: 'signalling' });
    this.#uri = parseSignallingUri(options.uri ?? 'ws://127.0.0.1:8443');
    this.#headers = checkHeaders(options.headers ?? {});
    this.#tls = tlsConnectOptions(options);
    const timeout = options.connectTimeout;
    if (timeout !== undefined && !(timeout > 0 && Number.isFinite(timeout)))
      throw invalid(`The connect timeout ${timeout} is none: give a number of ms above 0.`);
    this.#producerPeerId = options.producerPeerId ?? this.#uri.peerId;
    this.#wantsFirstProducer = options.connectToFirstProducer ?? this.#uri.connectToFirstProducer;
    if (this.role !== 'consumer' && (this.#producerPeerId !== undefined || this.#wantsFirstProducer))
      this.#logger.warn({ role: this.role }, 'Only a consumer can name the producer that it wants; the name is ignored.');
    if (options.insecureTls) this.#logger.warn({}, "The signalling server's certificate is not verified.");
  }

  /** The URI of the server without its query and credentials. */
  get uri(): string {
    return this.#uri.displayName;
  }

  /** The id the server gave us; undefined while there is no connection. */
  get clientId(): string | undefined {
    return this.#clientId;
  }

  /**
   * Starts to connect, and keeps trying until `stop`. Throws `INVALID_STATE` when it is started already.
   */
  start(context: SignallerContext): void {
    if (this.#link) throw new TsWebRTCError('INVALID_STATE', 'The signaller is started already: stop it first.');
    this.#context = context;
    this.#link = new SignallingLink(
      {
        url: this.#uri.url,
        headers: this.#headers,
        tls: this.#tls,
        connectTimeout: this.#options.connectTimeout ?? 20_000,
        backoff: new Backoff(this.#options.backoff),
      },
      {
        opened: () => this.#send({ type: 'setProtocolVersion', version: 'v1_1' }),
        text: (text) => this.#read(text),
        lost: (reason, retryIn) => this.#lost(reason, retryIn),
        failed: (cause, retryIn) => this.#failed(cause, retryIn),
      },
    );
    this.#link.open();
  }

  stop(): Promise<void> {
    const link = this.#link;
    if (link) {
      this.#link = undefined;
      this.#context = undefined;
      this.#forgetServer();
      this.#producers.clear();
      this.#target = undefined;
      this.#stopping = link.close();
    }
    return this.#stopping ?? Promise.resolve();
  }

  sendSdp(sessionId: string, { type, sdp }: SessionDescription): void {
    const offered = this.#offered;
    if (offered?.localId === sessionId && offered.remoteId === undefined) this.startSession(offered.producerId, sdp);
    else this.#send({ type: 'peer', sessionId: this.#remoteId(sessionId), sdp: { type, sdp } });
  }

  /** The protocol names the media section by its index; it has no place for `sdpMid`. */
  addIce(sessionId: string, candidate: string, sdpMLineIndex: number, _sdpMid?: string): void {
    const offered = this.#offered;
    const send = (id: string): void => this.#send({ type: 'peer', sessionId: id, ice: { candidate, sdpMLineIndex } });
    // Candidates that are found before the server has named the session wait for that.
    if (offered?.localId === sessionId && offered.remoteId === undefined) offered.waiting.push(send);
    else send(this.#remoteId(sessionId));
  }

  endSession(localId: string, error?: string): void {
    const sessionId = this.#remoteId(localId);
    this.#forgetTarget(sessionId);
    if (this.#offered?.localId === localId) this.#offered = undefined;
    // Servers before protocol 1.1 (release 0.15 of the reference) drop an end with a reason and need the plain one; to others the
    // session is unknown by then, and they drop that.
    if (error !== undefined) this.#send({ type: 'endSessionV1_1', sessionId, error });
    this.#send({ type: 'endSession', sessionId });
  }

  /** Asks for the producer once more, where one is named or the first is wanted and no session is under way. */
  seek(): void {
    const isPassive = this.#producerPeerId === undefined && !this.#wantsFirstProducer;
    if (this.#clientId === undefined || this.role !== 'consumer' || isPassive || this.#target?.sessionId !== undefined) return;
    // Once registered it seeks by itself.
    if (this.#isRegistering) return;
    clearTimeout(this.#listTimer);
    this.#seekProducer();
  }

  /** Asks for a session with `peerId`, optionally by an offer of our own; `session-started` answers. */
  startSession(peerId: string, offer?: string): void {
    this.#send({ type: 'startSession', peerId, offer: offer ?? null });
  }

  #read(text: string): void {
    this.#logger.trace({ text }, 'The signalling server has sent a message.');
    const result = parseServerMessage(text);
    if (result.ok) this.#handle(result.message);
    else this.#logger.debug({ reason: result.reason }, 'The signalling server has sent text that is no message; it was ignored.');
  }

  #lost(reason: string, retryIn: number): void {
    this.#forgetServer();
    this.#logger.warn({ uri: this.uri, reason, retryIn }, 'The signalling server is lost.');
    this.emit('disconnected', `The signalling server at ${this.uri} is lost (${reason}); trying again in ${seconds(retryIn)}.`);
  }

  #failed(cause: Error, retryIn: number): void {
    this.#forgetServer();
    const message = `The signalling server at ${this.uri} cannot be reached (${describe(cause)}); trying again in ${seconds(retryIn)}.`;
    this.#logger.warn({ uri: this.uri, err: cause, retryIn }, 'The signalling server cannot be reached.');
    this.emit('error', new TsWebRTCError('SIGNALLING_UNREACHABLE', message, { cause }));
  }

  #handle(message: ServerMessage): void {
    switch (message.type) {
      case 'welcome':
        this.#register(message.peerId);
        return;
      case 'peerStatusChanged':
        this.#peerChanged(message.peerId, message.roles, asMeta(message.meta));
        return;
      case 'list':
        this.#listed(message.producers);
        return;
      case 'startSession':
        this.#sessionRequested(message);
        return;
      case 'sessionStarted':
        this.#sessionStarted(message);
        return;
      case 'endSession':
        this.#sessionEnded(message.sessionId, undefined);
        return;
      case 'endSessionV1_1':
        this.#sessionEnded(message.sessionId, message.error ?? undefined);
        return;
      case 'peer':
        this.#peerSaid(message);
        return;
      case 'error':
        this.#refused(message.details);
        return;
      case 'iceServers':
        this.#takeIceServers(message);
        return;
      case 'listConsumers':
        this.#logger.debug({}, 'The signalling server has listed consumers, which nobody asked for.');
        return;
    }
  }

  #register(peerId: string): void {
    if (this.#clientId !== undefined) {
      this.#logger.debug({ peerId }, 'The signalling server has welcomed us twice; the first time counts.');
      return;
    }
    this.#clientId = peerId;
    this.#link?.establish();
    const isPassive = this.role === 'consumer' && this.#producerPeerId === undefined && !this.#wantsFirstProducer;
    const roles: PeerRole[] = this.role !== 'consumer' || isPassive ? [this.role] : [];
    const { requestIceServers = false } = this.#options;
    // First, so that it is answered before a session can begin.
    if (requestIceServers) this.#send({ type: 'iceServers' });
    this.#isRegistering = requestIceServers;
    this.#send({ type: 'setPeerStatus', roles, meta: this.#meta(), peerId });
    if (this.role === 'listener') this.#send({ type: 'list' });
    const seek = (): void => {
      if (this.role === 'consumer' && !isPassive && this.#target?.sessionId === undefined) this.#seekProducer();
    };
    if (!requestIceServers) seek();
    // The server does not answer a registration; but when it has answered what came behind, it has read it.
    this.#link?.roundTrip(() => {
      this.#isRegistering = false;
      if (requestIceServers) seek();
      this.#logger.info({ peerId, uri: this.uri }, 'Registered with the signalling server.');
      this.emit('registered', peerId);
    });
  }

  #meta(): Meta | null {
    try {
      const meta = this.#context?.requestMeta() ?? null;
      JSON.stringify(meta);
      return meta;
    } catch (error) {
      this.emit('error', asError(error, 'INVALID_OPTION'));
      return null;
    }
  }

  #seekProducer(): void {
    if (this.#producerPeerId !== undefined) this.#seekSession(this.#producerPeerId);
    else this.#send({ type: 'list' });
  }

  #seekSession(producerId: string): void {
    this.#target = { producerId };
    if (!this.#options.makeOffer) {
      this.startSession(producerId);
      return;
    }
    const localId = randomUUID();
    this.#offered = { localId, producerId, remoteId: undefined, waiting: [] };
    this.emit('session-requested', localId, producerId, undefined);
  }

  #sessionStarted({ sessionId, peerId }: ServerMessageOf<'sessionStarted'>): void {
    if (this.#target?.producerId === peerId) this.#target.sessionId ??= sessionId;
    const offered = this.#offered;
    if (offered?.producerId === peerId && offered.remoteId === undefined) {
      offered.remoteId = sessionId;
      for (const send of offered.waiting.splice(0)) send(sessionId);
    } else this.emit('session-started', sessionId, peerId);
  }

  /** What the element calls a session of the server, and the other way round. */
  #localId(remoteId: string): string {
    return this.#offered?.remoteId === remoteId ? this.#offered.localId : remoteId;
  }

  #remoteId(localId: string): string {
    return this.#offered?.localId === localId ? (this.#offered.remoteId ?? localId) : localId;
  }

  #listed(producers: readonly Peer[]): void {
    if (this.role === 'consumer') {
      if (!this.#wantsFirstProducer || this.#target?.sessionId !== undefined) return;
      const first = producers[0];
      if (first) this.#seekSession(first.id);
      else this.#listTimer = setTimeout(() => this.#send({ type: 'list' }), LIST_AGAIN);
      return;
    }
    // Whoever left while the server was out of reach is not in the list.
    const present = new Set(producers.map(({ id }) => id));
    for (const id of [...this.#producers.keys()]) if (!present.has(id)) this.#removeProducer(id);
    for (const { id, meta } of producers) this.#addProducer(id, asMeta(meta), false);
  }

  #peerChanged(peerId: string | undefined, roles: readonly PeerRole[], meta: Meta | null): void {
    if (peerId === undefined) return;
    if (roles.includes('producer')) this.#addProducer(peerId, meta, true);
    else this.#removeProducer(peerId, meta);
  }

  #addProducer(id: string, meta: Meta | null, isNew: boolean): void {
    const isKnown = this.#producers.has(id);
    this.#producers.set(id, meta);
    if (!isKnown) this.emit('producer-added', id, meta, isNew);
  }

  #removeProducer(id: string, meta: Meta | null = this.#producers.get(id) ?? null): void {
    if (this.#producers.delete(id)) this.emit('producer-removed', id, meta);
  }

  #sessionRequested({ sessionId, peerId, offer }: ServerMessageOf<'startSession'>): void {
    if (this.role !== 'producer') this.#logger.warn({ sessionId }, 'A session was asked of us, who produce nothing.');
    else this.emit('session-requested', sessionId, peerId, offer === null ? undefined : { type: 'offer', sdp: offer });
  }

  #takeIceServers({ iceServers, ttl }: ServerMessageOf<'iceServers'>): void {
    this.emit('ice-servers', iceServers);
    clearTimeout(this.#iceServersTimer);
    if (ttl === null) return;
    this.#iceServersTimer = setTimeout(() => this.#send({ type: 'iceServers' }), iceServersRefreshDelay(ttl));
  }

  #peerSaid(message: PeerMessage): void {
    const sessionId = this.#localId(message.sessionId);
    if ('sdp' in message) this.emit('session-description', sessionId, message.sdp);
    else this.emit('handle-ice', sessionId, message.ice.sdpMLineIndex, undefined, message.ice.candidate);
  }

  #sessionEnded(sessionId: string, error: string | undefined): void {
    const localId = this.#localId(sessionId);
    this.#forgetTarget(sessionId);
    if (this.#offered?.localId === localId) this.#offered = undefined;
    this.emit('session-ended', localId, error);
  }

  #refused(details: string): void {
    const message = `The signalling server at ${this.uri} has refused a request: ${details}`;
    this.emit('error', new TsWebRTCError('SIGNALLING_REFUSED', message));
  }

  #forgetTarget(sessionId: string): void {
    if (this.#target?.sessionId === sessionId) this.#target = undefined;
  }

  #forgetServer(): void {
    this.#clientId = undefined;
    clearTimeout(this.#listTimer);
    clearTimeout(this.#iceServersTimer);
  }

  #send(message: ClientMessage): void {
    const text = encodeClientMessage(message);
    if (this.#link?.send(text)) this.#logger.trace({ text }, 'Sent a message to the signalling server.');
    else this.#logger.debug({ type: message.type }, 'A message was dropped: there is no connection to the signalling server.');
  }
}

/** Only objects describe a peer; whatever else a peer may have sent counts as nothing. */
function asMeta(meta: unknown): Meta | null {
  return typeof meta === 'object' && meta !== null && !Array.isArray(meta) ? (meta as Meta) : null;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function invalid(message: string): TsWebRTCError {
  return new TsWebRTCError('INVALID_OPTION', message);
}
