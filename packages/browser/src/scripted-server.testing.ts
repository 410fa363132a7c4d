/** A signalling server on a real socket that does nothing of itself beyond the welcome: each test says what it answers. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type ClientMessage, encodeServerMessage, parseClientMessage, type ServerMessage } from '@tswebrtc/protocol';
import { type WebSocket, WebSocketServer } from 'ws';

export class ScriptedConnection {
  readonly id: string;
  readonly socket: WebSocket;
  /** Everything received, in order. */
  readonly received: ClientMessage[] = [];
  /** Settles with the code of the closing handshake. */
  readonly closed: Promise<number>;
  #read = 0;
  #wake: () => void = () => {};

  constructor(id: string, socket: WebSocket) {
    this.id = id;
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.on('close', (code) => resolve(code));
    });
    socket.on('message', (data) => {
      const parsed = parseClientMessage(data.toString());
      if (!parsed.ok) throw new Error(`The client sent no message: ${parsed.reason}`);
      this.received.push(parsed.message);
      this.#wake();
    });
  }

  send(message: ServerMessage): void {
    this.socket.send(encodeServerMessage(message));
  }

  /** The next message received, in order. */
  async next(): Promise<ClientMessage> {
    while (this.#read >= this.received.length) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.received[this.#read++] as ClientMessage;
  }

  /** The next messages received. */
  async take(count: number): Promise<ClientMessage[]> {
    const messages: ClientMessage[] = [];
    while (messages.length < count) messages.push(await this.next());
    return messages;
  }

  /** Goes with the client through everything up to being registered, and lists these producers. */
  async register(producers: { id: string; meta: unknown }[] = []): Promise<void> {
    this.send({ type: 'welcome', peerId: this.id });
    await this.take(2);
    this.send({ type: 'peerStatusChanged', roles: ['listener'], meta: null, peerId: this.id });
    await this.take(2);
    this.send({ type: 'list', producers });
    this.send({ type: 'listConsumers', consumers: [] });
  }
}

export class ScriptedServer {
  /** Stays known after `close()`, so that another server can take its place. */
  readonly port: number;
  readonly #server: WebSocketServer;
  readonly #connections: ScriptedConnection[] = [];
  #accepted = 0;
  #wake: () => void = () => {};

  private constructor(server: WebSocketServer) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => {
      this.#connections.push(new ScriptedConnection(`client-${this.#connections.length + 1}`, socket));
      this.#wake();
    });
  }

  static async listen(port = 0): Promise<ScriptedServer> {
    const server = new WebSocketServer({ host: '127.0.0.1', port });
    await once(server, 'listening');
    return new ScriptedServer(server);
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  /** The next client that connects. */
  async accept(): Promise<ScriptedConnection> {
    while (this.#accepted >= this.#connections.length) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#connections[this.#accepted++] as ScriptedConnection;
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) connection.socket.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
