/**
 * The sockets of a signalling server: an HTTP(S) server that turns every upgrade into a peer of the hub (reference §1.7 to §1.9).
 *
 * Whatever one peer does stays its own affair: its messages wait in its own socket, bounded; its garbage is dropped with a
 * line in the log; its silence is noticed and ends its connection, and so does a flood, but not more.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { getRequestListener } from '@hono/node-server';
import { type ClientMessage, parseClientMessage } from '@tswebrtc/protocol';
import { Hono } from 'hono';
import { type Server as UpgradeServer, type ServerOptions as UpgradeServerOptions, WebSocket, WebSocketServer } from 'ws';
import type { AccessTokens } from './access-tokens.ts';
import { Doorkeeper } from './admission.ts';
import type { TlsMaterial } from './certificate.ts';
import { Cluster, type ClusterHandler } from './cluster/cluster.ts';
import { type ClusterEvent, clusterEventSchema } from './cluster-events.ts';
import { mostConnections } from './descriptors.ts';
import type { Grants } from './grants.ts';
import { listen, refuseUpgrade, wantsWebSocket } from './http-server.ts';
import { SignallingHub } from './hub.ts';
import { keepAliveAction } from './keep-alive.ts';
import type { Logger } from './logger.ts';
import { Metrics } from './metrics.ts';
import type { MetricsAddress, ResolvedOptions } from './options.ts';
import { Outbox } from './outbox.ts';
import { PeerSocket, type PeerSocketOwner } from './peer-socket.ts';
import { type RateKind, RateLimiter, rateKind } from './rate-limiter.ts';
import { iceServersRoute, operations, upgradeRequired } from './routes.ts';

/** How long, in ms, a peer has to complete the closing handshake before its connection is dropped. */
const CLOSE_TIMEOUT = 2_000;
/** How often, in ms, the same trouble is told. */
const SAY_AGAIN = 10_000;
/** How often, in ms, some of the peers are let go while the server drains. */
const DRAIN_STEP = 100;
/** What is answered counts as one more message for each of so many bytes. */
const ANSWER_SIZE = 256 * 1024;
/** RFC 6455 §7.4.1 and its registry: policy violation, internal error, try again later. */
const POLICY_VIOLATION = 1008;
const INTERNAL_ERROR = 1011;
const TRY_AGAIN_LATER = 1013;

export interface EngineParts {
  readonly tls: TlsMaterial | undefined;
  readonly tokens: AccessTokens | undefined;
  /** URL of the broker. */
  readonly cluster: string | undefined;
  readonly logger: Logger;
}

