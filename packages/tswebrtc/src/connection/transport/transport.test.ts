import type { Socket } from 'node:dgram';
import { createSocket } from 'node:dgram';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { PacketArena } from '../../rtp/packet-arena.ts';
import { SendOps } from '../../rtp/send-ops.ts';
import { NodeSrtpSender } from '../srtp/node-srtp-sender.ts';
import type { ConnectionState, LaneOptions } from '../types.ts';
import { createTransport } from './transport.ts';
import type { DataChannel, Transport } from './types.ts';
import { observeUdpPorts } from './udp-ports.testing.ts';
import type { TransportOptions } from './werift-transport.ts';

/** Shows which sockets the transports use, so that tests can send past them. */
class ObservedSender extends NodeSrtpSender {
  readonly lanes: LaneOptions[] = [];
  override addLane(options: LaneOptions): number {
    this.lanes.push(options);
    return super.addLane(options);
  }
}

interface Side {
  readonly transport: Transport;
  readonly sender: ObservedSender;
  readonly states: ConnectionState[];
  readonly rtp: Buffer[];
  readonly rtcp: Buffer[];
}

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(cleanUp.splice(0).map((free) => free()));
});

async function side(options: Partial<TransportOptions> = {}): Promise<Side> {
  const sender = new ObservedSender();
  const transport = await createTransport({ srtpSender: sender, gatherLoopback: true, dataChannels: true, ...options });
  const made: Side = { transport, sender, states: [], rtp: [], rtcp: [] };
  transport.on('statechange', (state) => made.states.push(state));
  transport.on('rtp', (packet) => made.rtp.push(Buffer.from(packet)));
  transport.on('rtcp', (packet) => made.rtcp.push(Buffer.from(packet)));
  cleanUp.push(async () => {
    await transport.close();
    sender.close();
  });
  return made;
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`${what}: not within 10 s`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function reached(transport: Transport, state: ConnectionState): Promise<void> {
  return until(`state ${state} (is ${transport.state})`, () => transport.state === state);
}

function signal(a: Transport, b: Transport, dtls: 'client' | 'server' = 'server', remoteOfA = b.local): void {
  a.on('candidate', (line) => void b.addRemoteCandidate(line));
  b.on('candidate', (line) => void a.addRemoteCandidate(`a=${line}`));
  void a.gather();
  void b.gather();
  a.start(remoteOfA, { ice: 'controlling', dtls, dataChannels: true });
  b.start(a.local, { ice: 'controlled', dtls: dtls === 'client' ? 'server' : 'client', dataChannels: true });
}

async function connect(
  optionsA: Partial<TransportOptions> = {},
  optionsB: Partial<TransportOptions> = optionsA,
  dtls: 'client' | 'server' = 'server',
): Promise<[Side, Side]> {
  const [a, b] = await Promise.all([side(optionsA), side(optionsB)]);
  signal(a.transport, b.transport, dtls);
  await Promise.all([reached(a.transport, 'connected'), reached(b.transport, 'connected')]);
  return [a, b];
}

/** Sends RTP packets with these sequence numbers through the batch sender. */
function sendRtp({ transport, sender }: Side, sequenceNumbers: readonly number[], size = 1100): number {
  const arena = new PacketArena(1 << 16);
  const position = arena.alloc(size);
  arena.bytes[arena.offset(position)] = 0x80;
  const ops = new SendOps();
  for (const n of sequenceNumbers) ops.push(transport.lane!, arena.offset(position), size, 77, 0, n, false, 96, 0);
  return sender.send(arena, ops);
}

const RECEIVER_REPORT = Buffer.from('80c9000100001234', 'hex');
const numbersOf = ({ rtp }: Side): number[] => rtp.map((packet) => packet.readUInt16BE(2));

/** A network that can be taken away, for all sockets that are opened from now on. */
function network(): { cut(): void; mend(): void } {
  const ports = observeUdpPorts();
  let listeners: (() => void)[] = [];
  return {
    cut: () => {
      listeners = ports.flatMap(({ socket }) =>
        (socket.listeners('message') as (() => void)[]).map((listener) => {
          socket.off('message', listener);
          return () => void socket.on('message', listener);
        }),
      );
    },
    mend: () => {
      for (const listen of listeners) listen();
    },
  };
}

/** The socket of one side and where it sends to: the other side. */
function pathOf({ sender }: Side): { socket: Socket; address: string; port: number } {
  const { socket, address, port } = sender.lanes[0]!;
  return { socket: socket!, address, port };
}

async function openChannels(a: Side, b: Side, label: string, init = {}): Promise<[DataChannel, DataChannel]> {
  const announced = new Promise<DataChannel>((resolve) => b.transport.once('datachannel', resolve));
  const local = a.transport.createDataChannel(label, init);
  const remote = await announced;
  await until('channel open', () => local.readyState === 'open');
  return [local, remote];
}

describe('connection', () => {
  it.each(['client', 'server'] as const)(
    'comes up with the offerer as DTLS %s and carries RTP and RTCP both ways',
    async (role) => {
      const [a, b] = await connect({}, {}, role);
      expect(a.states).toEqual(['connecting', 'connected']);
      expect([sendRtp(a, [1, 2]), sendRtp(b, [3])]).toEqual([2, 1]);
      a.transport.sendRtcp(RECEIVER_REPORT);
      b.transport.sendRtcp(RECEIVER_REPORT);
      await until('media', () => b.rtp.length === 2 && a.rtp.length === 1);
      await until('RTCP', () => a.rtcp.length === 1 && b.rtcp.length === 1);
      expect(numbersOf(b)).toEqual([1, 2]);
      expect(b.rtp[0]).toHaveLength(1100);
      expect(a.rtcp[0]).toEqual(RECEIVER_REPORT);
    },
  );

  it('never waits for a timer of the handshake', async () => {
    const took: number[] = [];
    for (let i = 0; i < 10; i++) {
      const started = performance.now();
      await connect();
      took.push(performance.now() - started);
    }
    // A lost first flight used to cost 500 ms or 1 s.
    expect(Math.max(...took)).toBeLessThan(450);
  });

  it('waits for a peer that is told of us seconds later', async () => {
    const [a, b] = await Promise.all([side(), side()]);
    const fromA: string[] = [];
    a.transport.on('candidate', (line) => fromA.push(line));
    b.transport.on('candidate', (line) => void a.transport.addRemoteCandidate(line));
    await Promise.all([a.transport.gather(), b.transport.gather()]);
    a.transport.start(b.transport.local, { ice: 'controlling', dtls: 'client', dataChannels: true });
    await new Promise((resolve) => setTimeout(resolve, 2000));
    b.transport.start(a.transport.local, { ice: 'controlled', dtls: 'server', dataChannels: true });
    for (const line of fromA) await b.transport.addRemoteCandidate(line);
    await Promise.all([reached(a.transport, 'connected'), reached(b.transport, 'connected')]);
  });

  it('keeps its role when the peer is ready first', async () => {
    for (let i = 0; i < 8; i++) {
      const [a, b] = await Promise.all([side(), side()]);
      const fromA: string[] = [];
      a.transport.on('candidate', (line) => fromA.push(line));
      await Promise.all([a.transport.gather(), b.transport.gather()]);
      b.transport.start(a.transport.local, { ice: 'controlled', dtls: 'client', dataChannels: false });
      for (const line of fromA) await b.transport.addRemoteCandidate(line);
      const requestsSent = (): number =>
        b.transport.getStats(0).reduce((sum, entry) => sum + Number(entry.type === 'candidate-pair' && entry.requestsSent), 0);
      await until('checks of the peer', () => requestsSent() > 0);
      // What was sent has arrived.
      await new Promise((resolve) => setTimeout(resolve, 10));
      a.transport.start(b.transport.local, { ice: 'controlling', dtls: 'server', dataChannels: false });
      await Promise.all([reached(a.transport, 'connected'), reached(b.transport, 'connected')]);
      const role = ({ transport }: Side): unknown => transport.getStats(0).find(({ type }) => type === 'transport')!.iceRole;
      expect([role(a), role(b)]).toEqual(['controlling', 'controlled']);
    }
  });

  it('fails when the certificate is not the one described', async () => {
    const [a, b] = await Promise.all([side(), side()]);
    const value = b.transport.local.fingerprints[0]!.value.replace(/^../, (byte) => (byte === '00' ? '01' : '00'));
    signal(a.transport, b.transport, 'client', { ...b.transport.local, fingerprints: [{ algorithm: 'sha-256', value }] });
    await Promise.all([reached(a.transport, 'failed'), reached(b.transport, 'failed')]);
    expect(a.transport.lane).toBeUndefined();
    expect(a.states).toEqual(['connecting', 'failed']);
  });

  it('does not connect with a wrong ICE password', async () => {
    const [a, b] = await Promise.all([side(), side()]);
    signal(a.transport, b.transport, 'client', { ...b.transport.local, password: 'x'.repeat(24) });
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect([a.transport.state, b.transport.state]).toEqual(['connecting', 'connecting']);
  });

  it('ignores candidates it cannot use', async () => {
    const { transport } = await side();
    for (const line of [
      '',
      'garbage',
      'candidate:1 1 tcp 1 127.0.0.1 9 typ host tcptype active',
      'candidate:1 2 udp 1 127.0.0.1 9 typ host',
      'candidate:1 1 udp 1 example.org 9 typ host',
      'candidate:1 1 udp 1 127.0.0.1 99999 typ host',
      `candidate:1 1 udp 1 ${'1'.repeat(5000)} 9 typ host`,
    ]) {
      await transport.addRemoteCandidate(line);
    }
    expect(transport.getStats(0).filter(({ type }) => type === 'remote-candidate')).toEqual([]);
  });
});

describe('hostile datagrams', () => {
  it('delivers a replayed datagram once', async () => {
    const [a, b] = await connect();
    const seen: Buffer[] = [];
    const path = pathOf(a);
    pathOf(b).socket.on('message', (datagram: Buffer) => {
      if (datagram[0]! >> 6 === 2) seen.push(datagram);
    });
    // Listeners run in the order of their registration: what `seen` gets has been decrypted in place, so catch it first.
    const copies: Buffer[] = [];
    pathOf(b).socket.prependListener('message', (datagram: Buffer) => {
      if (datagram[0]! >> 6 === 2) copies.push(Buffer.from(datagram));
    });
    sendRtp(a, [10]);
    a.transport.sendRtcp(RECEIVER_REPORT);
    await until('first delivery', () => b.rtp.length === 1 && b.rtcp.length === 1);
    for (const copy of copies.slice()) path.socket.send(copy, path.port, path.address);
    sendRtp(a, [11]);
    a.transport.sendRtcp(RECEIVER_REPORT);
    await until('second delivery', () => b.rtp.length >= 2 && b.rtcp.length >= 2);
    expect(seen.length).toBe(6);
    expect(numbersOf(b)).toEqual([10, 11]);
    expect(b.rtcp).toHaveLength(2);
  });

  it('is not closed by forged plaintext alerts, nor confused by a forged ClientHello', async () => {
    const [a, b] = await connect();
    const record = (type: number, body: string): Buffer => {
      const content = Buffer.from(body, 'hex');
      const header = Buffer.from([type, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0x10, 0, content.length >> 8, content.length & 255]);
      return Buffer.concat([header, content]);
    };
    const hello = `0100002a000000000000002afefd${'00'.repeat(32)}00000002c02b0100`;
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const { socket, address, port } = pathOf(from);
      for (const forged of [record(21, '0100'), record(21, '0228'), record(22, hello), record(99, '00')]) {
        socket.send(forged, port, address);
      }
      sendRtp(from, [1]);
      await until('media after the forgery', () => to.rtp.length === 1);
    }
    expect([a.transport.state, b.transport.state]).toEqual(['connected', 'connected']);
    const [local, remote] = await openChannels(a, b, 'still here');
    const message = new Promise((resolve) => remote.once('message', resolve));
    await local.send('yes');
    expect(await message).toBe('yes');
  });

  it('survives seeded garbage from anywhere', async () => {
    const [a, b] = await connect();
    const stranger = createSocket('udp4');
    cleanUp.push(() => stranger.close());
    const { socket, address, port } = pathOf(a);
    let seed = 20261123;
    const random = (): number => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return seed / 2 ** 32;
    };
    const firsts = [0, 1, 20, 21, 22, 23, 63, 128, 129, 191, 255];
    for (let i = 0; i < 3000; i++) {
      const datagram = Buffer.from(Array.from({ length: Math.floor(random() * 120) }, () => Math.floor(random() * 256)));
      if (datagram.length > 0 && random() < 0.9) datagram[0] = firsts[Math.floor(random() * firsts.length)]!;
      if (datagram.length > 13 && datagram[0]! < 64 && random() < 0.7) {
        datagram.writeUInt16BE(0xfefd, 1);
        datagram.writeUInt16BE(Math.floor(random() * 2), 3);
        datagram.writeUInt16BE(datagram.length - 13, 11);
      }
      if (datagram.length > 20 && datagram[0]! < 4 && random() < 0.7) {
        datagram.writeUInt16BE(random() < 0.5 ? 0x0001 : 0x0101, 0);
        datagram.writeUInt16BE(datagram.length - 20, 2);
        datagram.writeUInt32BE(0x2112a442, 4);
      }
      (random() < 0.5 ? socket : stranger).send(datagram, port, address);
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    sendRtp(a, [1]);
    sendRtp(b, [2]);
    await until('media after the garbage', () => numbersOf(b).includes(1) && numbersOf(a).includes(2));
    expect(b.rtp).toHaveLength(1);
    expect(b.states).toEqual(['connecting', 'connected']);
    const pairs = b.transport.getStats(0).filter(({ type }) => type === 'remote-candidate');
    expect(pairs.length).toBeLessThan(20);
    const [local] = await openChannels(b, a, 'after the garbage');
    expect(local.readyState).toBe('open');
  });
});

