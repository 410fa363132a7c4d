/**
 * One WebSocket connection to the signalling server, from opening it to being registered as a listener (reference §6.4).
 * Unlike the reference it selects protocol 1.1, so that a session that ends with an error says which, and it gives up on a
 * server that accepts the connection but never answers. One channel lives one connection; reconnecting is the API's affair.
 */
import {
  type ClientMessage,
  encodeClientMessage,
  parseServerMessage,
  type ServerMessage,
  type ServerMessageOf,
} from '@tswebrtc/protocol';
import { GstWebRTCError } from './errors.ts';

export interface ChannelEvents {
  /** Registered; the channel carries messages from now on. */
  onReady(clientId: string): void;
  /** The server says what this peer is, after `onReady`. */
  onOwnStatus(roles: readonly string[]): void;
  /** The server has named STUN and TURN servers: before `onReady`, and whenever it is asked again. */
  onIceServers(answer: ServerMessageOf<'iceServers'>): void;
  /** Every other message after `onReady` but the own status. */
  onMessage(message: ServerMessage): void;
  /** Something the channel survives. */
  onProblem(error: GstWebRTCError): void;
  /** The connection is gone, and not by `close()`. Comes once, last; `wasReady` tells a loss from a failed attempt. */
  onLost(error: GstWebRTCError, wasReady: boolean): void;
}

export interface ChannelOptions {
  readonly url: string;
  readonly meta: object | null;
  readonly requestIceServers: boolean;
  /** ms until `onReady`. */
  readonly connectTimeout: number;
}

export class SignallingChannel {
  readonly #options: ChannelOptions;
  readonly #events: ChannelEvents;
  readonly #socket: WebSocket;
  readonly #deadline: ReturnType<typeof setTimeout>;
  #clientId = '';
  #ready = false;
  #closed = false;

  constructor(options: ChannelOptions, events: ChannelEvents) {
    this.#options = options;
    this.#events = events;
    this.#socket = new WebSocket(options.url);
    this.#socket.addEventListener('open', () => this.#write({ type: 'setProtocolVersion', version: 'v1_1' }));
    this.#socket.addEventListener('message', (event) => this.#receive(event.data));
    this.#socket.addEventListener('error', () => this.#lose());
    this.#socket.addEventListener('close', (event) => this.#lose(event));
    this.#deadline = setTimeout(() => this.#lose(), options.connectTimeout);
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** Own id at the server, `''` before the welcome. */
  get clientId(): string {
    return this.#clientId;
  }

  /** Sends a message; false, and nothing sent, while the channel is not ready. */
  send(message: ClientMessage): boolean {
    return this.#ready && this.#write(message);
  }

  close(): void {
    if (this.#closed) return;
    this.#release();
    this.#socket.close(1000);
  }

  #write(message: ClientMessage): boolean {
    if (this.#closed || this.#socket.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(encodeClientMessage(message));
    return true;
  }

  #receive(data: unknown): void {
    if (this.#closed || typeof data !== 'string') return;
    const parsed = parseServerMessage(data);
    if (!parsed.ok) {
      const text = `The signalling server sent something that is no message of the protocol: ${parsed.reason}`;
      this.#events.onProblem(new GstWebRTCError('INVALID_MESSAGE', text));
      return;
    }
    const message = parsed.message;
    if (message.type === 'welcome') this.#welcomed(message.peerId);
    else if (message.type === 'peerStatusChanged' && message.peerId === this.#clientId) this.#ownStatus(message.roles);
    else if (message.type === 'iceServers') this.#events.onIceServers(message);
    else if (this.#ready) this.#events.onMessage(message);
    else if (message.type === 'error') {
      this.#events.onProblem(new GstWebRTCError('SIGNALLING_REFUSED', `The signalling server refused: ${message.details}`));
    }
  }

  #welcomed(clientId: string): void {
    if (this.#ready) return;
    this.#clientId = clientId;
    // First, so that it is answered before a session can begin.
    if (this.#options.requestIceServers) this.#write({ type: 'iceServers' });
    this.#write({ type: 'setPeerStatus', roles: ['listener'], meta: this.#options.meta });
  }

  #ownStatus(roles: readonly string[]): void {
    if (this.#ready) this.#events.onOwnStatus(roles);
    else if (roles.includes('listener')) this.#registered();
  }

  #registered(): void {
    clearTimeout(this.#deadline);
    this.#ready = true;
    this.#events.onReady(this.#clientId);
    this.send({ type: 'list' });
    this.send({ type: 'listConsumers' });
  }

  #lose(event?: CloseEvent): void {
    if (this.#closed) return;
    const wasReady = this.#ready;
    this.#release();
    this.#socket.close();
    const url = withoutQuery(this.#options.url);
    const why = event?.reason ? ` (${event.reason})` : '';
    const text = wasReady
      ? `The connection to the signalling server ${url} was lost${why}.`
      : `The signalling server ${url} could not be reached${why}; check that it is running and that the address is right.`;
    this.#events.onLost(new GstWebRTCError('SIGNALLING_UNREACHABLE', text), wasReady);
  }

  #release(): void {
    clearTimeout(this.#deadline);
    this.#closed = true;
    this.#ready = false;
  }
}

/** The query may hold a token, which belongs into no message. */
export function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/, '');
}
