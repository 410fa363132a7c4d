/**
 * ICE over TCP (RFC 6544), the passive side: one TCP port to which the peers of all connections of the process connect, for
 * networks that let no UDP through. A TCP connection is of the connection whose username fragment its first check carries.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { TsWebRTCError } from '../../../common/errors.ts';
import { BoundedWriter } from '../bounded-writer.ts';
import type { Address, DatagramPort } from '../datagram-port.ts';
import { usernameFragmentOf } from '../stun-username.ts';

const BINDING_REQUEST = 0x0001;
/** ms that a TCP connection has to say whose it is. */
const FIRST_CHECK = 10_000;
/** TCP connections that have not said so yet. */
const MOST_UNKNOWN = 256;
/** TCP connections to one connection: a peer makes one for each of its own addresses and each of ours, and new ones after a loss. */
const MOST_STREAMS = 32;
/** A check has no more bytes than a packet; what says more before anybody knows it is up to something else. */
const LONGEST_CHECK = 1500;
/** ms that checks over TCP wait at the beginning: where UDP works, it is to be found first. */
const HEAD_START_OF_UDP = 300;

export class TcpMux {
  static readonly #open = new Map<number, { readonly mux: Promise<TcpMux>; users: number }>();
  readonly port: number;
  readonly #server: Server;
  /** By username fragment and local address. */
  readonly #ports = new Map<string, TcpPort>();
  readonly #unknown = new Set<Socket>();

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
    server.on('connection', (socket) => this.#accept(socket));
    server.on('error', () => {});
  }

  /**
   * Opens `port` on all addresses, or shares it with who has it open in this process. Rejects with `ADDRESS_IN_USE` where another
   * program has it.
   */
  static open(port: number): Promise<TcpMux> {
    const shared = TcpMux.#open.get(port) ?? { mux: TcpMux.#listen(port), users: 0 };
    TcpMux.#open.set(port, shared);
    shared.users++;
    shared.mux.catch(() => TcpMux.#open.delete(port));
    return shared.mux;
  }

  static #listen(port: number): Promise<TcpMux> {
    return new Promise((resolve, reject) => {
      const server = createServer({ noDelay: true });
      server.once('error', (cause: NodeJS.ErrnoException) => {
        reject(
          cause.code === 'EADDRINUSE'
            ? new TsWebRTCError(
                'ADDRESS_IN_USE',
                `TCP port ${port} is taken by another program; name another one, or end that.`,
                {
                  cause,
                },
              )
            : new TsWebRTCError('INVALID_OPTION', `TCP port ${port} cannot be opened: ${cause.message}.`, { cause }),
        );
      });
      server.listen(port, () => {
        server.removeAllListeners('error');
        resolve(new TcpMux(server, port));
      });
    });
  }