describe('sockets', () => {
  it('holds a burst of 2000 packets', async () => {
    const [a, b] = await connect();
    const granted = pathOf(b).socket.getRecvBufferSize();
    // Where the system allows no larger buffer, the burst is what fits it.
    const burst = granted >= 8 << 20 ? 2000 : Math.floor(granted / 2500);
    expect(granted).toBeGreaterThanOrEqual(200_000);
    sendRtp(
      a,
      Array.from({ length: burst }, (_, i) => i),
    );
    await until('the burst', () => b.rtp.length === burst);
  });

  it('stays within the port range and says so when it is full', async () => {
    const taken = createSocket('udp4');
    await new Promise<void>((resolve) => taken.bind(0, '0.0.0.0', resolve));
    cleanUp.push(() => taken.close());
    const port = taken.address().port;
    const range = [Math.min(port, 65_500), Math.min(port, 65_500) + 30] as const;
    const [a] = await connect({ portRange: range });
    const ports = a.transport.getStats(0).filter(({ type }) => type === 'local-candidate');
    expect(ports.length).toBeGreaterThan(0);
    for (const { port: used, address } of ports) {
      expect(used).toBeGreaterThanOrEqual(range[0]);
      expect(used).toBeLessThanOrEqual(range[1]);
      // It is taken for IPv4 only.
      if (String(address).includes('.')) expect(used).not.toBe(port);
    }
    await expect(createTransport({ srtpSender: a.sender, dataChannels: false, portRange: [10, 5] })).rejects.toThrow(/10 to 5/);
  });

  it('leaves nothing behind, whenever it is closed', async () => {
    const lasting = (): string[] => process.getActiveResourcesInfo().filter((name) => name === 'UDPWrap' || name === 'Timeout');
    const before = lasting().length;
    const moments: (() => Promise<Side[]>)[] = [
      () => connect(),
      async () => [await side()],
      async () => {
        const only = await side({ iceServers: [{ urls: 'stun:127.0.0.1:9' }] });
        void only.transport.gather();
        return [only];
      },
      async () => {
        const [a, b] = await Promise.all([side(), side()]);
        signal(a.transport, b.transport);
        return [a, b];
      },
    ];
    for (const moment of moments) {
      const sides = await moment();
      await Promise.all(sides.flatMap(({ transport }) => [transport.close(), transport.close()]));
      for (const { transport, states } of sides) {
        expect(transport.state).toBe('closed');
        expect(states.filter((state) => state === 'closed')).toHaveLength(1);
        expect(transport.lane).toBeUndefined();
        transport.sendRtcp(RECEIVER_REPORT);
        await transport.addRemoteCandidate('candidate:1 1 udp 1 127.0.0.1 9 typ host');
        await transport.gather();
      }
      // The timer of this wait is one itself.
      await until(`nothing left, but ${lasting()}`, () => lasting().length <= before + 1);
    }
  });
});