export class Engine implements PeerSocketOwner, ClusterHandler {
  readonly hub: SignallingHub;
  onClosed: (() => void) | undefined;
  readonly #options: ResolvedOptions;
  readonly #logger: Logger;
  readonly #doorkeeper: Doorkeeper;
  readonly #metrics: Metrics;
  readonly #http: Server | TlsServer;
  /** Serves the metrics where they have a port of their own. */
  readonly #metricsHttp: Server | undefined;
  readonly #upgrader: UpgradeServer<typeof PeerSocket>;
  readonly #sockets = new Set<Socket>();
  readonly #peers = new Map<string, PeerSocket>();
  readonly #outbox: Outbox;
  readonly #clusterUrl: string | undefined;
  #cluster: Cluster | undefined;
  #sweep: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(options: ResolvedOptions, { tls, tokens, cluster, logger }: EngineParts) {
    this.#options = options;
    this.#clusterUrl = cluster;
    this.#logger = logger.child({ subsystem: 'signalling-server' });
    this.#doorkeeper = new Doorkeeper({ ...options, tokens });
    this.hub = this.#createHub();
    const gauges = {
      peers: () => this.hub.peerCount,
      sessions: () => this.hub.sessionCount,
      isReady: () => this.#notReady() === undefined,
      clusterMembers: cluster === undefined ? undefined : () => this.#cluster?.members.length ?? 0,
    };
    this.#metrics = new Metrics(gauges, options.metrics !== false);
    this.#outbox = new Outbox(this.#peers, options.maxBacklog, this.#metrics, this.#logger);
    const { handshakeTimeout, headerTimeout } = options;
    const timeouts = { headersTimeout: headerTimeout, requestTimeout: headerTimeout, connectionsCheckingInterval: 1_000 };
    this.#http = tls ? createTlsServer({ ...tls, handshakeTimeout, ...timeouts }) : createServer(timeouts);
    const upgraderOptions: UpgradeServerOptions<typeof PeerSocket> & {
      closeTimeout: number;
      maxFragments: number;
      maxBufferedChunks: number;
    } = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.maxMessageSize,
      WebSocket: PeerSocket,
      handleProtocols: () => false,
      // Pongs queue up like everything else for a peer that does not read.
      autoPong: false,
      // One message of a peer at a time, then whatever the others sent: a burst must not hold them up.
      allowSynchronousEvents: false,
      // Of a message that is never finished nobody has to keep thousands of pieces.
      maxFragments: 64,
      maxBufferedChunks: 1_024,
      closeTimeout: CLOSE_TIMEOUT,
    };
    this.#upgrader = new WebSocketServer(upgraderOptions);
    this.#upgrader.on('headers', (lines) => {
      lines.push(...options.headers);
    });
    this.#http.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket, head));
    const main = operations(new Hono(), this.#operations, options.metrics === true);
    this.#serve(this.#http, upgradeRequired(iceServersRoute(main, options.iceServers, this.#doorkeeper)));
    if (typeof options.metrics === 'object') {
      this.#metricsHttp = createServer(timeouts);
      this.#serve(this.#metricsHttp, operations(new Hono(), this.#operations, true));
    }
  }

  async listen(): Promise<AddressInfo> {
    const { host, port, metrics, pingAfter, pongTimeout } = this.#options;
    try {
      if (this.#clusterUrl !== undefined)
        this.#cluster = await Cluster.open(this.#clusterUrl, this, { logger: this.#logger, prefix: this.#options.clusterPrefix });
      if (this.#metricsHttp) await listen(this.#metricsHttp, metrics as MetricsAddress);
      await listen(this.#http, { host, port });
    } catch (error) {
      await this.#release();
      throw error;
    }
    // An accept that fails must not end the process: those who are connected stay so.
    this.#http.on('error', (error) => this.#logger.error({ err: error }, 'A connection could not be accepted.'));
    this.#boundConnections();
    this.#sweep = setInterval(() => this.#keepAlive(), Math.min(1_000, pingAfter, pongTimeout));
    const bound = this.#http.address() as AddressInfo;
    this.#logger.info({ address: bound.address, port: bound.port }, 'The signalling server listens.');
    return bound;
  }

  /** Without a descriptor for it a connection would be dropped, and nobody would know why. */
  #boundConnections(): void {
    const most = mostConnections();
    if (!Number.isFinite(most)) return;
    const { maxPeers } = this.#options;
    if (maxPeers === 0 || maxPeers > most)
      this.#logger.warn(
        { most, maxPeers },
        'The system allows fewer open files than there may be peers: raise its limit (ulimit -n).',
      );
    this.#http.maxConnections = most;
    let saidAt = Number.NEGATIVE_INFINITY;
    this.#http.on('drop', () => {
      this.#metrics.connectionRefused('descriptors');
      if (this.now() - saidAt < SAY_AGAIN) return;
      saidAt = this.now();
      this.#logger.error({ most }, 'There are no descriptors left for connections: raise the limit of open files (ulimit -n).');
    });
  }

  /** The port of the metrics where they have one of their own. */
  get metricsPort(): number | undefined {
    return (this.#metricsHttp?.address() as AddressInfo | null | undefined)?.port;
  }

  /** New connections get the new certificate. */
  setCertificate(tls: TlsMaterial): void {
    if (!('setSecureContext' in this.#http)) return;
    this.#http.setSecureContext({ ...tls });
    this.#logger.info({}, 'The certificate has been read anew.');
  }

  /** Lets the peers go with `code`, all at once or one after the other over `drainTime` ms, and stops. */
  close(code: number, drainTime: number): Promise<void> {
    return (this.#closing ??= this.#close(code, drainTime));
  }

  async #close(code: number, drainTime: number): Promise<void> {
    this.#doorkeeper.isDraining = true;
    // While peers are let go one by one whoever asks is told that the server is not ready; nobody new is let in.
    if (drainTime > 0 && this.#peers.size > 0) await this.#drain(code, drainTime);
    const closed = new Promise<void>((resolve) => this.#http.close(() => resolve()));
    const peers = [...this.#peers.values()];
    for (const peer of peers) this.#letGo(peer, code);
    // Whoever has not become a peer yet has nothing to be closed cleanly.
    if (peers.length > 0) await this.#lastPeerGone();
    await this.#release();
    await closed;
    this.#logger.info({}, 'The signalling server has closed.');
    this.onClosed?.();
  }

  async #drain(code: number, drainTime: number): Promise<void> {
    const began = this.now();
    const total = this.#peers.size;
    const open = [...this.#peers.values()];
    this.#logger.info({ peers: total }, 'The signalling server lets its peers go.');
    while (open.length > 0) {
      const due = Math.ceil(Math.min(1, (this.now() - began + DRAIN_STEP) / drainTime) * total);
      for (let gone = total - open.length; gone < due; gone++) this.#letGo(open.pop()!, code);
      if (open.length > 0) await new Promise((resolve) => setTimeout(resolve, DRAIN_STEP));
    }
    await this.#lastPeerGone();
  }

  #letGo(peer: PeerSocket, code: number): void {
    this.#outbox.sendWaiting(peer);
    peer.close(code, 'The signalling server shuts down.');
  }

  /** Resolves when the last peer is gone: peers that do not answer are dropped by the keep-alive. */
  #lastPeerGone(): Promise<void> {
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
      if (this.#peers.size === 0) resolve();
    });
  }

  /** Lets go of everything that is not a peer. */
  async #release(): Promise<void> {
    clearInterval(this.#sweep);
    this.#metrics.close();
    this.#metricsHttp?.close();
    for (const socket of this.#sockets) socket.destroy();
    await this.#cluster?.close();
  }

  #serve(server: Server, app: Hono): void {
    // An HTTPS server counts its TCP connections under "connection" too, before their TLS handshake.
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', ignore);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.on('request', getRequestListener(app.fetch, { overrideGlobalObjects: false }) as RequestListener);
  }

  #createHub(): SignallingHub {
    const { maxSessionsPerPeer, maxMetaSize, iceServers } = this.#options;
    return new SignallingHub({
      maxSessionsPerPeer,
      maxMetaSize,
      iceServers: (peerId) => iceServers.for(peerId, Date.now()),
      onDropped: (peerId, reason) => this.#logger.debug({ peerId }, reason),
      onRefused: (peerId, refusal) => {
        this.#metrics.requestRefused(refusal);
        this.#logger.debug({ peerId, refusal }, 'A request of a peer was refused.');
      },
      ...(this.#clusterUrl === undefined
        ? {}
        : {
            cluster: {
              send: (server: string, event: ClusterEvent) => this.#cluster?.send(server, event),
              broadcast: (event: ClusterEvent) => this.#cluster?.broadcast(event),
            },
          }),
    });
  }

  get #operations() {
    return { metrics: this.#metrics, notReady: () => this.#notReady() };
  }

  #notReady(): string | undefined {
    if (this.#doorkeeper.isDraining) return 'The server shuts down.';
    if (this.#cluster && !this.#cluster.isConnected) return 'The broker of the cluster cannot be reached.';
    return undefined;
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    if (!wantsWebSocket(this.#http, request, socket)) return;
    const admission = await this.#doorkeeper.admit(request);
    if (!admission.isAdmitted) {
      this.#metrics.connectionRefused(admission.refusal);
      this.#logger.info({ remoteAddress: admission.address, refusal: admission.refusal }, admission.details);
      refuseUpgrade(socket, admission);
      return;
    }
    const { address, grants } = admission;
    if (this.#doorkeeper.isDraining || socket.destroyed) {
      this.#doorkeeper.leave(address);
      socket.destroy();
      return;
    }
    let peer: PeerSocket | undefined;
    try {
      // Calls back before it returns, or has refused what is no WebSocket by itself.
      this.#upgrader.handleUpgrade(request, socket, head, (opened) => {
        peer = opened;
        this.#welcome(opened, socket, address, grants);
      });
    } catch (error) {
      this.#logger.warn({ err: error }, 'A connection could not be upgraded.');
      socket.destroy();
    }
    if (!peer) this.#doorkeeper.leave(address);
  }

  #welcome(peer: PeerSocket, stream: Duplex, address: string, grants: Grants): void {
    const peerId = randomUUID();
    peer.adopt(this, stream, peerId, address, new RateLimiter(this.#options.rates));
    this.#peers.set(peerId, peer);
    this.#logger.info(
      { peerId, remoteAddress: address, ...(grants.name === undefined ? {} : { name: grants.name }) },
      'A peer has connected.',
    );
    this.#outbox.deliver(this.hub.connect(peerId, grants));
  }

  peerText(peer: PeerSocket, text: string): void {
    const { peerId } = peer;
    this.#logger.trace({ peerId, text }, 'A peer has sent a message.');
    const result = parseClientMessage(text);
    const type = result.ok ? result.message.type : 'invalid';
    this.#metrics.received(type);
    const kind = rateKind(type);
    if (!this.#mayGoOn(peer, kind)) return;
    if (result.ok) this.#handle(peer, result.message, kind);
    else this.#logger.warn({ peerId, reason: result.reason }, 'A peer has sent text that is no message; it was dropped.');
  }

  #handle(peer: PeerSocket, message: ClientMessage, kind: RateKind): void {
    try {
      const size = this.#outbox.deliver(this.hub.handle(peer.peerId, message));
      // Lists and news of a status may be a thousand times as long as what asked for them.
      if (kind === 'list' || kind === 'setPeerStatus') peer.limiter.charge(kind, Math.floor(size / ANSWER_SIZE));
    } catch (error) {
      // Should not be; but whatever it is, it is this peer's, and nobody else is to suffer for it.
      this.#logger.error({ peerId: peer.peerId, type: message.type, err: error }, 'A message could not be handled.');
      peer.close(INTERNAL_ERROR, 'The message could not be handled.');
    }
  }

  peerBinary(peer: PeerSocket): void {
    this.#metrics.received('invalid');
    if (this.#mayGoOn(peer, 'invalid'))
      this.#logger.warn({ peerId: peer.peerId }, 'A peer has sent a binary frame; it was ignored.');
  }

  peerPing(peer: PeerSocket, payload: Buffer): void {
    if (this.#mayGoOn(peer, 'ping')) peer.sendPong(payload);
  }

  peerPong(peer: PeerSocket): void {
    this.#mayGoOn(peer, 'ping');
  }

  peerClosing({ peerId }: PeerSocket): void {
    this.#logger.info({ peerId }, 'A peer has disconnected.');
    const outgoing = this.hub.disconnect(peerId);
    // Their sessions go on without a server: nobody is told that others ended them because it closes one after the other.
    if (!this.#doorkeeper.isDraining) this.#outbox.deliver(outgoing);
  }

  peerClosed(peer: PeerSocket, code: number): void {
    const { peerId, address } = peer;
    this.#peers.delete(peerId);
    this.#outbox.forget(peer);
    this.#doorkeeper.leave(address);
    this.#metrics.connectionClosed(code);
    if (this.#peers.size === 0) this.#onEmpty?.();
  }

  peerError({ peerId }: PeerSocket, error: Error & { code?: string }): void {
    if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') this.#metrics.limitExceeded('message-size');
    this.#logger.debug({ peerId, err: error }, 'The connection of a peer has failed.');
  }

  now(): number {
    return performance.now();
  }

  memberJoined(server: string): void {
    for (const event of this.hub.servers.introduction()) this.#cluster?.send(server, event);
  }

  memberLeft(server: string): void {
    this.#outbox.deliver(this.hub.servers.left(server));
  }

  message(server: string, body: unknown): void {
    const result = clusterEventSchema.safeParse(body);
    if (result.success) this.#outbox.deliver(this.hub.servers.handle(server, result.data));
    else this.#logger.warn({ server }, 'A server of the cluster has told something that is not understood.');
  }

  /** Counts what a peer has sent, and gives it up where that was too much in too short a time. */
  #mayGoOn(peer: PeerSocket, kind: RateKind): boolean {
    if (peer.limiter.take(kind, this.now(), () => this.hub.partnerCountOf(peer.peerId))) return true;
    this.#metrics.limitExceeded(`rate-${kind}`);
    this.#logger.warn({ peerId: peer.peerId, kind }, 'A peer sends too much; it is given up.');
    peer.close(POLICY_VIOLATION, `Too many messages of the kind "${kind}": ${this.#options.rates[kind]} a second are allowed.`);
    return false;
  }

  #keepAlive(): void {
    const { pingAfter, pongTimeout } = this.#options;
    const policy = { pingAfter, pongTimeout, closeTimeout: CLOSE_TIMEOUT };
    const now = this.now();
    for (const peer of this.#peers.values()) {
      // Whoever has ended its side without a word has started to end the connection.
      if (peer.readyState !== WebSocket.OPEN) peer.beginClosing();
      if (peer.isOpen && peer.stuckFor(now) >= pingAfter + pongTimeout) {
        this.#metrics.limitExceeded('backlog');
        this.#logger.warn({ peerId: peer.peerId }, 'A peer reads nothing any more; it is given up.');
        peer.close(TRY_AGAIN_LATER, 'What is sent is not read.');
        continue;
      }
      const action = keepAliveAction(peer, policy, now);
      if (action === 'ping') peer.sendPing();
      else if (action === 'drop') {
        this.#logger.info({ peerId: peer.peerId }, 'A peer does not answer; its connection is dropped.');
        peer.terminate();
      }
    }
  }
}

function ignore(): void {}
