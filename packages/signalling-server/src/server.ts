/**
 * The signalling server: an HTTP(S) server that turns every upgrade into a peer of the hub (reference §1.7 to §1.9).
 *
 * Whatever one peer does stays its own affair: its messages wait in its own socket, bounded; its garbage is dropped with a
 * line in the log; its silence is noticed and ends its connection, not more.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { encodeServerMessage, parseClientMessage, type ServerMessage } from '@tswebrtc/protocol';
import { type Server as UpgradeServer, type ServerOptions as UpgradeServerOptions, WebSocketServer } from 'ws';
import { serverUrls } from './addresses.ts';
import { loadCertificate, type TlsMaterial } from './certificate.ts';
import { SignallingServerError } from './errors.ts';
import { type Outgoing, SignallingHub } from './hub.ts';
import { keepAliveAction } from './keep-alive.ts';
import { type Logger, silentLogger } from './logger.ts';
import { type ResolvedOptions, resolveOptions, type SignallingServerOptions } from './options.ts';
import { PeerSocket, type PeerSocketOwner } from './peer-socket.ts';

/** How long, in ms, a TLS handshake may take (reference §1.8), and an HTTP request to arrive. */
const HANDSHAKE_TIMEOUT = 5_000;
/** How long, in ms, a peer has to complete the closing handshake before its connection is dropped. */
const CLOSE_TIMEOUT = 2_000;
/** RFC 6455 §7.4.1: going away, and try again later. */
const GOING_AWAY = 1001;
const TRY_AGAIN_LATER = 1013;

export class SignallingServer {
  /** The URIs at which the server can be reached, most local first. */
  readonly urls: readonly string[];
  /** The address the server is bound to. */
  readonly address: string;
  /** The TCP port the server is bound to, also where port 0 was asked for. */
  readonly port: number;
  readonly #engine: Engine;

  private constructor(engine: Engine, bound: AddressInfo, isSecure: boolean) {
    this.#engine = engine;
    this.address = bound.address;
    this.port = bound.port;
    this.urls = serverUrls(bound, isSecure);
  }

  /**
   * Starts a server; resolves when it accepts connections. Rejects with a `SignallingServerError`: `INVALID_OPTION`,
   * `CERTIFICATE_UNREADABLE` (TLS was asked for and cannot be had), `ADDRESS_IN_USE` or `LISTEN_FAILED`.
   */
  static async listen(options: SignallingServerOptions = {}): Promise<SignallingServer> {
    const resolved = resolveOptions(options);
    options.signal?.throwIfAborted();
    const tls = await loadCertificate(options.cert, options.key);
    options.signal?.throwIfAborted();
    const engine = new Engine(resolved, tls, options.logger ?? silentLogger);
    const server = new SignallingServer(engine, await engine.listen(), tls !== undefined);
    const { signal } = options;
    if (signal) {
      const close = (): void => void server.close();
      signal.addEventListener('abort', close, { once: true });
      engine.onClosed = () => signal.removeEventListener('abort', close);
      if (signal.aborted) {
        await server.close();
        signal.throwIfAborted();
      }
    }
    return server;
  }

  /** Number of peers that are connected. */
  get peerCount(): number {
    return this.#engine.hub.peerCount;
  }

  /** Number of sessions that have started and not ended. */
  get sessionCount(): number {
    return this.#engine.hub.sessionCount;
  }