describe('silence', () => {
  it('is noticed within the default of 5 s, and a word ends it', async () => {
    const { cut, mend } = network();
    const [a] = await connect();
    cut();
    const since = performance.now();
    await reached(a.transport, 'disconnected');
    const took = performance.now() - since;
    expect(took).toBeGreaterThan(3000);
    expect(took).toBeLessThan(6000);
    mend();
    await reached(a.transport, 'connected');
    expect(a.states).toEqual(['connecting', 'connected', 'disconnected', 'connected']);
  });

  it('is no reason to disconnect when the peer is there but has nothing to say', async () => {
    const [a, b] = await connect({ disconnectedTimeout: 300 });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect([...a.states, ...b.states]).not.toContain('disconnected');
  });

  it('is not what this process did not hear because it was not running', async () => {
    const [a, b] = await connect({ disconnectedTimeout: 300, failedTimeout: 600 });
    await new Promise((resolve) => setTimeout(resolve, 100));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect([...a.states, ...b.states]).not.toContain('disconnected');
    expect([a.transport.state, b.transport.state]).toEqual(['connected', 'connected']);
  });

  it('becomes failure in the end', async () => {
    const { cut } = network();
    const [a] = await connect({ disconnectedTimeout: 200, failedTimeout: 600 });
    cut();
    await reached(a.transport, 'failed');
    expect(a.states).toEqual(['connecting', 'connected', 'disconnected', 'failed']);
    await a.transport.close();
    expect(a.transport.state).toBe('closed');
  });

  it('is not needed when the peer says goodbye', async () => {
    const [a, b] = await connect();
    await a.transport.close();
    await reached(b.transport, 'closed');
  });
});

