import { afterEach, describe, expect, it, vi } from 'vitest';
import { NodeSrtpSender } from '../srtp/node-srtp-sender.ts';
import type { LaneOptions } from '../types.ts';
import { createTransport } from './transport.ts';
import type { RTCStatsEntry, Transport } from './types.ts';
import type { UdpPort } from './udp-port.ts';
import { observeUdpPorts } from './udp-ports.testing.ts';

// Two sockets on one address are as good as two interfaces, and every machine has them.
vi.mock('./candidate.ts', async (original) => ({
  ...(await original<typeof import('./candidate.ts')>()),
  localAddresses: () => ['127.0.0.1', '127.0.0.1'],
}));

class ObservedSender extends NodeSrtpSender {
  destination: Partial<LaneOptions> = {};
  switches = 0;
  override addLane(options: LaneOptions): number {
    this.destination = options;
    return super.addLane(options);
  }
  override setDestination(...args: Parameters<NodeSrtpSender['setDestination']>): void {
    this.switches++;
    this.destination = args[1];
    super.setDestination(...args);
  }
}

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(cleanUp.splice(0).map((free) => free()));
});

const RECEIVER_REPORT = Buffer.from('80c9000100001234', 'hex');

async function side(disconnectedTimeout: number) {
  const sender = new ObservedSender();
  const transport = await createTransport({ srtpSender: sender, dataChannels: false, disconnectedTimeout });
  const states: string[] = [];
  const side = { transport, sender, states, rtcp: 0 };
  transport.on('statechange', (state) => states.push(state));
  transport.on('rtcp', () => side.rtcp++);
  cleanUp.push(async () => {
    await transport.close();
    sender.close();
  });
  return side;
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`${what}: not within 10 s`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function connect(disconnectedTimeout: number) {
  const ports = observeUdpPorts();
  const [a, b] = await Promise.all([side(disconnectedTimeout), side(disconnectedTimeout)]);
  a.transport.on('candidate', (line) => void b.transport.addRemoteCandidate(line));
  b.transport.on('candidate', (line) => void a.transport.addRemoteCandidate(line));
  void a.transport.gather();
  void b.transport.gather();
  a.transport.start(b.transport.local, { ice: 'controlling', dtls: 'server', dataChannels: false });
  b.transport.start(a.transport.local, { ice: 'controlled', dtls: 'client', dataChannels: false });
  await until('connected', () => [a, b].every(({ transport }) => transport.state === 'connected'));
  const portAt = (number: number): UdpPort => ports.find((port) => !port.closed && port.address.port === number)!;
  return { a, b, portAt };
}

const selectedPair = (transport: Transport): RTCStatsEntry => {
  const stats = transport.getStats(0);
  const { selectedCandidatePairId } = stats.find(({ type }) => type === 'transport')!;
  return stats.find(({ id }) => id === selectedCandidatePairId)!;
};

describe('when the pair in use dies', () => {
  it.each(['the peer', 'ours'])('another one takes its place: the socket of %s is gone', async (whose) => {
    const { a, b, portAt } = await connect(900);
    const before = selectedPair(a.transport);
    const dead = a.sender.destination.port!;
    // The system closes it under us, as when an interface goes.
    if (whose === 'ours') a.sender.destination.socket!.close();
    else portAt(dead).socket.close();

    await until('another pair', () => selectedPair(a.transport).id !== before.id);
    expect(a.sender.switches).toBe(1);
    if (whose === 'the peer') expect(a.sender.destination.port).not.toBe(dead);
    a.transport.sendRtcp(RECEIVER_REPORT);
    await until('RTCP over the new pair', () => b.rtcp > 0);
    // The peer is told, by nomination, and answers on it too.
    await until('RTCP back', () => {
      b.transport.sendRtcp(RECEIVER_REPORT);
      return a.rtcp > 0;
    });
    await until('both connected', () => [a, b].every(({ transport }) => transport.state === 'connected'));
    expect([...a.states, ...b.states]).not.toContain('failed');
    expect(selectedPair(a.transport)).toMatchObject({ nominated: true, state: 'succeeded' });
  });

  it('nothing changes while it answers', async () => {
    const { a, b } = await connect(300);
    const before = selectedPair(a.transport).id;
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect(selectedPair(a.transport).id).toBe(before);
    expect([a.sender.switches, b.sender.switches]).toEqual([0, 0]);
  });
});
