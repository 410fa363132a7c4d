/**
 * One UDP socket of a connection, bound to one local address. It has the shape the ICE library expects of a transport, so
 * that we make the sockets: with a large receive buffer, inside the port range, and with every error caught.
 */
import { createSocket, type Socket } from 'node:dgram';
import { isIP, isIPv6 } from 'node:net';
import { TsWebRTCError } from '../../common/errors.ts';
import type { Address, DatagramPort } from './datagram-port.ts';

/** Through a socket that is bound to an address of ours. */
export interface LocalPort extends DatagramPort {
  readonly type: 'udp';
  readonly socket: Socket;
  readonly localAddress: string;
  readonly address: { address: string; port: number; family: string };
}

/** A keyframe of several hundred packets arrives in one burst; the usual 208 KB hold about 90 of them. */
const RECEIVE_BUFFER = 4 << 20;
const SEND_BUFFER = 1 << 20;

export class UdpPort implements LocalPort {
  readonly type = 'udp';
  readonly socket: Socket;
  readonly socketType: 'udp4' | 'udp6';
  readonly localAddress: string;
  closed = false;
  onData: (datagram: Buffer, from: Address) => void = () => {};
  #closing: Promise<void> | undefined;

  private constructor(socket: Socket, address: string) {
    this.socket = socket;
    this.socketType = isIPv6(address) ? 'udp6' : 'udp4';
    this.localAddress = address;
    // A send that fails later (no route, message too long) must not end the process; ICE notices that nothing arrives.
    socket.on('error', () => {});
    // Nearly all datagrams come from one address.
    let sender = '';
    let from: Address = ['', 0];
    socket.on('message', (datagram, { address, port }) => {
      if (address !== sender || port !== from[1]) {
        sender = address;
        const zone = address.indexOf('%');
        from = [zone < 0 ? address : address.slice(0, zone), port];
      }
      this.onData(datagram, from);
    });
  }

  /** Binds to `address`, inside `range` when given; throws `ADDRESS_IN_USE` when no port of the range is free. */
  static async bind(address: string, range?: readonly [min: number, max: number]): Promise<UdpPort> {
    if (!range) return new UdpPort(await bindSocket(address, 0), address);
    const [min, max] = range;
    const count = max - min + 1;
    // Starting anywhere in the range keeps a busy server from trying all the taken ports first.
    const start = Math.floor(Math.random() * count);
    for (let i = 0; i < count; i++) {
      try {
        return new UdpPort(await bindSocket(address, min + ((start + i) % count)), address);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      }
    }
    throw new TsWebRTCError(
      'ADDRESS_IN_USE',
      `all UDP ports from ${min} to ${max} on ${address} are taken; widen the port range`,
    );
  }

  get address(): { address: string; port: number; family: string } {
    return this.socket.address();
  }

  readonly send = async (datagram: Uint8Array, to?: Address): Promise<void> => {
    if (this.closed || !to || isIP(to[0]) === 0) return;
    this.socket.send(datagram, to[1], to[0], ignore);
  };

  readonly close = (): Promise<void> => {
    this.closed = true;
    this.#closing ??= new Promise((resolve) => {
      this.socket.once('close', resolve);
      try {
        this.socket.close();
      } catch {
        // Closed already: the system took it away, with the interface it belonged to.
        resolve();
      }
    });
    return this.#closing;
  };
}

/** A socket with large buffers on one address; port 0 lets the system choose. */
export async function bindSocket(address: string, port: number): Promise<Socket> {
  const family = isIPv6(address) ? 6 : 4;
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    // Only addresses are ever sent to: answering at once saves dgram a turn of the event loop and a closure a packet.
    lookup: (hostname, _options, callback) => callback(null, hostname, family),
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ port, address }, resolve);
  });
  socket.removeAllListeners('error');
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER);
    socket.setSendBufferSize(SEND_BUFFER);
  } catch {
    // Some systems refuse more than their limit instead of giving what they have: the default then stays.
  }
  return socket;
}

const ignore = (): void => {};
