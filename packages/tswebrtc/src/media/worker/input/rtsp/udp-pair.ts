/** Two neighbouring UDP ports, the even one for RTP (RFC 3550 §11). */
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';

const LOWEST = 20_000;
const HIGHEST = 60_000;
const TRIES = 50;
/** A keyframe comes as a burst. Bytes. */
const RECEIVE_BUFFER = 2 << 20;

export interface UdpPair {
  readonly port: number;
  readonly rtp: dgram.Socket;
  close(): void;
}

/** On the address of this machine that the server is reached by; takes packets of the server alone. */
export async function openUdpPair(local: string, remote: string, onPacket: (data: Buffer) => void): Promise<UdpPair> {
  const type = net.isIPv6(local) ? 'udp6' : 'udp4';
  for (let i = 0; i < TRIES; i++) {
    const port = 2 * Math.floor((LOWEST + Math.random() * (HIGHEST - LOWEST)) / 2);
    const sockets = [dgram.createSocket(type), dgram.createSocket(type)] as const;
    const close = (): void => {
      for (const socket of sockets) socket.close();
    };
    try {
      for (const [index, socket] of sockets.entries()) {
        socket.bind(port + index, local);
        await once(socket, 'listening');
        // Whatever the network says of a port is no reason to end.
        socket.on('error', () => {});
      }
    } catch {
      close();
      continue;
    }
    try {
      sockets[0].setRecvBufferSize(RECEIVE_BUFFER);
    } catch {
      // As large as the system likes.
    }
    sockets[0].on('message', (data, { address }) => {
      if (address === remote) onPacket(data);
    });
    return { port, rtp: sockets[0], close };
  }
  throw new Error('there are no two free UDP ports side by side');
}
