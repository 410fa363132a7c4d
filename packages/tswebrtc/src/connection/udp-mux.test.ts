/** One UDP port for many connections, over both families; and addresses that are announced in place of ours. */
import { createSocket, type Socket } from 'node:dgram';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { freeUdpPort } from '../../../signalling-server/src/free-port.testing.ts';
import { VP8 } from '../sdp/session.testing.ts';
import { Connection } from './connection.ts';
import { CleanUp, connect, negotiate, pathOf, until } from './connection-pair.testing.ts';
import { NodeSrtpSender } from './srtp/node-srtp-sender.ts';
import { UdpMux } from './transport/udp-mux.ts';

const host = vi.hoisted(() => ({ addresses: ['127.0.0.1'] }));
vi.mock('./transport/candidate.ts', async (original) => ({
  ...(await original<typeof import('./transport/candidate.ts')>()),
  localAddresses: () => [...host.addresses],
}));

const cleanUp = new CleanUp();
afterEach(async () => {
  await cleanUp.run();
  host.addresses = ['127.0.0.1'];
});

async function socketOn(address: string): Promise<Socket> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  cleanUp.add(() => socket.close());
  return socket;
}

async function openMux(address: string): Promise<UdpMux> {
  const mux = await UdpMux.open(await freeUdpPort(address));
  cleanUp.add(() => mux.close());
  return mux;
}

describe.each(['127.0.0.1', '::1'])('one port for all connections on %s', (address) => {
  it('gives each what is its own, whatever strangers send, and survives restarts', async () => {
    host.addresses = [address];
    const udpMux = await openMux(address);
    const pairs: Awaited<ReturnType<typeof connect>>[] = [];
    for (let i = 0; i < 4; i++) pairs.push(await connect(cleanUp, { udpMux }, {}));
    const paths = await Promise.all(pairs.map(({ a }) => pathOf(a)));
    expect(paths.map(({ localPort, localAddress }) => [localPort, localAddress])).toEqual(Array(4).fill([udpMux.port, address]));
    const stranger = await socketOn(address);
    for (const first of [0, 22, 128]) {
      for (const length of [0, 1, 19, 20, 40, 1400]) {
        const garbage = Buffer.alloc(length, first);
        if (length >= 28 && first === 0) Buffer.from('0001', 'hex').copy(garbage);
        stranger.send(garbage, udpMux.port, address);
      }
    }
    for (const [i, { b, channel, received }] of pairs.entries()) {
      await channel.send(`for ${i}`);
      await until('message', () => received.length === 1);
      expect(received).toEqual([`for ${i}`]);
      expect(b.connection.state).toBe('connected');
    }
    const { a, b, channel, received } = pairs[1]!;
    a.connection.restartIce();
    await negotiate(a.connection, b.connection);
    await until('another pair', async () => (await pathOf(a)).changes === 2);
    expect((await pathOf(a)).localPort).toBe(udpMux.port);
    await channel.send('restarted');
    await until('message', () => received.length === 2);
    // Those that go leave the others alone.
    await pairs[0]!.a.connection.close();
    await pairs[2]!.channel.send('still here');
    await until('message', () => pairs[2]!.received.length === 2);
  });

  it('serves several connections between the same two ports', async () => {
    host.addresses = [address];
    const [ours, theirs] = [await openMux(address), await openMux(address)];
    const pairs: Awaited<ReturnType<typeof connect>>[] = [];
    for (let i = 0; i < 3; i++) pairs.push(await connect(cleanUp, { udpMux: ours }, { udpMux: theirs }));
    for (const [i, { channel, received }] of pairs.entries()) {
      await channel.send(`for ${i}`);
      await until('message', () => received.length === 1);
      expect(received).toEqual([`for ${i}`]);
    }
    const paths = await Promise.all(pairs.map(({ b }) => pathOf(b)));
    expect(paths.map(({ localPort, remotePort }) => [localPort, remotePort])).toEqual(Array(3).fill([theirs.port, ours.port]));
  });
});