describe('data channels', () => {
  it('keeps label, protocol and order, and both kinds of messages, empty ones too', async () => {
    const [a, b] = await connect();
    const [local, remote] = await openChannels(a, b, 'Grüße, 世界 🎬', { protocol: 'prötokoll' });
    expect(remote.label).toBe('Grüße, 世界 🎬');
    const got: (string | Uint8Array)[] = [];
    remote.on('message', (message) => got.push(message));
    await local.send('première');
    await local.send('');
    await local.send(new Uint8Array(0));
    await local.send(Uint8Array.of(0, 255));
    await until('four messages', () => got.length === 4);
    expect(got.slice(0, 2)).toEqual(['première', '']);
    expect(got.slice(2).map((bytes) => Buffer.from(bytes as Uint8Array).toString('hex'))).toEqual(['', '00ff']);
    expect(local.bufferedAmount).toBe(0);
    const stats = a.transport.getStats(5).find(({ type }) => type === 'data-channel');
    expect(stats).toMatchObject({ label: 'Grüße, 世界 🎬', protocol: 'prötokoll', state: 'open', messagesSent: 4, timestamp: 5 });
  });

  it('carries messages of 300 KB both ways at once', async () => {
    const [a, b] = await connect();
    const [local, remote] = await openChannels(a, b, 'big');
    const big = Buffer.alloc(300_000, 'abc');
    const both = Promise.all([
      new Promise<unknown>((resolve) => remote.once('message', resolve)),
      new Promise<unknown>((resolve) => local.once('message', resolve)),
    ]);
    await Promise.all([local.send(big), remote.send(big)]);
    const [there, back] = (await both) as [Buffer, Buffer];
    expect(big.equals(there) && big.equals(back)).toBe(true);
  });

  it.each([
    { ordered: false },
    { ordered: false, maxRetransmits: 0 },
    { ordered: true, maxRetransmits: 3 },
    { ordered: false, maxPacketLifeTime: 200 },
  ])('delivers everything over a good network with %o', async (init) => {
    const [a, b] = await connect();
    const [local, remote] = await openChannels(a, b, 'x', init);
    const got = new Set<unknown>();
    remote.on('message', (message) => got.add(message));
    for (let i = 0; i < 50; i++) await local.send(`message ${i}`);
    await until('all messages', () => got.size === 50);
  });

  it('gives up what is lost on a channel without retransmissions, and goes on', async () => {
    const [a, b] = await connect();
    const [local, remote] = await openChannels(a, b, 'lossy', { ordered: true, maxRetransmits: 0 });
    const got: unknown[] = [];
    remote.on('message', (message) => got.push(message));
    await local.send('before');
    await until('the first', () => got.length === 1);
    const { socket } = pathOf(b);
    const listeners = socket.listeners('message') as ((...args: unknown[]) => void)[];
    socket.removeAllListeners('message');
    await local.send('lost');
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (const listener of listeners) socket.on('message', listener);
    await local.send('after');
    await until('the last', () => got.length === 2);
    expect(got).toEqual(['before', 'after']);
  });

  it('closes on both sides, after what was sent', async () => {
    const [a, b] = await connect();
    const [local, remote] = await openChannels(a, b, 'short');
    const events: unknown[] = [];
    remote.on('message', (message) => events.push(message));
    remote.on('close', () => events.push('closed'));
    void local.send('last words');
    await local.close();
    await until('both closed', () => local.readyState === 'closed' && remote.readyState === 'closed');
    expect(events).toEqual(['last words', 'closed']);
    await expect(local.send('too late')).rejects.toMatchObject({ code: 'INVALID_STATE' });
    const [next] = await openChannels(b, a, 'next');
    expect(next.readyState).toBe('open');
  });

  it('numbers the channels by DTLS role, also when both sides open at once', async () => {
    const [a, b] = await Promise.all([side(), side()]);
    const fromA = a.transport.createDataChannel('from a');
    const fromB = b.transport.createDataChannel('from b');
    signal(a.transport, b.transport, 'client');
    await until('both open', () => fromA.readyState === 'open' && fromB.readyState === 'open');
    expect([fromA.id! % 2, fromB.id! % 2]).toEqual([0, 1]);
  });

  it('end with the connection', async () => {
    const [a, b] = await connect();
    const [local, remote] = await openChannels(a, b, 'x');
    const closed = Promise.all([local, remote].map((channel) => new Promise<void>((resolve) => channel.once('close', resolve))));
    await a.transport.close();
    await closed;
    expect(() => a.transport.createDataChannel('y')).toThrow(/closed/);
  });
});

