/**
 * The entrance of the library (reference §6.3): one connection to the signalling server, the peers known to it, and the
 * sessions with them. Drop-in for the reference's class of the same name; beyond it, it can be closed, backs off when the
 * server is away, tells why a session ended and logs nothing of itself.
 */
import { iceServersRefreshDelay, type ServerMessage, type ServerMessageOf } from '@tswebrtc/protocol';
import { type GstWebRTCConfig, type ResolvedConfig, resolveConfig } from './config.ts';
import { ConsumerSession } from './consumer-session.ts';
import { ConsumerSessions } from './consumer-sessions.ts';
import { GstWebRTCError, messageOf, reportListenerError } from './errors.ts';
import { type ListedRole, type Peer, type PeerChange, PeerRegistry } from './peer-registry.ts';
import { type ProducerLink, ProducerSession } from './producer-session.ts';
import { ReconnectPolicy } from './reconnect-policy.ts';
import { SessionState } from './session-state.ts';
import { SignallingChannel, withoutQuery } from './signalling-channel.ts';

/** Told about the connection to the signalling server. */
export interface ConnectionListener {
  /** Registered at the server; sessions can be created. */
  connected(clientId: string): void;
  /** The connection is lost, and with it all sessions and known peers. */
  disconnected(): void;
  /** The next attempt comes in `delay` ms; `attempt` failed in a row. Ours, optional. */
  reconnecting?(attempt: number, delay: number): void;
  /** Something failed that belongs to no session. Ours, optional. */
  connectionError?(error: GstWebRTCError): void;
}

/** Told about the other peers; at least one method beside the `…Updated` ones must be there. */
export interface PeerListener {
  producerAdded?(producer: Peer): void;
  producerRemoved?(producer: Peer): void;
  consumerAdded?(consumer: Peer): void;
  consumerRemoved?(consumer: Peer): void;
  /** The meta of a known producer has changed. Ours. */
  producerUpdated?(producer: Peer): void;
  /** The meta of a known consumer has changed. Ours. */
  consumerUpdated?(consumer: Peer): void;
}

const PEER_METHODS = ['producerAdded', 'producerRemoved', 'consumerAdded', 'consumerRemoved'] as const;
const KINDS = { added: 'Added', removed: 'Removed', updated: 'Updated' } as const;

export class GstWebRTCAPI {
  static readonly SessionState = SessionState;

