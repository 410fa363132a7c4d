/**
 * A TURN server (RFC 8656) of the barest kind on the loopback interface, over UDP, TCP and TLS, that can be told to misbehave.
 * It reads and writes messages with the ICE library's codec, which is not the one under test.
 */
import { createHash } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { type AddressInfo, createServer, type Server, type Socket as Stream } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { Message, parseMessage } from 'werift';
import { TEST_CERTIFICATE, TEST_KEY } from '../../../../../signalling-server/src/test-certificate.testing.ts';

const ALLOCATE = 3;
const REFRESH = 4;
const SEND = 6;
const DATA = 7;
const CREATE_PERMISSION = 8;
const CHANNEL_BIND = 9;
const INDICATION = 0x10;
const RESPONSE = 0x100;
const ERROR = 0x110;
const REALM = 'test';

interface Allocation {
  readonly relay: Socket;
  readonly username: string;
  readonly channels: Map<number, string>;
}

export interface TestIceServer {
  readonly urls: string;
  readonly username: string;
  readonly credential: string;
}

export interface TestTurnServer {
  readonly iceServer: TestIceServer;
  /** The same over TCP. */
  readonly overTcp: TestIceServer;
  /** The same over TLS, with the tests' certificate. */
  readonly overTls: TestIceServer;
  /** Requests by method, retransmissions included. */
  readonly requests: number[];
  /** Datagrams that were relayed in ChannelData, either way. */
  readonly inChannels: number;
  /** Allocations that live. */
  readonly allocations: Map<string, Allocation>;
  /** Users and their passwords, for tests to change. */
  readonly users: Map<string, string>;
  /** Told in every refusal; requests need the newest. */
  nonce: string;
  /** Of allocations, s. */
  lifetime: number;
  /** Refuses requests for allocations with this error, and with an attribute that goes with it. */
  refuse: { readonly code: number; readonly alternate?: readonly [string, number] } | undefined;
  /** Takes and answers nothing any more. */
  dead: boolean;
  /** Forgets the allocations of a user, or all. */
  forget(username?: string): void;
  close(): Promise<void>;
}

export interface TestTurnServerOptions {
  /** Which of the requests for an allocation it answers, the first of which has no credentials. */
  readonly answers?: 'all' | 'first' | 'none';
  /** IPv6 relays IPv6 alone. */
  readonly host?: '127.0.0.1' | '::1';
}

