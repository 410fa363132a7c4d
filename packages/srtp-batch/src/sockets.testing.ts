/** For tests: UDP sockets on loopback that remember what arrives. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

export interface Receiver {
  readonly socket: Socket;
  readonly address: string;
  readonly port: number;
  readonly received: Buffer[];
  /** Resolves when `count` datagrams have arrived since the beginning. */
  arrived(count: number): Promise<void>;
}

export async function bound(address: '127.0.0.1' | '::1' = '127.0.0.1', port = 0): Promise<Socket> {
  const socket = createSocket(address === '::1' ? 'udp6' : 'udp4');
  socket.bind(port, address);
  await once(socket, 'listening');
  return socket;
}

export async function receiver(address: '127.0.0.1' | '::1' = '127.0.0.1'): Promise<Receiver> {
  const socket = await bound(address);
  const received: Buffer[] = [];
  socket.on('message', (datagram) => received.push(datagram));
  return {
    socket,
    address,
    port: socket.address().port,
    received,
    async arrived(count) {
      while (received.length < count) await once(socket, 'message');
    },
  };
}
