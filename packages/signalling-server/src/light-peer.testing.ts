/**
 * A peer that costs little, so that thousands fit beside the server under load: TCP, an upgrade written by hand and frames as
 * in raw-frames. It answers pings and Close frames; everything else is its owner's.
 */
import { connect, type Socket } from 'node:net';
import { clientFrame, closeFrame, Opcode, ServerFrames } from './raw-frames.testing.ts';

export type Json = Record<string, unknown>;

/** Where a server is: `ws` URIs only. */
export interface Target {
  readonly url: string;
  /** Address of this machine to connect from; the system chooses by default. */
  readonly from?: string;
}

/** RFC 6455 §7.4.1 */
const NORMAL = 1000;
/** What all peers read into: a chunk is taken out of it before the next socket is read. */
const readBuffer = Buffer.allocUnsafe(65_536);

export class LightPeer {
  /** The id from `welcome`. */
  id = '';
  onMessage: (message: Json) => void = ignore;
  onPong: (payload: Buffer) => void = ignore;
  /** The connection is gone; with the code of the server's Close frame where one came. */
  onClose: (code: number | undefined) => void = ignore;
  isClosed = false;
  /** Whether it answers pings and a Close frame. */
  isAnswering = true;
  readonly #socket: Socket;
  readonly #frames = new ServerFrames();
  #head: Buffer | undefined = Buffer.alloc(0);
  #closeCode: number | undefined;
  #expected: { type: string; settle(message: Json | Error): void } | undefined;

  private constructor({ url, from }: Target) {
    const { protocol, hostname, port, pathname, search } = new URL(url);
    if (protocol !== 'ws:') throw new Error(`The light peer speaks ws only, not ${url}.`);
    this.#socket = connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port || 80),
      noDelay: true,
      ...(from === undefined ? {} : { localAddress: from }),
      onread: { buffer: readBuffer, callback: (length) => this.#read(readBuffer.subarray(0, length)) },
    });
    this.#socket.on('error', ignore);
    this.#socket.once('close', () => {
      this.isClosed = true;
      this.#expected?.settle(new Error(`The server has closed the connection (${this.#closeCode ?? 'without a code'}).`));
      this.onClose(this.#closeCode);
    });
    this.#socket.write(
      `GET ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
  }

  /** Connects and takes the welcome. Rejects when the connection ends first. */
  static async open(target: Target): Promise<LightPeer> {
    const peer = new LightPeer(target);
    peer.id = String((await peer.next('welcome')).peerId);
    return peer;
  }

  /** Bytes that are still to be written. */
  get backlog(): number {
    return this.#socket.writableLength;
  }

  /** Sends all of them in one write. */
  send(...messages: readonly Json[]): void {
    const frames = messages.map((message) => clientFrame(Opcode.text, JSON.stringify(message)));
    this.write(frames.length === 1 ? frames[0]! : Buffer.concat(frames));
  }

  /** Sends bytes as they are. */
  write(bytes: Uint8Array): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  /** The next message of this type; the others go to `onMessage`. Rejects when the connection ends first. */
  next(type: string): Promise<Json> {
    return new Promise((resolve, reject) => {
      this.#expected = {
        type,
        settle: (result) => {
          this.#expected = undefined;
          if (result instanceof Error) reject(result);
          else resolve(result);
        },
      };
    });
  }

  /** Takes a status; resolves when the server has come that far, as the answer to a question behind it shows. */
  async register(roles: readonly string[], meta: unknown = null): Promise<void> {
    this.send({ type: 'setPeerStatus', roles, meta }, { type: 'listConsumers' });
    await this.next('listConsumers');
  }

  /** Reads no more, and so takes no more than what the kernel keeps for it. */
  stopReading(): void {
    this.#socket.pause();
  }

  /** Resolves when the closing handshake is over. */
  async close(): Promise<void> {
    if (this.isClosed) return;
    const closed = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
    this.write(closeFrame(NORMAL));
    await closed;
  }

  /** Goes with a reset of the TCP connection. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /** Ends its side of the TCP connection without a Close frame. */
  end(): void {
    this.#socket.end();
  }

  #read(chunk: Buffer): boolean {
    if (!this.#head) {
      this.#frames.push(chunk, this.#onFrame);
      return true;
    }
    this.#head = Buffer.concat([this.#head, chunk]);
    const end = this.#head.indexOf('\r\n\r\n');
    if (end < 0) return true;
    const [head, rest] = [this.#head.subarray(0, end), this.#head.subarray(end + 4)];
    this.#head = undefined;
    if (head.toString('latin1').startsWith('HTTP/1.1 101 ')) this.#frames.push(rest, this.#onFrame);
    else this.#socket.destroy();
    return true;
  }

  readonly #onFrame = (opcode: number, payload: Buffer): void => {
    if (opcode === Opcode.text) {
      const message = JSON.parse(payload.toString()) as Json;
      if (this.#expected && this.#expected.type === message.type) this.#expected.settle(message);
      else this.onMessage(message);
    } else if (opcode === Opcode.pong) this.onPong(payload);
    else if (opcode === Opcode.ping && this.isAnswering) this.write(clientFrame(Opcode.pong, payload));
    else if (opcode === Opcode.close) {
      this.#closeCode = payload.length >= 2 ? payload.readUInt16BE(0) : undefined;
      if (!this.isAnswering) return;
      this.write(clientFrame(Opcode.close, payload));
      this.#socket.end();
    }
  };
}

function ignore(): void {}
