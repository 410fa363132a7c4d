import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Message } from 'werift';
import { freePort } from '../../../../../signalling-server/src/free-port.testing.ts';
import { NodeSrtpSender } from '../../srtp/node-srtp-sender.ts';
import type { ConnectionOptions } from '../../types.ts';
import { createTransport } from '../transport.ts';
import type { Transport } from '../types.ts';
import { TcpMux } from './tcp-mux.ts';

const RECEIVER_REPORT = Buffer.from('80c9000100001234', 'hex');

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const free of cleanUp.splice(0).reverse()) await free();
});

async function opened(): Promise<TcpMux> {
  const mux = await TcpMux.open(await freePort());
  cleanUp.push(() => mux.close());
  return mux;
}

async function transport(options: Partial<ConnectionOptions> = {}): Promise<Transport> {
  const srtpSender = new NodeSrtpSender();
  const made = await createTransport({ srtpSender, dataChannels: false, gatherLoopback: true, ...options });
  cleanUp.push(
    () => srtpSender.close(),
    () => made.close(),
  );
  return made;
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`${what}: not within 10 s`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function framed(datagram: Buffer): Buffer {
  return Buffer.concat([Buffer.from([datagram.length >> 8, datagram.length & 0xff]), datagram]);
}

async function connectedTo(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port });
  cleanUp.push(() => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

function check(usernameFragment: string): Buffer {
  return new Message(1, 0).setAttribute('USERNAME', `${usernameFragment}:peer`).bytes;
}

/** A UDP address for who knows nothing of TCP; what comes there goes on over a TCP connection to `port`, in small pieces. */
async function bridge(port: number): Promise<{ readonly port: number; readonly streams: Socket[] }> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  cleanUp.push(() => socket.close());
  const streams: Socket[] = [];
  let peer = 0;
  let rest = Buffer.alloc(0);
  socket.on('message', (datagram, from) => {
    peer = from.port;
    let stream = streams.at(-1);
    if (!stream || stream.destroyed) {
      stream = connect({ host: '127.0.0.1', port, noDelay: true });
      cleanUp.push(() => stream!.destroy());
      streams.push(stream);
      stream.on('error', () => {});
      stream.on('data', (piece) => {
        rest = Buffer.concat([rest, piece]);
        while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
          const end = 2 + rest.readUInt16BE(0);
          socket.send(rest.subarray(2, end), peer, '127.0.0.1');
          rest = rest.subarray(end);
        }
      });
    }
    const frame = framed(datagram);
    for (let at = 0; at < frame.length; at += 100) stream.write(frame.subarray(at, at + 100));
  });
  return { port: socket.address().port, streams };
}

/** `a` offers TCP on `mux`; `b` reaches it by that alone. */
async function pairOver(mux: TcpMux): Promise<{ a: Transport; b: Transport; lines: string[]; streams: Socket[] }> {
  const between = await bridge(mux.port);
  const [a, b] = [await transport({ tcpMux: mux }), await transport()];
  const lines: string[] = [];
  a.on('candidate', (line) => void (line !== '' && lines.push(line)));
  await Promise.all([a.gather(), b.gather()]);
  a.start(b.local, { ice: 'controlling', dtls: 'server', dataChannels: false });
  b.start(a.local, { ice: 'controlled', dtls: 'client', dataChannels: false });
  await b.addRemoteCandidate(`candidate:1 1 udp 2130706431 127.0.0.1 ${between.port} typ host`);
  return { a, b, lines, streams: between.streams };
}