  /** What a connection has of the port on a local address; checks of its peer carry `usernameFragment`. */
  attach(localAddress: string, usernameFragment: string): TcpPort {
    const key = `${usernameFragment} ${localAddress}`;
    const port = new TcpPort(localAddress, this.port, () => this.#ports.delete(key));
    this.#ports.set(key, port);
    return port;
  }

  /** Once for each `open`; the port closes with the last. */
  async close(): Promise<void> {
    const shared = TcpMux.#open.get(this.port);
    if (!shared || --shared.users > 0) return;
    TcpMux.#open.delete(this.port);
    for (const socket of this.#unknown) socket.destroy();
    await Promise.all([...this.#ports.values()].map((port) => port.close()));
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(socket: Socket): void {
    socket.on('error', () => {});
    if (this.#unknown.size >= MOST_UNKNOWN) {
      socket.destroy();
      return;
    }
    this.#unknown.add(socket);
    const timer = setTimeout(() => socket.destroy(), FIRST_CHECK);
    const settle = (): void => {
      clearTimeout(timer);
      this.#unknown.delete(socket);
    };
    socket.once('close', settle);
    let bytes = Buffer.alloc(0);
    const listen = (piece: Buffer): void => {
      bytes = Buffer.concat([bytes, piece]);
      const check = firstFrame(bytes);
      if (check === 'incomplete') return;
      const port = check && this.#portFor(socket, check);
      socket.off('data', listen);
      settle();
      if (!port?.add(socket, bytes)) socket.destroy();
    };
    socket.on('data', listen);
  }

  #portFor(socket: Socket, check: Buffer): TcpPort | undefined {
    if (check.length < 20 || check.readUInt16BE(0) !== BINDING_REQUEST) return undefined;
    const fragment = usernameFragmentOf(check);
    return fragment === undefined ? undefined : this.#ports.get(`${fragment} ${plain(socket.localAddress)}`);
  }
}

/** What a connection has of the shared port: the TCP connections of its peer. */
export class TcpPort implements DatagramPort {
  readonly type = 'tcp';
  readonly localAddress: string;
  readonly address: { readonly address: string; readonly port: number };
  onData: (datagram: Buffer, from: Address) => void = () => {};
  closed = false;
  readonly #streams = new Map<string, BoundedWriter>();
  readonly #onClose: () => void;
  #held: (() => void)[] | undefined = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(localAddress: string, port: number, onClose: () => void) {
    this.localAddress = localAddress;
    this.address = { address: localAddress, port };
    this.#onClose = onClose;
  }

  /** A TCP connection that is ours, and what has come over it so far. Returns whether it is taken. */
  add(socket: Socket, bytes: Buffer): boolean {
    const { remoteAddress, remotePort } = socket;
    if (this.closed || remotePort === undefined || this.#streams.size >= MOST_STREAMS) return false;
    const from: Address = [plain(remoteAddress), remotePort];
    const key = keyOf(from);
    this.#streams.set(key, new BoundedWriter(socket));
    socket.once('close', () => this.#streams.delete(key));
    let rest = this.#deliver(bytes, from);
    socket.on('data', (piece) => {
      rest = this.#deliver(rest.length > 0 ? Buffer.concat([rest, piece]) : piece, from);
    });
    return true;
  }

  readonly send = (datagram: Uint8Array, to?: Address): Promise<void> => {
    const stream = to && this.#streams.get(keyOf(to));
    // RFC 4571 §2.
    const isMedia = datagram[0]! >= 128;
    if (stream?.takes(isMedia) && datagram.length <= 0xffff) {
      const frame = Buffer.allocUnsafe(2 + datagram.length);
      frame.writeUInt16BE(datagram.length, 0);
      frame.set(datagram, 2);
      stream.write(frame, isMedia);
    }
    return SENT;
  };

  readonly close = async (): Promise<void> => {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.#timer);
    this.#held = undefined;
    this.#onClose();
    for (const writer of this.#streams.values()) writer.end();
  };

  /** Passes whole frames on and returns what is left. */
  #deliver(bytes: Buffer, from: Address): Buffer {
    let at = 0;
    while (bytes.length - at >= 2) {
      const end = at + 2 + bytes.readUInt16BE(at);
      if (end > bytes.length) break;
      // Of its own, since it may be kept.
      this.#pass(bytes.subarray(at + 2, end), from);
      at = end;
    }
    return bytes.subarray(at);
  }

  #pass(datagram: Buffer, from: Address): void {
    if (this.closed || datagram.length === 0) return;
    if (!this.#held) {
      this.onData(datagram, from);
      return;
    }
    this.#timer ??= setTimeout(() => {
      const held = this.#held ?? [];
      this.#held = undefined;
      for (const pass of held) pass();
    }, HEAD_START_OF_UDP);
    if (this.#held.length < MOST_STREAMS) this.#held.push(() => this.onData(datagram, from));
  }
}

/** The first frame; undefined when there can be none that is a check. */
function firstFrame(bytes: Buffer): Buffer | 'incomplete' | undefined {
  if (bytes.length < 2) return 'incomplete';
  const length = bytes.readUInt16BE(0);
  if (length > LONGEST_CHECK) return undefined;
  return bytes.length < 2 + length ? 'incomplete' : bytes.subarray(2, 2 + length);
}

/** An IPv4 address where the system writes it as an IPv6 one. */
function plain(address = ''): string {
  const zone = address.indexOf('%');
  return (zone < 0 ? address : address.slice(0, zone)).replace(/^::ffff:(?=[\d.]+$)/i, '');
}

function keyOf([address, port]: Address): string {
  return `${port} ${address}`;
}

const SENT = Promise.resolve();
