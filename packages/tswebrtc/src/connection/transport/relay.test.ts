import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { NodeSrtpSender } from '../srtp/node-srtp-sender.ts';
import type { IceServer } from '../types.ts';
import { createTransport } from './transport.ts';
import { type TestTurnServer, turnServer } from './turn-server.testing.ts';
import type { Transport } from './types.ts';

const RECEIVER_REPORT = Buffer.from('80c9000100001234', 'hex');

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const free of cleanUp.splice(0).reverse()) await free();
});

async function server(answers?: Parameters<typeof turnServer>[0]): Promise<TestTurnServer> {
  const made = await turnServer(answers);
  cleanUp.push(() => made.close());
  return made;
}

async function transport(iceServer: IceServer): Promise<Transport> {
  const srtpSender = new NodeSrtpSender();
  const made = await createTransport({ srtpSender, dataChannels: false, iceServers: [iceServer], iceTransportPolicy: 'relay' });
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

/** What keeps a process alive, by kind. The timer of `until` is one itself. */
const resources = (): string[] => process.getActiveResourcesInfo().sort();

async function nothingMoreThan(before: readonly string[]): Promise<void> {
  await until(`back to ${before} from ${resources()}`, () => resources().length <= before.length + 1);
}

describe('a relay', () => {
  it.each(['iceServer', 'overTcp'] as const)('carries a connection, and is given back at its end: %s', async (way) => {
    const turn = await server();
    const before = resources();
    const [a, b] = await Promise.all([transport(turn[way]), transport(turn[way])]);
    const lines: string[] = [];
    a.on('candidate', (line) => {
      lines.push(line);
      void b.addRemoteCandidate(line);
    });
    b.on('candidate', (line) => void a.addRemoteCandidate(line));
    void a.gather();
    void b.gather();
    a.start(b.local, { ice: 'controlling', dtls: 'server', dataChannels: false });
    b.start(a.local, { ice: 'controlled', dtls: 'client', dataChannels: false });
    await until('connected', () => a.state === 'connected' && b.state === 'connected');
    expect(lines.filter((line) => line !== '').every((line) => line.includes(' typ relay '))).toBe(true);
    const got = new Promise<void>((resolve) => b.on('rtcp', () => resolve()));
    a.sendRtcp(RECEIVER_REPORT);
    await got;
    expect(turn.allocations.size).toBe(2);
    await a.close();
    await until('goodbye', () => b.state === 'closed');
    await b.close();
    await until('no allocation', () => turn.allocations.size === 0);
    await nothingMoreThan(before);
  });

  it.each(['none', 'first'] as const)('that is never allocated holds nothing up: the server answers %s', async (answers) => {
    const turn = await server(answers);
    const before = resources();
    const only = await transport(turn.iceServer);
    const gathered = only.gather();
    await until('requests', () => turn.requests.length >= (answers === 'none' ? 1 : 2));
    const since = performance.now();
    await only.close();
    await gathered;
    expect(performance.now() - since).toBeLessThan(500);
    await nothingMoreThan(before);
  });

  it('whose server hangs up, again and again, ends nothing but itself', async () => {
    const before = resources();
    const sockets: Socket[] = [];
    const tcp = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
      socket.once('data', () => (sockets.length === 1 ? socket.end() : socket.resetAndDestroy()));
    });
    tcp.listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    const { port } = tcp.address() as AddressInfo;
    const iceServer = { urls: `turn:127.0.0.1:${port}?transport=tcp`, username: 'user', credential: 'secret' };
    const errors: unknown[] = [];
    const onError = (error: unknown): void => void errors.push(error);
    process.on('unhandledRejection', onError).on('uncaughtException', onError);
    cleanUp.push(() => process.off('unhandledRejection', onError).off('uncaughtException', onError));
    const [first, second] = [await transport(iceServer), await transport(iceServer)];
    const gathered = first.gather();
    await until('hung up', () => sockets[0]?.writableEnded === true);
    const alsoGathered = second.gather();
    await until('reset', () => sockets[1]?.destroyed === true);
    await new Promise<void>((resolve) => tcp.close(() => resolve()));
    await Promise.all([first.close(), second.close(), gathered, alsoGathered]);
    expect(errors).toEqual([]);
    await nothingMoreThan(before);
  });
});
