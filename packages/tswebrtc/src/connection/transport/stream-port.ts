/**
 * A TCP or TLS connection to a TURN server (RFC 8656 §2.1), with the shape werift expects of a transport. werift's own connects
 * again by itself when the server hangs up, leaves the failure of that unhandled, and verifies no name.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Address } from './udp-port.ts';

/** Bytes that may wait for a slow server; media beyond that is better lost than late. */
const MOST_WAITING = 1 << 20;

export class StreamPort {
  readonly type: 'tcp' | 'tls';
  readonly socket: Socket;
  /** Called for every piece of the stream. */
  onData: (piece: Buffer, from: Address) => void = () => {};
  readonly #server: Address;

  private constructor(type: 'tcp' | 'tls', socket: Socket, server: Address) {
    this.type = type;
    this.socket = socket;
    this.#server = server;
    socket.on('data', (piece) => this.onData(piece, this.#server));
  }

  /** `name`: what the certificate of the server is issued to. Rejects when there is no connection, or on abort. */
  static async connect(type: 'tcp' | 'tls', server: Address, name: string, signal: AbortSignal): Promise<StreamPort> {
    signal.throwIfAborted();
    const [host, port] = server;
    const socket =
      type === 'tcp'
        ? connectTcp({ host, port, noDelay: true })
        : connectTls({ host, port, ...(isIP(name) === 0 ? { servername: name } : {}) });
    const abort = (): void => void socket.destroy(new Error('closed before the TURN server was reached'));
    signal.addEventListener('abort', abort);
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once(type === 'tcp' ? 'connect' : 'secureConnect', resolve);
        socket.once('error', reject);
        socket.once('close', () => reject(new Error('the TURN server closed the connection')));
      });
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
    // A connection that breaks later is a relay that answers no more, which ICE notices.
    socket.on('error', () => {});
    return new StreamPort(type, socket, server);
  }

  get closed(): boolean {
    return this.socket.destroyed;
  }

  get address(): { address: string; port: number; family: string } {
    return this.socket.address() as { address: string; port: number; family: string };
  }

  readonly send = async (piece: Uint8Array): Promise<void> => {
    if (!this.socket.writable || this.socket.writableLength > MOST_WAITING) return;
    this.socket.write(piece);
  };

  /** What was sent before still goes out. */
  readonly close = async (): Promise<void> => {
    this.socket.destroySoon();
  };
}
