/** Several servers, with their sockets and a real Redis between them, as peers see them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BrokerProcess, redis } from './cluster/broker-process.testing.ts';
import { useServers } from './fixture.testing.ts';
import { freePort } from './free-port.testing.ts';
import type { SignallingServer } from './server.ts';
import { type Json, TestClient } from './test-client.testing.ts';

const { cleanups, listen, open } = useServers();
let broker: BrokerProcess;

beforeAll(async () => {
  broker = await BrokerProcess.start(redis);
});
afterAll(() => broker?.close());

/** Resolves when all of `servers` know each other. */
async function inTouch(...servers: SignallingServer[]): Promise<void> {
  for (const { port } of servers)
    await expect
      .poll(async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text(), { timeout: 10_000 })
      .toContain(`signalling_cluster_members ${servers.length - 1}\n`);
}

async function members(count: number): Promise<SignallingServer[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listen({ cluster: broker.url })));
  await inTouch(...servers);
  return servers;
}

/** A server as a process of its own, which can be killed. */
async function startProcess(): Promise<{ process: ChildProcess; url: string }> {
  const command = new URL('../bin/tswebrtc-signalling-server.js', import.meta.url).pathname;
  const child = spawn(process.execPath, [command, '--port', '0', '--json', '--cluster', broker.url], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TSWEBRTC_LOG: 'error' },
  });
  cleanups.push(() => child.kill('SIGKILL'));
  const [line] = (await once(createInterface(child.stdout!), 'line')) as [string];
  return { process: child, url: (JSON.parse(line) as { urls: string[] }).urls[0]! };
}

async function startSession(consumer: TestClient, producer: TestClient): Promise<string> {
  // Its server has to have heard of the producer.
  const producers = async (): Promise<string[]> => {
    consumer.send({ type: 'list' });
    return ((await consumer.next()).producers as { id: string }[]).map(({ id }) => id);
  };
  await expect.poll(producers).toContain(producer.id);
  consumer.send({ type: 'startSession', peerId: producer.id });
  const { sessionId } = await consumer.next();
  expect(await producer.next()).toEqual({ type: 'startSession', peerId: consumer.id, sessionId, offer: null });
  return String(sessionId);
}

const candidate = (sessionId: string, index: number): Json => ({
  type: 'peer',
  sessionId,
  ice: { candidate: `c${index}`, sdpMLineIndex: 0 },
});

it('peers of different servers see one list, are told of each other, and are in sessions', async () => {
  const [one, two] = (await members(2)) as [SignallingServer, SignallingServer];
  const listener = await open(two, 'listener');
  const producer = await TestClient.open(one.urls[0]!, { roles: ['producer'], meta: { name: 'camera' } });
  cleanups.push(() => producer.socket.terminate());
  const status = { type: 'peerStatusChanged', roles: ['producer'], meta: { name: 'camera' }, peerId: producer.id };
  expect(await listener.next()).toEqual(status);
  listener.send({ type: 'list' });
  expect(await listener.next()).toEqual({ type: 'list', producers: [{ id: producer.id, meta: { name: 'camera' } }] });

  const sessionId = await startSession(listener, producer);
  const offer = { type: 'peer', sessionId, sdp: { type: 'offer', sdp: 'v=0' } };
  producer.send(offer);
  expect(await listener.next()).toEqual(offer);
  listener.send(offer);
  expect(await listener.next()).toMatchObject({ type: 'error', details: expect.stringContaining('cannot make an offer') });
  for (let index = 0; index < 150; index++) producer.send(candidate(sessionId, index));
  for (let index = 0; index < 150; index++) expect(await listener.next()).toEqual(candidate(sessionId, index));
  listener.send({ type: 'endSession', sessionId });
  expect(await producer.next()).toEqual({ type: 'endSession', sessionId });
  await producer.close();
  expect(await listener.next()).toEqual({ ...status, roles: [] });
});

