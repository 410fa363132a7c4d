/** What one peer, one address and all together may take, each over real sockets, and what is counted of it. */
import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { clientAddress, parseProxies } from './admission.ts';
import { useServers } from './fixture.testing.ts';
import type { SignallingServer } from './server.ts';
import { RawClient, TestClient } from './test-client.testing.ts';

const { cleanups, listen, open, openRaw } = useServers();

async function metric(server: SignallingServer, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length + 1));
}

/** The answer to a connection that is refused. */
async function refused(server: SignallingServer, headers: Record<string, string> = {}) {
  const client = new TestClient(server.urls[0]!, { headers });
  const response = await new Promise<IncomingMessage>((resolve) =>
    client.socket.once('unexpected-response', (_, one) => resolve(one)),
  );
  response.setEncoding('utf8');
  let body = '';
  for await (const chunk of response) body += chunk;
  return { status: response.statusCode, body, retryAfter: response.headers['retry-after'] };
}

it('a message over 64 KiB ends its connection with 1009', async () => {
  const server = await listen();
  const client = await open(server);
  client.send({ type: 'setPeerStatus', roles: [], meta: 'x'.repeat(65 * 1024) });
  expect((await client.closed).code).toBe(1009);
  expect(await metric(server, 'signalling_limits_exceeded_total{limit="message-size"}')).toBe(1);
});

it('a meta over its limit is refused, and the status stays', async () => {
  const server = await listen({ maxMetaSize: 20 });
  const [client, other] = [await open(server, 'producer'), await open(server)];
  client.send({ type: 'setPeerStatus', roles: ['producer'], meta: 'ä'.repeat(10) });
  expect(await client.others()).toEqual([{ type: 'error', details: expect.stringMatching(/ 20 bytes /) }]);
  other.send({ type: 'list' });
  expect(await other.next()).toEqual({ type: 'list', producers: [{ id: client.id, meta: null }] });
  client.send({ type: 'setPeerStatus', roles: ['producer'], meta: 'ä'.repeat(9) });
  expect(await client.others()).toEqual([]);
  expect(await metric(server, 'signalling_requests_refused_total{reason="meta-size"}')).toBe(1);
});

it.each([
  ['list', { type: 'list' }],
  ['startSession', { type: 'startSession', peerId: 'nobody' }],
  ['setPeerStatus', { type: 'setPeerStatus', roles: [] }],
  ['peer', { type: 'endSession', sessionId: 'none' }],
  ['invalid', { type: 'nonsense' }],
])('more messages of the kind %s than its rate end the connection with 1008', async (kind, message) => {
  const server = await listen({ rates: { [kind]: 5 } });
  const [hasty, bystander] = [await open(server), await open(server)];
  for (let n = 0; n < 25; n++) hasty.send(message);
  const { code, reason } = await hasty.closed;
  expect({ code, reason }).toEqual({ code: 1008, reason: expect.stringContaining(`"${kind}": 5 a second`) });
  expect(await metric(server, `signalling_limits_exceeded_total{limit="rate-${kind}"}`)).toBe(1);
  expect(await bystander.others()).toEqual([]);
});

it('a flood of pings ends the connection with 1008', async () => {
  const server = await listen();
  const raw = await openRaw(server);
  raw.tcp.write(Buffer.concat(Array.from({ length: 1000 }, () => RawClient.frame(9, 'x'))));
  await raw.until(() => raw.received.includes(Buffer.from([0x03, 0xf0])));
  // 40 pongs of 3 bytes, then the Close.
  expect(raw.received.subarray(0, 6)).toEqual(Buffer.from([0x8a, 1, 0x78, 0x8a, 1, 0x78]));
  expect(raw.received.indexOf(Buffer.from([0x03, 0xf0]))).toBe(40 * 3 + 2);
});

