/** A TURN server (RFC 8656) of the barest kind, over UDP on the loopback interface, that can be told to misbehave. */
import { createHash } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { type AddressInfo, createServer, type Socket as Stream } from 'node:net';
import { Message, parseMessage } from 'werift';

const ALLOCATE = 3;
const REFRESH = 4;
const SEND = 6;
const DATA = 7;
const CREATE_PERMISSION = 8;
const CHANNEL_BIND = 9;
const INDICATION = 0x10;
const RESPONSE = 0x100;
const ERROR = 0x110;

const USER = 'user';
const PASSWORD = 'secret';
const REALM = 'test';
const KEY = createHash('md5').update(`${USER}:${REALM}:${PASSWORD}`).digest();

interface Allocation {
  readonly relay: Socket;
  readonly channels: Map<number, string>;
}

export interface TestTurnServer {
  readonly iceServer: { urls: string; username: string; credential: string };
  /** The same over TCP. */
  readonly overTcp: { urls: string; username: string; credential: string };
  /** Requests by method, retransmissions included. */
  readonly requests: number[];
  /** Allocations that live. */
  readonly allocations: Map<string, Allocation>;
  close(): Promise<void>;
}

/** `answers`: which of the requests for an allocation it answers, the first of which has no credentials. */
export async function turnServer(answers: 'all' | 'first' | 'none' = 'all'): Promise<TestTurnServer> {
  const socket = await bound();
  const allocations = new Map<string, Allocation>();
  const requests: number[] = [];

  const reply = (
    request: Message,
    to: RemoteInfo,
    messageClass: number,
    attributes: [string, unknown][],
    signed = true,
  ): void => {
    const response = new Message(request.messageMethod, messageClass, request.transactionId);
    for (const [name, value] of attributes) response.setAttribute(name as 'REALM', value as string);
    if (signed) response.addMessageIntegrity(KEY);
    socket.send(response.addFingerprint().bytes, to.port, to.address);
  };

  const allocate = async (from: RemoteInfo): Promise<number> => {
    const known = allocations.get(key(from));
    const relay = known?.relay ?? (await bound());
    if (!known) {
      allocations.set(key(from), { relay, channels: new Map() });
      relay.on('message', (data, peer) => {
        const channel = [...(allocations.get(key(from))?.channels ?? [])].find(([, address]) => address === key(peer));
        if (channel) {
          const frame = Buffer.alloc(4 + data.length);
          frame.writeUInt16BE(channel[0], 0);
          frame.writeUInt16BE(data.length, 2);
          data.copy(frame, 4);
          socket.send(frame, from.port, from.address);
        } else {
          const indication = new Message(DATA, INDICATION)
            .setAttribute('XOR-PEER-ADDRESS', [peer.address, peer.port])
            .setAttribute('DATA', data);
          socket.send(indication.bytes, from.port, from.address);
        }
      });
    }
    return relay.address().port;
  };

  socket.on('message', async (datagram, from) => {
    const allocation = allocations.get(key(from));
    if (datagram[0]! >= 0x40 && datagram[0]! < 0x80) {
      const [address, port] = (allocation?.channels.get(datagram.readUInt16BE(0)) ?? '').split(' ');
      if (port) allocation!.relay.send(datagram.subarray(4, 4 + datagram.readUInt16BE(2)), Number(port), address);
      return;
    }
    const message = parseMessage(datagram);
    if (!message) return;
    const { messageMethod: method } = message;
    requests.push(method);
    if (answers === 'none') return;
    if (method === SEND) {
      const [address, port] = message.getAttributeValue('XOR-PEER-ADDRESS') as [string, number];
      allocation?.relay.send(message.getAttributeValue('DATA') as Buffer, port, address);
      return;
    }
    if (!parseMessage(datagram, KEY)) {
      const attributes: [string, unknown][] = [
        ['ERROR-CODE', [401, 'Unauthorized']],
        ['REALM', REALM],
        ['NONCE', Buffer.from('nonce')],
      ];
      reply(message, from, ERROR, attributes, false);
      return;
    }
    if (answers === 'first') return;
    if (method === ALLOCATE) {
      const port = await allocate(from);
      reply(message, from, RESPONSE, [
        ['XOR-RELAYED-ADDRESS', ['127.0.0.1', port]],
        ['XOR-MAPPED-ADDRESS', [from.address, from.port]],
        ['LIFETIME', 600],
      ]);
    } else if (method === REFRESH) {
      const lifetime = message.getAttributeValue('LIFETIME') as number;
      if (lifetime === 0) {
        allocation?.relay.close();
        allocations.delete(key(from));
      }
      reply(message, from, RESPONSE, [['LIFETIME', lifetime]]);
    } else if (method === CHANNEL_BIND) {
      const [address, port] = message.getAttributeValue('XOR-PEER-ADDRESS') as [string, number];
      allocation?.channels.set(message.getAttributeValue('CHANNEL-NUMBER') as number, `${address} ${port}`);
      reply(message, from, RESPONSE, []);
    } else if (method === CREATE_PERMISSION) {
      reply(message, from, RESPONSE, []);
    }
  });

  const streams = new Set<Stream>();
  const tcp = createServer((stream) => {
    streams.add(stream);
    bridge(stream, socket.address().port);
  });
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));

  return {
    overTcp: {
      urls: `turn:127.0.0.1:${(tcp.address() as AddressInfo).port}?transport=tcp`,
      username: USER,
      credential: PASSWORD,
    },
    iceServer: { urls: `turn:127.0.0.1:${socket.address().port}`, username: USER, credential: PASSWORD },
    requests,
    allocations,
    close: async () => {
      for (const { relay } of allocations.values()) relay.close();
      for (const stream of streams) stream.destroy();
      await new Promise((resolve) => tcp.close(resolve));
      await new Promise<void>((resolve) => socket.close(() => resolve()));
    },
  };
}

/** One TCP client is one UDP client: RFC 8656 §12.5 pads ChannelData to four bytes, STUN messages are multiples of that. */
function bridge(stream: Stream, port: number): void {
  const socket = createSocket('udp4');
  let rest = Buffer.alloc(0);
  stream.on('error', () => {});
  stream.on('close', () => socket.close());
  stream.on('data', (piece) => {
    rest = Buffer.concat([rest, piece]);
    while (rest.length >= 4) {
      const length = rest.readUInt16BE(2) + (rest[0]! < 0x40 ? 20 : 4);
      const padded = Math.ceil(length / 4) * 4;
      if (rest.length < padded) return;
      socket.send(rest.subarray(0, length), port, '127.0.0.1');
      rest = rest.subarray(padded);
    }
  });
  socket.on('message', (datagram) => {
    if (!stream.writable) return;
    stream.write(Buffer.concat([datagram, Buffer.alloc((4 - (datagram.length % 4)) % 4)]));
  });
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return socket;
}

function key({ address, port }: RemoteInfo): string {
  return `${address} ${port}`;
}