it('a server that joins knows who is there, and one that closes takes its peers along at once', async () => {
  const [one] = (await members(1)) as [SignallingServer];
  const producers = await Promise.all(Array.from({ length: 20 }, () => open(one, 'producer')));
  const late = await listen({ cluster: broker.url });
  await inTouch(one, late);
  const listener = await open(late, 'listener');
  listener.send({ type: 'list' });
  expect((await listener.next()).producers).toHaveLength(20);
  const sessionId = await startSession(listener, producers[0]!);
  await one.close({ code: 1012 });
  const news: Json[] = [];
  while (news.length < 21) news.push(await listener.next());
  expect(news.filter(({ type }) => type === 'endSession')).toEqual([{ type: 'endSession', sessionId }]);
  expect(new Set(news.filter(({ type }) => type === 'peerStatusChanged').map(({ peerId }) => peerId))).toEqual(
    new Set(producers.map(({ id }) => id)),
  );
});

it('the peers of a server that is killed are gone for everybody within 15 s', async () => {
  const [one] = (await members(1)) as [SignallingServer];
  const doomed = await startProcess();
  const listener = await open(one, 'listener');
  const producer = await TestClient.open(doomed.url, { roles: ['producer'] });
  cleanups.push(() => producer.socket.terminate());
  expect(await listener.next()).toMatchObject({ peerId: producer.id });
  const sessionId = await startSession(listener, producer);
  const killed = performance.now();
  doomed.process.kill('SIGKILL');
  expect(await listener.next(15_000)).toEqual({ type: 'endSession', sessionId });
  expect(await listener.next()).toEqual({ type: 'peerStatusChanged', roles: [], meta: null, peerId: producer.id });
  expect(performance.now() - killed).toBeLessThan(15_000);
  listener.send({ type: 'list' });
  expect(await listener.next()).toEqual({ type: 'list', producers: [] });
});

it('nothing of a pair is lost or out of order while others join, leave and are killed, and the broker restarts', {
  timeout: 60_000,
}, async () => {
  const [one, two] = (await members(2)) as [SignallingServer, SignallingServer];
  const [producer, consumer] = [await open(one, 'producer'), await open(two)];
  const sessionId = await startSession(consumer, producer);
  let sent = 0;
  const talk = setInterval(() => {
    producer.send(candidate(sessionId, sent));
    consumer.send(candidate(sessionId, sent));
    sent++;
  }, 25);
  cleanups.push(() => clearInterval(talk));
  const heard = { producer: 0, consumer: 0 };
  const listenTo = async (client: TestClient, name: keyof typeof heard, until: number): Promise<void> => {
    while (heard[name] < until) expect(await client.next(20_000)).toEqual(candidate(sessionId, heard[name]++));
  };
  const bothHear = (until: number) => Promise.all([listenTo(producer, 'producer', until), listenTo(consumer, 'consumer', until)]);

  await bothHear(20);
  const third = await listen({ cluster: broker.url });
  await inTouch(one, two, third);
  await bothHear(sent + 20);
  await third.close();
  await bothHear(sent + 20);
  const doomed = await startProcess();
  await bothHear(sent + 20);
  doomed.process.kill('SIGKILL');
  await bothHear(sent + 20);
  await broker.kill();
  await expect.poll(async () => (await fetch(`http://127.0.0.1:${one.port}/readyz`)).status).toBe(503);
  await broker.start();
  clearInterval(talk);
  await bothHear(sent);
  expect(sent).toBeGreaterThan(100);
  await expect.poll(async () => (await fetch(`http://127.0.0.1:${one.port}/readyz`)).status, { timeout: 10_000 }).toBe(200);
  expect([one.sessionCount, two.sessionCount]).toEqual([1, 1]);
});

it('a broker that cannot be reached, or messages too large for one, are told at the start', async () => {
  await expect(listen({ cluster: `redis://user:secret@127.0.0.1:${await freePort()}` })).rejects.toMatchObject({
    code: 'CLUSTER_UNREACHABLE',
    message: expect.not.stringContaining('secret'),
  });
  await expect(listen({ cluster: broker.url, maxMessageSize: 2 ** 20 })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
});