it('a session more than a peer may have is refused, whoever starts it', async () => {
  const server = await listen({ maxSessionsPerPeer: 2 });
  const [producer, another, greedy, late] = [
    await open(server, 'producer'),
    await open(server, 'producer'),
    await open(server),
    await open(server),
  ];
  greedy.send({ type: 'startSession', peerId: producer.id });
  greedy.send({ type: 'startSession', peerId: producer.id });
  expect(await greedy.others()).toHaveLength(2);
  greedy.send({ type: 'startSession', peerId: another.id });
  expect(await greedy.others()).toEqual([
    { type: 'error', details: `The peer ${greedy.id} is in 2 sessions, which is the most that a peer may be in.` },
  ]);
  late.send({ type: 'startSession', peerId: producer.id });
  expect(await late.others()).toEqual([{ type: 'error', details: expect.stringContaining(producer.id) }]);
  expect(server.sessionCount).toBe(2);
  expect(await metric(server, 'signalling_requests_refused_total{reason="sessions-per-peer"}')).toBe(2);
});

it('one peer more than there may be is refused with 503, until one goes', async () => {
  const server = await listen({ maxPeers: 2 });
  const [first] = [await open(server), await open(server)];
  expect(await refused(server)).toEqual({ status: 503, body: 'This server has 2 peers, its most.\n', retryAfter: '5' });
  expect(await metric(server, 'signalling_connections_refused_total{reason="max-peers"}')).toBe(1);
  await first.close();
  expect((await open(server)).id).not.toBe('');
});

it('one peer more than may come from an address is refused with 429; this machine and other addresses are not concerned', async () => {
  const server = await listen({ maxPeersPerAddress: 2, proxies: ['127.0.0.1'] });
  const from = async (address: string): Promise<TestClient> => {
    const client = new TestClient(server.urls[0]!, { headers: { 'X-Forwarded-For': address } });
    cleanups.push(() => client.socket.terminate());
    await client.next();
    return client;
  };
  const [first] = [await from('192.0.2.1'), await from('192.0.2.1')];
  expect(await refused(server, { 'X-Forwarded-For': '192.0.2.1' })).toMatchObject({
    status: 429,
    body: expect.stringContaining('192.0.2.1'),
  });
  await from('192.0.2.2');
  for (let n = 0; n < 5; n++) await open(server);
  await first.close();
  await from('192.0.2.1');
  // All addresses of one IPv6 network are one.
  await from('2001:db8:1:2::1');
  await from('2001:db8:1:2:3::2');
  expect(await refused(server, { 'X-Forwarded-For': '2001:db8:1:2::ff' })).toMatchObject({ status: 429 });
  await from('2001:db8:1:3::1');
  expect(await metric(server, 'signalling_connections_refused_total{reason="max-peers-per-address"}')).toBe(2);
});

it('who is refused does not keep its connection, even if it does not end its side', async () => {
  const server = await listen({ origins: ['https://example.org'] });
  const tcp = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true });
  cleanups.push(() => tcp.destroy());
  const closed = new Promise((resolve) => tcp.once('close', resolve));
  tcp.on('error', () => {}).resume();
  tcp.write(
    'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nOrigin: https://evil.test\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
  await new Promise((resolve) => tcp.once('end', resolve));
  // The server resets what is still open on its side; a write shows it.
  const poke = setInterval(() => tcp.write('x'), 200);
  await closed;
  clearInterval(poke);
});

it('who ends its side and reads nothing is gone, and so is who talks and reads nothing', async () => {
  const server = await listen({ keepAlive: { pingAfter: 500, pongTimeout: 500 }, maxBacklog: 2 ** 26 });
  const producer = await open(server, 'producer');
  const [silent, talking] = [await openRaw(server), await openRaw(server)];
  // From the beginning, so that it is heard however long what follows takes.
  const talk = setInterval(() => talking.tcp.write(RawClient.frame(0xa, '')), 100);
  cleanups.push(() => clearInterval(talk));
  for (const raw of [silent, talking]) {
    raw.tcp.write(RawClient.frame(1, `{"type":"startSession","peerId":"${producer.id}"}`));
    const { sessionId } = await producer.next();
    await raw.until(() => raw.received.includes('sessionStarted'));
    raw.tcp.pause();
    // More than the buffers of both sides take.
    for (let n = 0; n < 190; n++) producer.send({ type: 'peer', sessionId, sdp: { type: 'offer', sdp: 'x'.repeat(60_000) } });
  }
  await producer.others();
  silent.tcp.end();
  await expect.poll(() => server.peerCount, { timeout: 10_000 }).toBe(1);
  expect(server.sessionCount).toBe(0);
  expect(await metric(server, 'signalling_limits_exceeded_total{limit="backlog"}')).toBe(1);
});