describe('statistics', () => {
  it('tell of pair, candidates, certificates and what was sent', async () => {
    const [a, b] = await connect();
    sendRtp(a, [1, 2, 3], 500);
    await until('media', () => b.rtp.length === 3);
    await a.transport.gather();
    const stats = a.transport.getStats(1234.5);
    const byId = new Map(stats.map((entry) => [entry.id, entry]));
    expect(byId.size).toBe(stats.length);
    expect(stats.every(({ timestamp }) => timestamp === 1234.5)).toBe(true);
    const transport = stats.find(({ type }) => type === 'transport')!;
    const pair = byId.get(transport.selectedCandidatePairId as string)!;
    expect(pair).toMatchObject({ type: 'candidate-pair', nominated: true, state: 'succeeded' });
    expect(pair.currentRoundTripTime).toBeGreaterThan(0);
    expect(pair.bytesSent).toBeGreaterThan(1500);
    expect(byId.get(pair.localCandidateId as string)).toMatchObject({ type: 'local-candidate', candidateType: 'host' });
    expect(byId.get(pair.remoteCandidateId as string)).toMatchObject({ type: 'remote-candidate', protocol: 'udp' });
    expect(byId.get(transport.remoteCertificateId as string)).toMatchObject({
      type: 'certificate',
      fingerprint: b.transport.local.fingerprints[0]!.value,
    });
    expect(transport).toMatchObject({
      dtlsState: 'connected',
      dtlsRole: 'server',
      srtpCipher: 'AEAD_AES_128_GCM',
      iceRole: 'controlling',
    });
    const received = b.transport.getStats(0).find(({ type }) => type === 'transport')!;
    expect(received.bytesReceived).toBeGreaterThan(1500);
  });
});