export async function turnServer({ answers = 'all', host = '127.0.0.1' }: TestTurnServerOptions = {}): Promise<TestTurnServer> {
  const family = host === '::1' ? 6 : 4;
  const bound = async (): Promise<Socket> => {
    const socket = createSocket(`udp${family}`);
    await new Promise<void>((resolve) => socket.bind(0, host, resolve));
    return socket;
  };
  const socket = await bound();
  const streams = new Set<Stream>();
  const { port } = socket.address();
  const take = (stream: Stream): void => {
    streams.add(stream);
    bridge(stream, host, port);
  };
  const tcp = await listening(createServer(take), host);
  const tls = await listening(createTlsServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, take), host);
  const name = family === 6 ? '[::1]' : host;
  const user = { username: 'user', credential: 'secret' };

  const server = {
    iceServer: { urls: `turn:${name}:${port}`, ...user },
    overTcp: { urls: `turn:${name}:${portOf(tcp)}?transport=tcp`, ...user },
    overTls: { urls: `turns:${name}:${portOf(tls)}?transport=tcp`, ...user },
    requests: [] as number[],
    inChannels: 0,
    allocations: new Map<string, Allocation>(),
    users: new Map([[user.username, user.credential]]),
    nonce: 'nonce',
    lifetime: 600,
    refuse: undefined as TestTurnServer['refuse'],
    dead: false,
    forget: (username?: string) => {
      for (const [key, allocation] of server.allocations) {
        if (username !== undefined && username !== allocation.username) continue;
        allocation.relay.close();
        server.allocations.delete(key);
      }
    },
    close: async () => {
      server.forget();
      for (const stream of streams) stream.destroy();
      for (const listener of [tcp, tls]) await new Promise((resolve) => listener.close(resolve));
      await new Promise<void>((resolve) => socket.close(() => resolve()));
    },
  };
  const { allocations, requests, users } = server;

  const reply = (
    request: Message,
    to: RemoteInfo,
    messageClass: number,
    attributes: readonly [string, unknown][],
    key?: Buffer,
  ): void => {
    const response = new Message(request.messageMethod, messageClass, request.transactionId);
    for (const [attribute, value] of attributes) response.setAttribute(attribute as 'REALM', value as string);
    if (key) response.addMessageIntegrity(key);
    socket.send(response.addFingerprint().bytes, to.port, to.address);
  };

  const allocate = async (from: RemoteInfo, username: string): Promise<number> => {
    const known = allocations.get(keyOf(from));
    const relay = known?.relay ?? (await bound());
    if (known) return relay.address().port;
    const made: Allocation = { relay, username, channels: new Map() };
    allocations.set(keyOf(from), made);
    relay.on('message', (data, peer) => {
      if (server.dead) return;
      const channel = [...made.channels].find(([, address]) => address === keyOf(peer));
      if (channel) {
        server.inChannels++;
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
    return relay.address().port;
  };

  socket.on('message', async (datagram, from) => {
    if (server.dead) return;
    const allocation = allocations.get(keyOf(from));
    if (datagram[0]! >= 0x40 && datagram[0]! < 0x80) {
      const [address, to] = (allocation?.channels.get(datagram.readUInt16BE(0)) ?? '').split(' ');
      if (!to) return;
      server.inChannels++;
      allocation!.relay.send(datagram.subarray(4, 4 + datagram.readUInt16BE(2)), Number(to), address);
      return;
    }
    const message = parseMessage(datagram);
    if (!message) return;
    const { messageMethod: method } = message;
    requests.push(method);
    if (answers === 'none') return;
    if (method === SEND) {
      const [address, to] = message.getAttributeValue('XOR-PEER-ADDRESS') as [string, number];
      allocation?.relay.send(message.getAttributeValue('DATA') as Buffer, to, address);
      return;
    }
    const refuse = (code: number, attributes: readonly [string, unknown][] = []): void =>
      reply(message, from, ERROR, [['ERROR-CODE', [code, 'because']], ...attributes]);
    const challenge = (code: number): void =>
      refuse(code, [
        ['REALM', REALM],
        ['NONCE', Buffer.from(server.nonce)],
      ]);
    const username = message.getAttributeValue('USERNAME') as string | undefined;
    const password = username === undefined ? undefined : users.get(username);
    const key = createHash('md5').update(`${username}:${REALM}:${password}`).digest();
    if (password === undefined || !parseMessage(datagram, key)) return challenge(401);
    if (String(message.getAttributeValue('NONCE')) !== server.nonce) return challenge(438);
    if (answers === 'first') return;
    if (method === ALLOCATE) {
      if (server.refuse) {
        const { code, alternate } = server.refuse;
        return refuse(code, alternate ? [['ALTERNATE-SERVER', alternate]] : []);
      }
      const wanted = message.getAttributeValue('REQUESTED-ADDRESS-FAMILY') === 2 << 24 ? 6 : 4;
      if (wanted !== family) return refuse(440);
      const attributes: [string, unknown][] = [
        ['XOR-RELAYED-ADDRESS', [host, await allocate(from, username!)]],
        ['XOR-MAPPED-ADDRESS', [from.address, from.port]],
        ['LIFETIME', server.lifetime],
      ];
      return reply(message, from, RESPONSE, attributes, key);
    }
    if (!allocation) return refuse(437);
    if (allocation.username !== username) return refuse(441);
    if (method === REFRESH) {
      const lifetime = Math.min(server.lifetime, message.getAttributeValue('LIFETIME') as number);
      if (lifetime === 0) {
        allocation.relay.close();
        allocations.delete(keyOf(from));
      }
      reply(message, from, RESPONSE, [['LIFETIME', lifetime]], key);
    } else if (method === CHANNEL_BIND) {
      const [address, to] = message.getAttributeValue('XOR-PEER-ADDRESS') as [string, number];
      allocation.channels.set(message.getAttributeValue('CHANNEL-NUMBER') as number, `${address} ${to}`);
      reply(message, from, RESPONSE, [], key);
    } else if (method === CREATE_PERMISSION) {
      reply(message, from, RESPONSE, [], key);
    }
  });
  return server;
}

async function listening(server: Server, host: string): Promise<Server> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** One TCP client is one UDP client: RFC 8656 §12.5 pads ChannelData to four bytes, STUN messages are multiples of that. */
function bridge(stream: Stream, host: string, port: number): void {
  const socket = createSocket(host === '::1' ? 'udp6' : 'udp4');
  let rest = Buffer.alloc(0);
  stream.on('error', () => {});
  stream.on('close', () => socket.close());
  stream.on('data', (piece) => {
    rest = Buffer.concat([rest, piece]);
    while (rest.length >= 4) {
      const length = rest.readUInt16BE(2) + (rest[0]! < 0x40 ? 20 : 4);
      const padded = Math.ceil(length / 4) * 4;
      if (rest.length < padded) return;
      socket.send(rest.subarray(0, length), port, host);
      rest = rest.subarray(padded);
    }
  });
  socket.on('message', (datagram) => {
    if (!stream.writable) return;
    stream.write(Buffer.concat([datagram, Buffer.alloc((4 - (datagram.length % 4)) % 4)]));
  });
}

function keyOf({ address, port }: RemoteInfo): string {
  return `${address} ${port}`;
}
