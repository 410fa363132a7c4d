/**
 * What ICE sends datagrams through: a UDP socket, a relay, the TCP connections of peers. It has the shape the ICE library expects
 * of a transport.
 */
import type { Socket } from 'node:dgram';

export type Address = readonly [address: string, port: number];

export interface DatagramPort {
  readonly type: 'udp' | 'relay' | 'tcp';
  /** The plain UDP socket behind it, which batches can be sent through; undefined where each datagram needs a frame around it. */
  readonly socket?: Socket;
  /** The address of ours that it is bound to; undefined where the way out is found by others. */
  readonly localAddress?: string;
  readonly closed: boolean;
  /** Called for every datagram. */
  onData: (datagram: Buffer, from: Address) => void;
  /** Datagrams that cannot leave are lost without a word, as they are on the way. */
  readonly send: (datagram: Uint8Array, to?: Address) => Promise<void>;
  readonly close: () => Promise<void>;
  /** The peer has proved to be there: where a socket is shared, what comes from there is ours. */
  accept?(from: Address): void;
}