  readonly #config: ResolvedConfig;
  readonly #policy: ReconnectPolicy;
  readonly #registry = new PeerRegistry();
  readonly #connectionListeners = new Set<ConnectionListener>();
  readonly #peerListeners = new Set<PeerListener>();
  readonly #sessions: ConsumerSessions;
  readonly #link: ProducerLink;
  readonly #onOnline = (): void => this.reconnect();
  #producer: ProducerSession | null = null;
  #channel: SignallingChannel | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** What the signalling server has named. */
  #iceServers: readonly RTCIceServer[] = [];
  #iceServersTimer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /**
   * Connects at once.
   * @throws GstWebRTCError `INVALID_OPTION`
   */
  constructor(config?: GstWebRTCConfig) {
    this.#config = resolveConfig(config);
    this.#policy = new ReconnectPolicy(this.#config.reconnectionTimeout, this.#config.maxReconnectionTimeout);
    this.#sessions = new ConsumerSessions((message) => this.#channel?.send(message) ?? false);
    this.#link = this.#createLink();
    // A machine that wakes up or changes networks need not sit out the wait.
    globalThis.addEventListener?.('online', this.#onOnline);
    this.#connect();
  }

  /** Whether the signalling server knows us, so that sessions can be created. */
  get connected(): boolean {
    return this.#channel?.ready ?? false;
  }

  /** Own id at the signalling server, `''` while not connected. */
  get clientId(): string {
    return this.connected ? (this.#channel?.clientId ?? '') : '';
  }

  /** Adds a listener. False when it lacks `connected` or `disconnected`. */
  registerConnectionListener(listener: ConnectionListener): boolean {
    if (!hasMethod(listener, 'connected') || !hasMethod(listener, 'disconnected')) return false;
    this.#connectionListeners.add(listener);
    return true;
  }

  /** Removes a listener. False when it was not registered. */
  unregisterConnectionListener(listener: ConnectionListener): boolean {
    return this.#connectionListeners.delete(listener);
  }

  unregisterAllConnectionListeners(): void {
    this.#connectionListeners.clear();
  }

  /** Adds a listener. False when it has none of the methods. */
  registerPeerListener(listener: PeerListener): boolean {
    if (!PEER_METHODS.some((name) => hasMethod(listener, name))) return false;
    this.#peerListeners.add(listener);
    return true;
  }

  /** Removes a listener. False when it was not registered. */
  unregisterPeerListener(listener: PeerListener): boolean {
    return this.#peerListeners.delete(listener);
  }

  unregisterAllPeerListeners(): void {
    this.#peerListeners.clear();
  }

  /** The producers known now. */
  getAvailableProducers(): Peer[] {
    return this.#registry.list('producer');
  }

  /** The passive consumers known now. */
  getAvailableConsumers(): Peer[] {
    return this.#registry.list('consumer');
  }

  /**
   * A session with the producer, to be started with `connect()`; the existing one where there is one.
   * @returns null when not connected or without an id.
   */
  createConsumerSession(producerId: string): ConsumerSession | null {
    return this.#createConsumerSession(producerId, null);
  }

  /**
   * Like `createConsumerSession`, but this side makes the offer, with these options; for producers that wait for one.
   * @returns null when not connected, without an id or when `offerOptions` is no object.
   */
  createConsumerSessionWithOfferOptions(producerId: string, offerOptions: RTCOfferOptions): ConsumerSession | null {
    if (typeof offerOptions !== 'object' || offerOptions === null) return null;
    return this.#createConsumerSession(producerId, offerOptions);
  }

  /**
   * A session that produces `stream`, to be started with `start()`; the existing one where it is of this stream.
   * @returns null when not connected, `stream` is no MediaStream, or another stream is produced.
   */
  createProducerSession(stream: MediaStream): ProducerSession | null {
    return this.#createProducerSession(stream, undefined);
  }

  /**
   * Like `createProducerSession`, but once it is registered it begins with this passive consumer.
   * @returns null as well without an id.
   */
  createProducerSessionForConsumer(stream: MediaStream, consumerId: string): ProducerSession | null {
    if (typeof consumerId !== 'string' || consumerId === '') return null;
    return this.#createProducerSession(stream, consumerId);
  }

  /** Where a reconnection is due: tries it now instead of waiting. */
  reconnect(): void {
    if (this.#retry !== undefined) this.#connect();
  }

  /** Ends all sessions and the connection; nothing is left running. Closing twice does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    globalThis.removeEventListener?.('online', this.#onOnline);
    clearTimeout(this.#retry);
    clearTimeout(this.#iceServersTimer);
    this.#retry = undefined;
    const wasConnected = this.connected;
    this.#sessions.closeAll();
    this.#producer?.close();
    this.#channel?.close();
    this.#channel = null;
    this.#forgetPeers();
    if (wasConnected) this.#tell((listener) => listener.disconnected());
    this.#connectionListeners.clear();
    this.#peerListeners.clear();
  }

  #createLink(): ProducerLink {
    const api = this;
    return {
      get connected() {
        return api.connected;
      },
      get webrtcConfig() {
        return api.#webrtcConfig;
      },
      send: (message) => this.#channel?.send(message) ?? false,
      requestSession: (session, id, offer) => this.#sessions.request(session as ConsumerSession, id, offer),
      release: (session) => this.#sessions.release(session as ConsumerSession),
      announce: (roles) => this.#channel?.send({ type: 'setPeerStatus', roles: [...roles], meta: this.#config.meta }) ?? false,
      releaseProducer: (session) => {
        if (this.#producer === session) this.#producer = null;
      },
    };
  }

  get #webrtcConfig(): RTCConfiguration {
    const { webrtcConfig } = this.#config;
    if (this.#iceServers.length === 0) return webrtcConfig;
    return { ...webrtcConfig, iceServers: [...(webrtcConfig.iceServers ?? []), ...this.#iceServers] };
  }

  #createConsumerSession(producerId: string, offerOptions: RTCOfferOptions | null): ConsumerSession | null {
    if (!this.connected || typeof producerId !== 'string' || producerId === '') return null;
    const existing = this.#sessions.find(producerId);
    if (existing) return existing;
    const session = new ConsumerSession(producerId, this.#link, offerOptions);
    this.#sessions.add(session);
    return session;
  }

  #createProducerSession(stream: MediaStream, consumerId: string | undefined): ProducerSession | null {
    if (!this.connected || !(stream instanceof MediaStream)) return null;
    if (this.#producer) return this.#producer.stream === stream ? this.#producer : null;
    this.#producer = new ProducerSession(stream, this.#link, consumerId);
    return this.#producer;
  }

  #connect(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    const { signalingServerUrl: url, meta, connectTimeout, requestIceServers } = this.#config;
    try {
      this.#channel = new SignallingChannel(
        { url, meta, connectTimeout, requestIceServers },
        {
          onReady: (clientId) => this.#ready(clientId),
          onOwnStatus: (roles) => this.#producer?.registered(roles),
          onIceServers: (answer) => this.#takeIceServers(answer),
          onMessage: (message) => this.#receive(message),
          onProblem: (error) => this.#report(error),
          onLost: (error, wasReady) => this.#lost(error, wasReady),
        },
      );
    } catch (cause) {
      // A browser refuses ws:// on an https page here, and forbidden ports: waiting does not help.
      const text = `The browser refuses to connect to ${withoutQuery(url)}: ${messageOf(cause)}`;
      queueMicrotask(() => this.#report(new GstWebRTCError('SIGNALLING_UNREACHABLE', text, { cause })));
    }
  }

  #takeIceServers({ iceServers, ttl }: ServerMessageOf<'iceServers'>): void {
    this.#iceServers = iceServers as RTCIceServer[];
    clearTimeout(this.#iceServersTimer);
    if (ttl === null) return;
    this.#iceServersTimer = setTimeout(() => this.#channel?.send({ type: 'iceServers' }), iceServersRefreshDelay(ttl));
  }

  #ready(clientId: string): void {
    this.#policy.reset();
    this.#tell((listener) => listener.connected(clientId));
  }

  #lost(error: GstWebRTCError, wasReady: boolean): void {
    this.#channel = null;
    clearTimeout(this.#iceServersTimer);
    this.#sessions.endAll({ by: 'signalling', reason: error.message });
    this.#producer?.ended({ by: 'signalling', reason: error.message });
    this.#forgetPeers();
    // Where "connected" was told there is "disconnected" to tell; a failed attempt only says why it failed.
    if (wasReady) this.#tell((listener) => listener.disconnected());
    this.#report(error);
    if (this.#closed) return;
    const delay = this.#policy.next();
    if (delay === undefined) return;
    this.#retry = setTimeout(() => this.#connect(), delay);
    this.#tell((listener) => listener.reconnecting?.(this.#policy.failures, delay));
  }

  #receive(message: ServerMessage): void {
    if (this.#sessions.handle(message) || this.#producer?.handle(message)) return;
    switch (message.type) {
      case 'peerStatusChanged':
        if (message.peerId) this.#apply(this.#registry.status(message.peerId, message.roles, message.meta));
        break;
      case 'list':
        this.#apply(this.#registry.listed('producer', this.#others(message.producers)));
        break;
      case 'listConsumers':
        this.#apply(this.#registry.listed('consumer', this.#others(message.consumers)));
        break;
      case 'error':
        this.#report(new GstWebRTCError('SIGNALLING_REFUSED', `The signalling server refused: ${message.details}`));
        break;
      default:
        // A message for a producer, which this page is no longer.
        break;
    }
  }

  #others<P extends { readonly id: string }>(peers: readonly P[]): P[] {
    return peers.filter((peer) => peer.id !== this.clientId);
  }

  #forgetPeers(): void {
    this.#apply(this.#registry.clear());
  }

  #apply(changes: readonly PeerChange[]): void {
    for (const { kind, role, peer } of changes) {
      const method = `${role}${KINDS[kind]}` as `${ListedRole}${'Added' | 'Removed' | 'Updated'}`;
      for (const listener of [...this.#peerListeners]) guarded(() => listener[method]?.(peer));
    }
  }

  #report(error: GstWebRTCError): void {
    this.#tell((listener) => listener.connectionError?.(error));
  }

  #tell(call: (listener: ConnectionListener) => void): void {
    for (const listener of [...this.#connectionListeners]) guarded(() => call(listener));
  }
}

function hasMethod(object: unknown, name: string): boolean {
  return typeof object === 'object' && object !== null && typeof (object as Record<string, unknown>)[name] === 'function';
}

function guarded(call: () => void): void {
  try {
    call();
  } catch (error) {
    reportListenerError(error);
  }
}
