/**
 * The TCP or TLS connection to a TURN server (RFC 8656 §3.1) as whole frames: STUN messages, and ChannelData that is padded to
 * four bytes (§12.5).
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type TlsOptions, tlsConnectOptions } from '../../../common/tls-options.ts';
import type { Address } from '../datagram-port.ts';

/** Bytes that may wait in this process for a slow server; media beyond that are better lost than late. */
const MOST_WAITING = 128 << 10;
/** Control messages are few, and what they keep alive is worth the wait. */
const MOST_CONTROL_WAITING = 256 << 10;

export interface TurnStreamHandler {
  frame(frame: Buffer): void;
  closed(reason: string): void;
}

export class TurnStream {
  readonly #socket: Socket;
  #rest: Buffer = Buffer.alloc(0);
  #corked = false;

  private constructor(socket: Socket, handler: TurnStreamHandler) {
    this.#socket = socket;
    let reason = 'the server closed the connection';
    socket.on('error', (error) => {
      reason = error.message;
    });
    socket.on('close', () => handler.closed(reason));
    socket.on('data', (piece) => {
      if (!this.#receive(piece, handler)) socket.destroy(new Error('the server sends what is not TURN'));
    });
  }

  /** `name`: whom the server's certificate has to be issued to. Rejects when there is no connection, or on abort. */
  static async connect(
    transport: 'tcp' | 'tls',
    [host, port]: Address,
    name: string,
    tls: TlsOptions,
    handler: TurnStreamHandler,
    signal: AbortSignal,
  ): Promise<TurnStream> {
    signal.throwIfAborted();
    const socket =
      transport === 'tcp'
        ? connectTcp({ host, port, noDelay: true })
        : connectTls({
            host,
            port,
            ...tlsConnectOptions(tls),
            ...(isIP(name) === 0 ? { servername: name } : {}),
          });
    const abort = (): void => void socket.destroy(signal.reason instanceof Error ? signal.reason : new Error('given up'));
    signal.addEventListener('abort', abort);
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once(transport === 'tcp' ? 'connect' : 'secureConnect', resolve);
        socket.once('error', reject);
        socket.once('close', () => reject(new Error('the server closed the connection')));
      });
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
    socket.setNoDelay(true);
    socket.removeAllListeners('error');
    socket.removeAllListeners('close');
    return new TurnStream(socket, handler);
  }

  send(frame: Buffer): void {
    const socket = this.#socket;
    const isMedia = frame[0]! >= 0x40;
    if (!socket.writable || socket.writableLength > (isMedia ? MOST_WAITING : MOST_CONTROL_WAITING)) return;
    // What one turn of the event loop sends leaves in one system call.
    if (!this.#corked) {
      this.#corked = true;
      socket.cork();
      process.nextTick(() => {
        this.#corked = false;
        socket.uncork();
      });
    }
    socket.write(frame);
  }

  /** What was sent before still goes out, if the server takes it. */
  close(): void {
    this.#socket.destroySoon();
  }

  #receive(piece: Buffer, handler: TurnStreamHandler): boolean {
    let bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, piece]) : piece;
    while (bytes.length >= 4) {
      const kind = bytes[0]! >> 6;
      if (kind > 1) return false;
      const length = bytes.readUInt16BE(2) + (kind === 0 ? 20 : 4);
      const padded = length + (-length & 3);
      if (bytes.length < padded) break;
      handler.frame(bytes.subarray(0, length));
      bytes = bytes.subarray(padded);
    }
    this.#rest = bytes;
    return true;
  }
}