describe('ICE over TCP', () => {
  it('connects several peers on one port, and closes it with the last user', async () => {
    const mux = await TcpMux.open(await freePort());
    const again = await TcpMux.open(mux.port);
    expect(again).toBe(mux);
    const pairs = await Promise.all([pairOver(mux), pairOver(mux)]);
    await until('connected', () => pairs.every(({ a, b }) => a.state === 'connected' && b.state === 'connected'));
    for (const { a, b, lines } of pairs) {
      const tcp = lines.filter((line) => / tcp /.test(line));
      expect(tcp).not.toEqual([]);
      for (const line of tcp) expect(line).toContain(` ${mux.port} typ host tcptype passive `);
      const arrived = [once(a as never, 'rtcp'), once(b as never, 'rtcp')];
      a.sendRtcp(RECEIVER_REPORT);
      b.sendRtcp(RECEIVER_REPORT);
      await Promise.all(arrived);
      const local = a.getStats(0).find(({ type, protocol }) => type === 'local-candidate' && protocol === 'tcp');
      expect(local).toMatchObject({ tcpType: 'passive', port: mux.port });
    }
    await Promise.all(pairs.flatMap(({ a, b }) => [a.close(), b.close()]));
    await mux.close();
    expect((await connectedTo(mux.port)).destroyed).toBe(false);
    await again.close();
    await expect(connectedTo(mux.port)).rejects.toThrow('ECONNREFUSED');
  });

  it('goes on over another TCP connection when one breaks', async () => {
    const { a, b, streams } = await pairOver(await opened());
    await until('connected', () => a.state === 'connected' && b.state === 'connected');
    streams[0]!.destroy();
    let heard = 0;
    b.on('rtcp', () => heard++);
    await until('heard again', () => {
      a.sendRtcp(RECEIVER_REPORT);
      return heard > 0;
    });
    expect(streams.length).toBeGreaterThan(1);
  });

  it.each([
    ['garbage', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a frame that is no check', framed(Buffer.alloc(100, 7))],
    ['a check for nobody', framed(check('nobody'))],
    ['an empty frame', framed(Buffer.alloc(0))],
  ])('hangs up on %s', async (_, bytes) => {
    const mux = await opened();
    const socket = await connectedTo(mux.port);
    socket.write(bytes);
    socket.resume();
    await once(socket, 'close');
  });

  it('keeps little for a peer that does not read, and loses nothing for one that does', async () => {
    const mux = await opened();
    const port = mux.attach('127.0.0.1', 'known');
    cleanUp.push(() => port.close());
    const [slow, quick] = [await connectedTo(mux.port), await connectedTo(mux.port)];
    let from: readonly [string, number][] = [];
    port.onData = (_, address) => {
      from = [...from, [address[0], address[1]]];
    };
    for (const socket of [slow, quick]) socket.write(framed(check('known')));
    await until('known', () => from.length === 2);
    const addressOf = (socket: Socket): readonly [string, number] => from.find(([, p]) => p === socket.localPort)!;
    const packet = Buffer.alloc(1200, 0x80);
    const got = { slow: 0, quick: 0 };
    for (let i = 0; i < 20_000; i++) void port.send(packet, addressOf(slow));
    for (let i = 0; i < 50; i++) void port.send(packet, addressOf(quick));
    quick.on('data', (piece) => (got.quick += piece.length));
    await until('all of it', () => got.quick === 50 * 1202);
    // Of 24 MB.
    slow.on('data', (piece) => (got.slow += piece.length));
    slow.once('end', () => (got.slow += 0.5));
    await port.close();
    await until('the end', () => got.slow % 1 > 0);
    expect(got.slow).toBeGreaterThan(64 << 10);
    expect(got.slow).toBeLessThan(256 << 10);
  });

  it('closes in spite of a peer that reads nothing and never stops sending', async () => {
    const mux = await opened();
    const port = mux.attach('127.0.0.1', 'known');
    const socket = await connectedTo(mux.port);
    const from = new Promise<readonly [string, number]>((resolve) => {
      port.onData = (_, address) => resolve([address[0], address[1]]);
    });
    socket.write(framed(check('known')));
    const peer = await from;
    // More than the system keeps for the two ends.
    for (let i = 0; i < 400; i++) {
      for (let j = 0; j < 50; j++) void port.send(Buffer.alloc(1200, 0x80), peer);
      await new Promise(setImmediate);
    }
    const sending = setInterval(() => socket.write(framed(check('known'))), 50);
    cleanUp.push(() => clearInterval(sending));
    await mux.close();
  });

  it('says so when the port is taken', async () => {
    const other = createServer().listen(0);
    await once(other, 'listening');
    cleanUp.push(() => other.close());
    const { port } = other.address() as AddressInfo;
    await expect(TcpMux.open(port)).rejects.toMatchObject({
      code: 'ADDRESS_IN_USE',
      message: expect.stringContaining(String(port)),
    });
  });
});
