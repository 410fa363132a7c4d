/** A peer for tests: a plain WebSocket that keeps what it was sent in order. */
import { connect, type Socket } from 'node:net';
import { type ClientOptions, WebSocket } from 'ws';

export type Json = Record<string, unknown>;

const PATIENCE = 5_000;

export class TestClient {
  /** The id from `welcome`. */
  id = '';
  readonly socket: WebSocket;
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly errors: Error[] = [];
  readonly #received: Json[] = [];
  #wake: (() => void) | undefined;

  constructor(url: string, options: ClientOptions = {}) {
    this.socket = new WebSocket(url, options);
    this.socket.on('message', (data) => {
      this.#received.push(JSON.parse(String(data)) as Json);
      this.#wake?.();
    });
    this.socket.on('error', (error) => this.errors.push(error));
    this.closed = new Promise((resolve) =>
      this.socket.on('close', (code, reason) => {
        resolve({ code, reason: String(reason) });
        this.#wake?.();
      }),
    );
  }

  /** Connects, takes the welcome, and takes the status' own echo where there is one. */
  static async open(url: string, status?: Json): Promise<TestClient> {
    const client = new TestClient(url);
    client.id = String((await client.next()).peerId);
    if (status) {
      client.send({ type: 'setPeerStatus', meta: null, ...status });
      if ((status.roles as string[]).includes('listener')) await client.next();
      else await client.others();
    }
    return client;
  }

  /** A client that chose protocol version 1.1 first. */
  static async open11(url: string, status?: Json): Promise<TestClient> {
    const client = await TestClient.open(url);
    client.send({ type: 'setProtocolVersion', version: 'v1_1' });
    if (status) client.send({ type: 'setPeerStatus', meta: null, ...status });
    await client.others();
    return client;
  }

  send(message: Json | string): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** The next message, which may take `patience` ms. */
  async next(patience = PATIENCE): Promise<Json> {
    const until = Date.now() + patience;
    while (this.#received.length === 0) {
      if (this.socket.readyState === WebSocket.CLOSED) throw new Error('The connection has closed before a message came.');
      if (Date.now() >= until) throw new Error('No message came in time.');
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, until - Date.now());
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return this.#received.shift()!;
  }

  /** Whatever came until the server has answered all we have sent: a `list` behind it shows when. */
  async others(): Promise<Json[]> {
    this.send({ type: 'list' });
    const others: Json[] = [];
    for (;;) {
      const message = await this.next();
      if (message.type === 'list') return others;
      others.push(message);
    }
  }

  async close(): Promise<{ code: number; reason: string }> {
    this.socket.close(1000);
    return this.closed;
  }
}

/** A peer below the WebSocket: bytes on a TCP connection, after a correct upgrade. */
export class RawClient {
  readonly tcp: Socket;
  /** The id from `welcome`. */
  id = '';
  readonly errors: NodeJS.ErrnoException[] = [];
  /** Everything received after the upgrade. */
  received = Buffer.alloc(0);
  /** Resolves when the server has ended its side (FIN). */
  readonly ended: Promise<void>;
  readonly closed: Promise<void>;
  #onData: (() => void) | undefined;

  private constructor(port: number, host: string) {
    this.tcp = connect({ port, host, allowHalfOpen: true });
    this.tcp.on('error', (error) => this.errors.push(error));
    this.tcp.on('data', (chunk) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.#onData?.();
    });
    this.ended = new Promise((resolve) => this.tcp.once('end', resolve));
    this.closed = new Promise((resolve) => this.tcp.once('close', () => resolve()));
  }

  /** Connects and upgrades; resolves when the welcome has arrived, with nothing of it left in `received`. */
  static async open(port: number, host = '127.0.0.1'): Promise<RawClient> {
    const client = new RawClient(port, host);
    client.tcp.write(
      'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    await client.until(() => client.received.includes('"welcome"') && client.received.at(-1) === 0x7d);
    client.id = /"peerId":"([^"]+)"/.exec(String(client.received))![1]!;
    client.received = Buffer.alloc(0);
    return client;
  }

  /** Waits for data until `done`. */
  async until(done: () => boolean): Promise<void> {
    while (!done())
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('The data did not come in time.')), PATIENCE);
        this.#onData = () => {
          clearTimeout(timer);
          resolve();
        };
      });
  }

  /** A client's frame (RFC 6455 §5.2), masked with zeros. */
  static frame(opcode: number, payload: Uint8Array | string): Buffer {
    const body = Buffer.from(payload as string);
    const length = body.length < 126 ? [0x80 | body.length] : [0x80 | 126, body.length >> 8, body.length & 0xff];
    return Buffer.concat([Buffer.from([0x80 | opcode, ...length, 0, 0, 0, 0]), body]);
  }

  /** A Close frame with a status code. */
  static closeFrame(code: number): Buffer {
    return RawClient.frame(8, Buffer.from([code >> 8, code & 0xff]));
  }
}