describe('a shared port', () => {
  it('that another program has is refused in one sentence', async () => {
    const { port } = (await socketOn('127.0.0.1')).address();
    await expect(UdpMux.open(port)).rejects.toMatchObject({
      code: 'ADDRESS_IN_USE',
      message: expect.stringContaining(`UDP port ${port} is taken by another program`),
    });
  });

  it('is shared by all that open it in this process, until the last closes it', async () => {
    const port = await freeUdpPort();
    const [first, second] = await Promise.all([UdpMux.open(port), UdpMux.open(port)]);
    expect(second).toBe(first);
    await first.close();
    const { a } = await connect(cleanUp, { udpMux: second }, {});
    expect((await pathOf(a)).localPort).toBe(port);
    await cleanUp.run();
    await second.close();
    await new Promise<void>((resolve, reject) => {
      const socket = createSocket('udp4').once('error', reject);
      socket.bind(port, '127.0.0.1', () => socket.close(() => resolve()));
    });
  });
});

describe('a shared port, while nobody asks anything', () => {
  it('keeps no socket of an address that has gone, unless it is in use', async () => {
    host.addresses = ['127.0.0.1', '127.0.0.3', '127.0.0.4'];
    const mux = await openMux('127.0.0.1');
    const isFree = async (address: string): Promise<boolean> =>
      new Promise((resolve) => {
        const socket = createSocket('udp4').once('error', () => resolve(false));
        socket.bind(mux.port, address, () => socket.close(() => resolve(true)));
      });
    const used = await mux.attach('127.0.0.4', 'used');
    host.addresses = ['127.0.0.1'];
    const port = await mux.attach('127.0.0.1', 'other');
    await until('free', () => isFree('127.0.0.3'));
    expect([await isFree('127.0.0.1'), await isFree('127.0.0.4')]).toEqual([false, false]);
    await Promise.all([used.close(), port.close()]);
    host.addresses = ['127.0.0.1', '127.0.0.3'];
    expect((await mux.attach('127.0.0.3', 'back')).address.port).toBe(mux.port);
  });
});

describe('host candidates that are named', () => {
  it('stand in place of ours, and lead to our sockets', async () => {
    host.addresses = ['127.0.0.1', '::1'];
    // 127.0.0.2 is this host too, as the address of a NAT in front of it would be.
    const { a, channel, received } = await connect(cleanUp, { hostCandidates: ['127.0.0.2'] }, {});
    const lines = a.connection.localDescription!.sdp.match(/a=candidate:.*/g)!;
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/ 127\.0\.0\.2 \d+ typ host/);
    await channel.send('through');
    await until('message', () => received.length === 1);
  });

  it('choose among several of ours', async () => {
    host.addresses = ['127.0.0.1', '127.0.0.3'];
    const { a } = await connect(cleanUp, { hostCandidates: ['127.0.0.3'] }, {});
    await until('gathered', () => a.connection.gatheringState === 'complete');
    expect(a.connection.localDescription!.sdp.match(/ (\S+) \d+ typ host/g)).toHaveLength(1);
    expect((await pathOf(a)).localAddress).toBe('127.0.0.3');
  });

  it('stand beside ours where `local` is among them', async () => {
    const { a } = await connect(cleanUp, { hostCandidates: ['localhost', '127.0.0.9', 'local'] }, {});
    await until('gathered', () => a.connection.gatheringState === 'complete');
    const addresses = [...a.connection.localDescription!.sdp.matchAll(/ (\S+) \d+ typ host/g)].map(([, address]) => address);
    expect(addresses).toEqual(['127.0.0.1', '127.0.0.9']);
  });
});

describe('a port range that is used up', () => {
  it.each(['127.0.0.1', '::1'])('is said on %s', async (address) => {
    host.addresses = [address];
    const { port } = (await socketOn(address)).address();
    const connection = await Connection.create({ srtpSender: new NodeSrtpSender(), portRange: [port, port] });
    cleanUp.add(() => connection.close());
    connection.addTransceiver({ kind: 'video', direction: 'sendonly', codecs: [VP8] });
    const failed = new Promise<Error>((resolve) => connection.on('gatheringfailed', resolve));
    await connection.setLocalDescription(await connection.createOffer());
    expect(await failed).toMatchObject({
      code: 'ADDRESS_IN_USE',
      message: `all UDP ports from ${port} to ${port} on ${address} are taken; widen the port range`,
    });
  });
});