it('a message in thousands of pieces, or one role a thousand times, costs nobody else anything', async () => {
  const server = await listen();
  const listener = await open(server, 'listener');
  const raw = await openRaw(server);
  raw.tcp.write(RawClient.frame(1, '').fill(0x01, 0, 1)); // the first piece of text
  for (let n = 0; n < 100; n++) raw.tcp.write(RawClient.frame(0, 'x').fill(0x00, 0, 1));
  await raw.until(() => raw.received.includes(Buffer.from([0x88, 2])));
  const peer = await open(server);
  peer.send({ type: 'setPeerStatus', roles: Array(2_000).fill('producer') });
  await peer.others();
  expect((await listener.others()).at(-1)).toEqual({
    type: 'peerStatusChanged',
    roles: ['producer'],
    meta: null,
    peerId: peer.id,
  });
});

it('who asks for what is long may ask less often', async () => {
  const server = await listen({ rates: { list: 5 }, maxMetaSize: 60_000 });
  const meta = 'x'.repeat(59_000);
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      const producer = await open(server);
      producer.send({ type: 'setPeerStatus', roles: ['producer'], meta });
      await producer.others();
    }),
  );
  const asker = await open(server);
  // Each answer is 1.2 MB, which counts as five questions.
  for (let n = 0; n < 10; n++) asker.send({ type: 'list' });
  expect((await asker.closed).code).toBe(1008);
});

it('an offer to speak another protocol is a plain request', async () => {
  const server = await listen();
  const answer = await new Promise<number | undefined>((resolve) => {
    get(
      `http://127.0.0.1:${server.port}/healthz`,
      { headers: { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c' } },
      (response) => resolve(response.statusCode),
    );
  });
  expect(answer).toBe(200);
});

it('takes the address of a client from proxies that are trusted, and from nobody else', () => {
  const request = (remoteAddress: string, forwarded?: string) =>
    ({
      socket: { remoteAddress },
      headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
    }) as unknown as IncomingMessage;
  const proxies = parseProxies(['10.0.0.0/8', '::1']);
  expect(clientAddress(request('192.0.2.1', '192.0.2.9'), proxies)).toBe('192.0.2.1');
  expect(clientAddress(request('::ffff:10.1.2.3', '192.0.2.9'), proxies)).toBe('192.0.2.9');
  expect(clientAddress(request('10.1.2.3', '198.51.100.1, 192.0.2.9, 10.2.2.2'), proxies)).toBe('192.0.2.9');
  expect(clientAddress(request('10.1.2.3', '192.0.2.9:4711'), proxies)).toBe('192.0.2.9');
  expect(clientAddress(request('10.1.2.3', '[2001:db8::1]:443'), proxies)).toBe('2001:db8::1');
  expect(clientAddress(request('::1', 'nonsense'), proxies)).toBe('::1');
  expect(clientAddress(request('10.1.2.3'), proxies)).toBe('10.1.2.3');
  for (const wrong of ['10.0.0.0/40', 'host', '10.0.0.0/8/8', '::1/129', ''])
    expect(() => parseProxies([wrong])).toThrow(/proxy/);
});

it('labels of metrics are none that a peer could choose', async () => {
  const server = await listen({ rates: { invalid: 1000 } });
  const client = await open(server);
  for (let n = 0; n < 50; n++) client.send({ type: `kind-${n}` });
  await client.others();
  const raw = await openRaw(server);
  raw.tcp.write(RawClient.closeFrame(4321));
  raw.tcp.end();
  await raw.closed;
  await expect.poll(() => metric(server, 'signalling_connections_closed_total{code="other"}')).toBe(1);
  const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
  expect(text).toContain('signalling_messages_received_total{type="invalid"} 50');
  expect(text).not.toMatch(/kind-|4321/);
  expect(
    await new Promise((resolve) =>
      get(`http://127.0.0.1:${server.port}/metrics`, ({ headers }) => resolve(headers['content-type'])),
    ),
  ).toMatch(/^text\/plain; version=0\.0\.4/);
});
