/**
 * The WebSocket of one peer. It adds to the library's what the server has to know to stay exact:
 *
 * - the moment at which a connection starts to end, whoever ends it. The library answers a peer's Close by calling `close`
 *   itself; from then on nothing may be written, and the other peers are told at once, not when the TCP connection is
 *   finally gone (RFC 6455 §7.1.2, reference §1.9);
 * - when bytes last went either way, which is what dead peers are found by.
 *
 * The listeners are shared functions, so that an idle peer costs little memory.
 */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import type { RateLimiter } from './rate-limiter.ts';

/** What a peer's socket tells its server. */
export interface PeerSocketOwner {
  peerText(peer: PeerSocket, text: string): void;
  peerBinary(peer: PeerSocket): void;
  /** A ping, which is still to be answered. */
  peerPing(peer: PeerSocket, payload: Buffer): void;
  /** A pong that answers no ping of ours. */
  peerPong(peer: PeerSocket): void;
  /** The connection starts to end: no message will come or can be sent any more. Called once. */
  peerClosing(peer: PeerSocket): void;
  /** The socket is gone. Called once, after `peerClosing`. */
  peerClosed(peer: PeerSocket, code: number): void;
  peerError(peer: PeerSocket, error: Error): void;
  now(): number;
}

export interface Waiting {
  readonly type: string;
  readonly frame: Buffer;
}

export class PeerSocket extends WebSocket {
  peerId = '';
  /** Where it connects from. */
  address = '';
  limiter!: RateLimiter;
  /** What is to be sent to it before anything else, and was put off. */
  waiting: Waiting[] | undefined;
  /** Time (ms) of the last frame from the peer. */
  lastReceived = 0;
  /** Time (ms) of the last frame to the peer. */
  lastSent = 0;
  /** Time (ms) of the ping that is not answered yet; 0 when none is. */
  pingSentAt = 0;
  /** Time (ms) at which the connection started to end; 0 while it is open. */
  closingSince = 0;
  /** The code of our Close frame, where the connection ends by our wish. */
  closeCode: number | undefined;
  /** Bytes that the peer's side had taken at time `progressAt` (ms). */
  progress = 0;
  progressAt = 0;
  #owner: PeerSocketOwner | undefined;
  #stream: Duplex | undefined;

  /** Hands the open socket, and the stream below it, to its server. */
  adopt(owner: PeerSocketOwner, stream: Duplex, peerId: string, address: string, limiter: RateLimiter): void {
    this.#owner = owner;
    this.#stream = stream;
    this.peerId = peerId;
    this.address = address;
    this.limiter = limiter;
    this.lastReceived = this.lastSent = this.progressAt = owner.now();
    this.on('message', onMessage);
    this.on('ping', onPing);
    this.on('pong', onPong);
    this.on('error', onError);
    this.on('close', onClose);
  }

  get owner(): PeerSocketOwner | undefined {
    return this.#owner;
  }

  /** True until the connection starts to end. */
  get isOpen(): boolean {
    return this.closingSince === 0 && this.readyState === WebSocket.OPEN;
  }

  /**
   * The one way to end a connection: sends a Close frame, or the answer to the peer's, behind everything queued. The
   * library calls it too, when the peer has sent its Close or something that is no WebSocket frame.
   */
  override close(code?: number, reason?: string | Buffer): void {
    if (this.closingSince === 0) this.closeCode = code;
    this.beginClosing();
    super.close(code, reason);
  }

  /** Drops the connection without a word: for peers that do not answer. */
  override terminate(): void {
    this.beginClosing();
    super.terminate();
  }

  beginClosing(): void {
    if (!this.#owner || this.closingSince !== 0) return;
    this.closingSince = this.#owner.now();
    this.#owner.peerClosing(this);
  }

  /**
   * Sends a frame; returns at once, and drops it when the connection is ending. It goes past the library, which without
   * compression writes its own frames, pings, pongs and the Close, at once too: so all are in order.
   */
  sendFrame(frame: Buffer): void {
    if (!this.isOpen || !this.#owner) return;
    this.lastSent = this.#owner.now();
    this.#stream?.write(frame);
  }

  sendPong(payload: Buffer): void {
    if (!this.isOpen || !this.#owner) return;
    this.lastSent = this.#owner.now();
    this.pong(payload, undefined, ignoreSendError);
  }

  /** For how long, in ms, the peer has taken nothing of what waits for it. */
  stuckFor(now: number): number {
    const waiting = this.bufferedAmount;
    const progress = ((this.#stream as Socket | undefined)?.bytesWritten ?? 0) - waiting;
    if (waiting === 0 || progress !== this.progress) {
      this.progress = progress;
      this.progressAt = now;
    }
    return now - this.progressAt;
  }

  sendPing(): void {
    if (!this.isOpen || !this.#owner) return;
    this.lastSent = this.pingSentAt = this.#owner.now();
    this.ping(undefined, undefined, ignoreSendError);
  }

  heard(): void {
    if (!this.#owner) return;
    this.lastReceived = this.#owner.now();
    this.pingSentAt = 0;
  }
}

/** A write that fails ends the connection, and that is where it is handled. */
function ignoreSendError(): void {}

function onMessage(this: WebSocket, data: WebSocket.RawData, isBinary: boolean): void {
  const peer = this as PeerSocket;
  if (peer.closingSince !== 0) return;
  peer.heard();
  if (isBinary) peer.owner?.peerBinary(peer);
  else peer.owner?.peerText(peer, (data as Buffer).toString('utf8'));
}

function onPing(this: WebSocket, payload: Buffer): void {
  const peer = this as PeerSocket;
  if (peer.closingSince !== 0) return;
  peer.heard();
  peer.owner?.peerPing(peer, payload);
}

function onPong(this: WebSocket): void {
  const peer = this as PeerSocket;
  if (peer.closingSince !== 0) return;
  const isAnswer = peer.pingSentAt !== 0;
  peer.heard();
  if (!isAnswer) peer.owner?.peerPong(peer);
}

function onError(this: WebSocket, error: Error): void {
  const peer = this as PeerSocket;
  peer.owner?.peerError(peer, error);
}

function onClose(this: WebSocket, code: number): void {
  const peer = this as PeerSocket;
  peer.beginClosing();
  peer.owner?.peerClosed(peer, peer.closeCode ?? code);
}
