/**
 * The TCP or TLS connection to a TURN server (RFC 8656 §3.1) as whole frames: STUN messages, and ChannelData that is padded to
 * four bytes (§12.5).
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type TlsOptions, tlsConnectOptions } from '../../../common/tls-options.ts';
import { BoundedWriter } from '../bounded-writer.ts';
import type { Address } from '../datagram-port.ts';

export interface TurnStreamHandler {
  frame(frame: Buffer): void;
  closed(reason: string): void;
}

export class TurnStream {
  readonly #writer: BoundedWriter;
  #rest: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket, handler: TurnStreamHandler) {
    this.#writer = new BoundedWriter(socket);
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
        socket.on('error', reject);
        socket.once('close', () => reject(new Error('the server closed the connection')));
      });
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
    socket.setNoDelay(true);
    return new TurnStream(socket, handler);
  }

  send(frame: Buffer): void {
    this.#writer.write(frame, frame[0]! >= 0x40);
  }

  /** What was sent before still goes out, if the server takes it. */
  close(): void {
    this.#writer.end();
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