  /** Closes every peer's connection cleanly and stops listening; resolves when no socket is left. May be called again. */
  close(): Promise<void> {
    return this.#engine.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

class Engine implements PeerSocketOwner {
  readonly hub: SignallingHub;
  onClosed: (() => void) | undefined;
  readonly #options: ResolvedOptions;
  readonly #logger: Logger;
  readonly #http: Server;
  readonly #upgrader: UpgradeServer<typeof PeerSocket>;
  readonly #sockets = new Set<Socket>();
  readonly #peers = new Map<string, PeerSocket>();
  readonly #outbox: Outgoing[] = [];
  #isDelivering = false;
  #sweep: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ResolvedOptions, tls: TlsMaterial | undefined, logger: Logger) {
    this.#options = options;
    this.#logger = logger.child({ subsystem: 'signalling-server' });
    this.hub = new SignallingHub({ onDropped: (peerId, reason) => this.#logger.debug({ peerId }, reason) });
    const timeouts = { headersTimeout: HANDSHAKE_TIMEOUT, requestTimeout: HANDSHAKE_TIMEOUT, connectionsCheckingInterval: 1_000 };
    this.#http = tls ? createTlsServer({ ...tls, handshakeTimeout: HANDSHAKE_TIMEOUT, ...timeouts }) : createServer(timeouts);
    const upgraderOptions: UpgradeServerOptions<typeof PeerSocket> & { closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.maxMessageSize,
      WebSocket: PeerSocket,
      handleProtocols: () => false,
      // One message of a peer at a time, then whatever the others sent: a burst must not hold them up.
      allowSynchronousEvents: false,
      closeTimeout: CLOSE_TIMEOUT,
    };
    this.#upgrader = new WebSocketServer(upgraderOptions);
    this.#upgrader.on('headers', (lines) => {
      lines.push(...options.headers);
    });
    // An HTTPS server counts its TCP connections under "connection" too, before their TLS handshake.
    this.#http.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', ignore);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#http.on('request', refuseRequest);
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  async listen(): Promise<AddressInfo> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      const fail = (cause: NodeJS.ErrnoException): void => reject(listenError(cause, host, port));
      this.#http.once('error', fail);
      this.#http.listen({ host, port, backlog: 4096 }, () => {
        this.#http.off('error', fail);
        resolve();
      });
    });
    // An accept that fails (out of descriptors) must not end the process: those who are connected stay so.
    this.#http.on('error', (error) => this.#logger.error({ err: error }, 'A connection could not be accepted.'));
    this.#sweep = setInterval(() => this.#keepAlive(), Math.min(1_000, this.#options.pingAfter, this.#options.pongTimeout));
    const bound = this.#http.address() as AddressInfo;
    this.#logger.info({ address: bound.address, port: bound.port }, 'The signalling server listens.');
    return bound;
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#isClosing = true;
    const closed = new Promise<void>((resolve) => this.#http.close(() => resolve()));
    const peers = [...this.#peers.values()];
    for (const peer of peers) peer.close(GOING_AWAY, 'The signalling server shuts down.');
    // Whoever has not become a peer yet has nothing to be closed cleanly.
    if (peers.length > 0) await this.#lastPeerGone();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    clearInterval(this.#sweep);
    this.#logger.info({}, 'The signalling server has closed.');
    this.onClosed?.();
  }

  /** Resolves when the last peer is gone: peers that do not answer are dropped by the keep-alive. */
  #lastPeerGone(): Promise<void> {
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
      if (this.#peers.size === 0) resolve();
    });
  }
  #onEmpty: (() => void) | undefined;
  #isClosing = false;

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.#closing) {
      socket.destroy();
      return;
    }
    try {
      this.#upgrader.handleUpgrade(request, socket, head, (peer) => {
        const peerId = randomUUID();
        peer.adopt(this, peerId);
        this.#peers.set(peerId, peer);
        this.#logger.info({ peerId, remoteAddress: request.socket.remoteAddress }, 'A peer has connected.');
        this.#deliver(this.hub.connect(peerId));
      });
    } catch (error) {
      this.#logger.warn({ err: error }, 'A connection could not be upgraded.');
      socket.destroy();
    }
  }

  peerText(peer: PeerSocket, text: string): void {
    const { peerId } = peer;
    this.#logger.trace({ peerId, text }, 'A peer has sent a message.');
    const result = parseClientMessage(text);
    if (result.ok) this.#deliver(this.hub.handle(peerId, result.message));
    else this.#logger.warn({ peerId, reason: result.reason }, 'A peer has sent text that is no message; it was dropped.');
  }

  peerBinary({ peerId }: PeerSocket): void {
    this.#logger.warn({ peerId }, 'A peer has sent a binary frame; it was ignored.');
  }

  peerClosing({ peerId }: PeerSocket): void {
    this.#logger.info({ peerId }, 'A peer has disconnected.');
    const outgoing = this.hub.disconnect(peerId);
    // Their sessions go on without a server: nobody is told that others ended them because it closes one after the other.
    if (!this.#isClosing) this.#deliver(outgoing);
  }

  peerClosed({ peerId }: PeerSocket): void {
    this.#peers.delete(peerId);
    if (this.#peers.size === 0) this.#onEmpty?.();
  }

  peerError({ peerId }: PeerSocket, error: Error): void {
    this.#logger.debug({ peerId, err: error }, 'The connection of a peer has failed.');
  }

  now(): number {
    return performance.now();
  }

  /**
   * Sends in order. Sending can end a connection, which makes more to send: that goes behind what is already queued, so
   * that every peer sees the events in one order.
   */
  #deliver(outgoing: readonly Outgoing[]): void {
    for (const one of outgoing) this.#outbox.push(one);
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    let encoded: ServerMessage | undefined;
    let text: Buffer | undefined;
    for (let next = 0; next < this.#outbox.length; next++) {
      const { to, message } = this.#outbox[next]!;
      const peer = this.#peers.get(to);
      if (!peer?.isOpen) continue;
      if (!text || encoded !== message) text = Buffer.from(encodeServerMessage((encoded = message)));
      this.#send(peer, text);
    }
    this.#outbox.length = 0;
    this.#isDelivering = false;
  }

  #send(peer: PeerSocket, text: Buffer): void {
    if (peer.bufferedAmount + text.length > this.#options.maxBacklog) {
      this.#logger.warn({ peerId: peer.peerId, backlog: peer.bufferedAmount }, 'A peer does not read; it is given up.');
      peer.close(TRY_AGAIN_LATER, 'Too much is waiting to be read.');
      return;
    }
    peer.sendText(text);
  }

  #keepAlive(): void {
    const { pingAfter, pongTimeout } = this.#options;
    const policy = { pingAfter, pongTimeout, closeTimeout: CLOSE_TIMEOUT };
    const now = this.now();
    for (const peer of this.#peers.values()) {
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

/** The server speaks WebSocket only (RFC 9110 §15.5.22). */
function refuseRequest(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(426, { 'Content-Type': 'text/plain', Upgrade: 'websocket', Connection: 'close' });
  response.end('This is a WebRTC signalling server: connect with a WebSocket.\n');
}

function listenError(cause: NodeJS.ErrnoException, host: string, port: number): SignallingServerError {
  if (cause.code === 'EADDRINUSE')
    return new SignallingServerError(
      'ADDRESS_IN_USE',
      `The port ${port} on ${host} is in use: stop the other server or choose another port.`,
      { cause },
    );
  const reason =
    cause.code === 'EACCES'
      ? 'that needs more rights'
      : cause.code === 'EADDRNOTAVAIL'
        ? 'this machine has no such address'
        : cause.message;
  return new SignallingServerError(
    'LISTEN_FAILED',
    `The signalling server cannot listen on ${host} port ${port} (${reason}): choose another host or port.`,
    { cause },
  );
}
