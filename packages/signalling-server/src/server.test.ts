/** The server around the state machine: how connections begin, end and fail, and that one peer's trouble stays its own. */
import { rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isLoopback, serverUrls } from './addresses.ts';
import { SignallingServerError } from './errors.ts';
import { useServers } from './fixture.testing.ts';
import { keepAliveAction } from './keep-alive.ts';
import type { SignallingServerOptions } from './options.ts';
import { SignallingServer } from './server.ts';
import { TEST_CERTIFICATE, testCertificateFiles } from './test-certificate.testing.ts';
import { RawClient, TestClient } from './test-client.testing.ts';

const { cleanups, listen, open, openRaw } = useServers();

/** The id of the peer that joined last, as a listener learns it when the peer takes a role. */
async function joined(listener: TestClient, raw: RawClient): Promise<string> {
  raw.tcp.write(RawClient.frame(1, '{"type":"setPeerStatus","roles":["producer"]}'));
  return String((await listener.next()).peerId);
}

const gone = (peerId: string) => ({ type: 'peerStatusChanged', roles: [], meta: null, peerId });

describe('listening', () => {
  it('tells the real port and address, on this machine only by default', async () => {
    const server = await listen();
    expect(server.port).toBeGreaterThan(0);
    expect(server.address).toBe('127.0.0.1');
    expect(server.urls).toEqual([`ws://127.0.0.1:${server.port}`]);
  });

  it('accepts any path', async () => {
    const server = await listen();
    const client = new TestClient(`${server.urls[0]}/any/path?token=1`);
    cleanups.push(() => client.socket.terminate());
    expect((await client.next()).type).toBe('welcome');
  });

  it('names the port that is in use', async () => {
    const { port } = await listen();
    await expect(SignallingServer.listen({ port })).rejects.toMatchObject({
      code: 'ADDRESS_IN_USE',
      message: expect.stringContaining(String(port)),
    });
  });

  it('names the address that the machine does not have', async () => {
    await expect(SignallingServer.listen({ host: '192.0.2.1', port: 0 })).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: expect.stringContaining('192.0.2.1'),
    });
  });

  it.each([
    [{ port: 70_000 }, '70000'],
    [{ port: 1.5 }, '1.5'],
    [{ host: '', port: 0 }, 'host'],
    [{ headers: { 'bad name': 'x' } }, 'bad name'],
    [{ headers: { good: 'a\r\nb: c' } }, 'good'],
    [{ maxMessageSize: 0 }, 'maxMessageSize'],
    [{ keepAlive: { pingAfter: Number.NaN } }, 'pingAfter'],
  ])('refuses %j', async (options, named) => {
    const refused = SignallingServer.listen(options);
    await expect(refused).rejects.toBeInstanceOf(SignallingServerError);
    await expect(refused).rejects.toMatchObject({ code: 'INVALID_OPTION', message: expect.stringContaining(named) });
  });

  it('adds headers to the response that opens the WebSocket', async () => {
    const server = await listen({ headers: { 'X-Custom': 'value' } });
    const client = new TestClient(server.urls[0]!);
    cleanups.push(() => client.socket.terminate());
    const value = await new Promise((resolve) => client.socket.once('upgrade', ({ headers }) => resolve(headers['x-custom'])));
    expect(value).toBe('value');
  });

  it('tells a browser that it speaks WebSocket only', async () => {
    const { port } = await listen();
    const status = await new Promise((resolve, reject) => {
      get({ port, host: '127.0.0.1' }, (response) => resolve(response.resume().statusCode)).on('error', reject);
    });
    expect(status).toBe(426);
  });

  it('writes addresses as URIs', () => {
    expect(serverUrls({ address: '::1', port: 8443 }, true)).toEqual(['wss://[::1]:8443']);
    expect(serverUrls({ address: '0.0.0.0', port: 1 }, false)[0]).toBe('ws://127.0.0.1:1');
    expect(['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1'].every(isLoopback)).toBe(true);
    expect(['0.0.0.0', '::', '10.0.0.1', '1.127.0.1'].some(isLoopback)).toBe(false);
  });
});

describe('TLS', () => {
  it('serves wss with a certificate and key', async () => {
    const files = await testCertificateFiles();
    cleanups.push(files.remove);
    const server = await listen({ cert: files.cert, key: files.key });
    expect(server.urls).toEqual([`wss://127.0.0.1:${server.port}`]);
    const client = new TestClient(server.urls[0]!, { ca: TEST_CERTIFICATE });
    expect((await client.next()).type).toBe('welcome');
    expect((await client.close()).code).toBe(1000);
    expect(client.errors).toEqual([]);
  });

  it('fails to start rather than serve plain text, naming the file', async () => {
    const files = await testCertificateFiles();
    cleanups.push(files.remove);
    const empty = join(files.folder, 'empty.pem');
    const missing = join(files.folder, 'missing.pem');
    await writeFile(empty, '');
    const unusable: [SignallingServerOptions, string][] = [
      [{ cert: files.cert }, files.cert],
      [{ key: files.key }, files.key],
      [{ cert: missing, key: files.key }, missing],
      [{ cert: files.cert, key: missing }, missing],
      [{ cert: empty, key: files.key }, empty],
      [{ cert: files.cert, key: empty }, empty],
      [{ cert: files.key, key: files.key }, files.key],
    ];
    for (const [options, file] of unusable)
      await expect(SignallingServer.listen({ port: 0, ...options })).rejects.toMatchObject({
        code: 'CERTIFICATE_UNREADABLE',
        message: expect.stringContaining(file),
      });
  });

  it('lets nobody in who does not speak TLS', async () => {
    const files = await testCertificateFiles();
    cleanups.push(files.remove);
    const server = await listen({ cert: files.cert, key: files.key });
    await rm(files.cert); // read once, at the start
    const plain = new TestClient(`ws://127.0.0.1:${server.port}`);
    await plain.closed;
    expect(plain.errors).toHaveLength(1);
    expect(server.peerCount).toBe(0);
  });
});

describe('the closing handshake', () => {
  it("answers a peer's Close, and the peer sees a clean end", async () => {
    const server = await listen();
    const client = await open(server);
    expect(await client.close()).toEqual({ code: 1000, reason: '' });
    expect(client.errors).toEqual([]);
  });

  it('answers a Close without a code likewise', async () => {
    const server = await listen();
    const client = await open(server);
    client.socket.close();
    expect((await client.closed).code).toBe(1005);
    expect(client.errors).toEqual([]);
  });

  it('sends one Close frame and then the end of the stream, never a reset', async () => {
    const server = await listen();
    const raw = await openRaw(server);
    // A message and the Close in one packet, and bytes behind them, as a peer in a hurry sends them.
    const list = RawClient.frame(1, '{"type":"list"}');
    raw.tcp.write(Buffer.concat([list, RawClient.closeFrame(1000), list]));
    await raw.ended;
    expect(raw.received.subarray(-4)).toEqual(Buffer.from([0x88, 2, 0x03, 0xe8]));
    expect(String(raw.received.subarray(2, -4))).toBe('{"type":"list","producers":[]}');
    raw.tcp.write(list);
    raw.tcp.end();
    await raw.closed;
    expect(raw.errors).toEqual([]);
  });

  it('writes nothing behind its Close frame, even when there is news for the peer', async () => {
    const server = await listen();
    const raw = await openRaw(server);
    raw.tcp.write(RawClient.frame(1, '{"type":"setPeerStatus","roles":["listener"]}'));
    await raw.until(() => raw.received.includes('peerStatusChanged'));
    raw.received = Buffer.alloc(0);
    const other = await open(server);
    raw.tcp.write(RawClient.closeFrame(1000));
    other.send({ type: 'setPeerStatus', roles: ['producer'] });
    await raw.ended;
    await other.others();
    expect(raw.received.subarray(-4)).toEqual(Buffer.from([0x88, 2, 0x03, 0xe8]));
  });

  it('tells the others as soon as a peer has said goodbye, though its connection lingers', async () => {
    const server = await listen();
    const listener = await open(server, 'listener');
    const raw = await openRaw(server);
    const peerId = await joined(listener, raw);
    raw.tcp.write(RawClient.closeFrame(1000)); // and never ends its side
    expect(await listener.next()).toEqual(gone(peerId));
    expect(server.peerCount).toBe(1);
  });

  it('tells the others at once when a peer is killed', async () => {
    const server = await listen();
    const listener = await open(server, 'listener');
    const raw = await openRaw(server);
    const peerId = await joined(listener, raw);
    raw.tcp.resetAndDestroy();
    expect(await listener.next()).toEqual(gone(peerId));
  });

  it('closes every peer cleanly when the server closes, and leaves no socket', async () => {
    const server = await listen();
    const clients = [await open(server, 'listener'), await open(server, 'producer'), await open(server)];
    const idle = connect(server.port, '127.0.0.1');
    const idleClosed = new Promise((resolve) => idle.once('close', resolve));
    await new Promise((resolve) => idle.once('connect', resolve));
    const closing = server.close();
    for (const client of clients) expect((await client.closed).code).toBe(1001);
    await closing;
    await idleClosed;
    expect(clients.flatMap(({ errors }) => errors)).toEqual([]);
    expect(server.peerCount).toBe(0);
    const late = new TestClient(server.urls[0]!);
    await late.closed;
    expect(late.errors[0]).toMatchObject({ code: 'ECONNREFUSED' });
    await server.close();
  });

  it('ends no session by closing: what flows between the peers flows on', async () => {
    const server = await listen();
    const producer = await open(server, 'producer');
    const consumer = await open(server);
    consumer.send({ type: 'startSession', peerId: producer.id });
    expect(await consumer.next()).toMatchObject({ type: 'sessionStarted' });
    expect(await producer.next()).toMatchObject({ type: 'startSession' });
    const heard: string[] = [];
    for (const { socket } of [producer, consumer]) socket.on('message', (data) => heard.push(String(data)));
    await server.close();
    await Promise.all([producer.closed, consumer.closed]);
    expect(heard).toEqual([]);
  });

  it('does not wait for ever for a peer that does not answer its Close', async () => {
    const server = await listen();
    const raw = await openRaw(server);
    const began = performance.now();
    await server.close();
    expect(performance.now() - began).toBeLessThan(4_500);
    expect([raw.received[0], raw.received.readUInt16BE(2)]).toEqual([0x88, 1001]);
  });

  it('closes when its signal aborts', async () => {
    const abort = new AbortController();
    const server = await listen({ signal: abort.signal });
    const client = await open(server);
    abort.abort();
    expect((await client.closed).code).toBe(1001);
    await expect(SignallingServer.listen({ port: 0, signal: abort.signal })).rejects.toThrow();
  });
});

describe('peers that fall silent', () => {
  it('are dropped, and those who answer stay', async () => {
    const server = await listen({ keepAlive: { pingAfter: 60, pongTimeout: 60 } });
    const listener = await open(server, 'listener');
    const raw = await openRaw(server);
    const peerId = await joined(listener, raw);
    expect(await listener.next()).toEqual(gone(peerId));
    expect(raw.received[0]).toBe(0x89); // it was asked first
    const pings = new Promise<void>((resolve) => {
      let count = 0;
      listener.socket.on('ping', () => ++count === 3 && resolve());
    });
    await pings;
    expect(await listener.others()).toEqual([]);
  });

  it('are gone within 30 s by default, and pinged after 30 s without a message to them', () => {
    const policy = { pingAfter: 10_000, pongTimeout: 15_000, closeTimeout: 2_000 };
    const peer = { lastReceived: 0, lastSent: 0, pingSentAt: 0, closingSince: 0 };
    const at = (now: number, changed: Partial<typeof peer> = {}) => keepAliveAction({ ...peer, ...changed }, policy, now);
    expect(at(9_999)).toBe('none');
    expect(at(10_000)).toBe('ping');
    // The sweep runs every second: pinged at 11 s, dropped at 27 s at the latest.
    expect(at(25_999, { pingSentAt: 11_000 })).toBe('none');
    expect(at(26_000, { pingSentAt: 11_000 })).toBe('drop');
    expect(at(30_000, { lastReceived: 29_000 })).toBe('ping');
    expect(at(3_000, { closingSince: 1_000 })).toBe('drop');
  });
});

describe('one peer does not disturb the others', () => {
  it('a peer that does not read holds nobody up, and is given up when too much waits for it', async () => {
    const server = await listen({ maxBacklog: 256 * 1024, maxMessageSize: 2 ** 20 });
    const producer = await open(server, 'producer');
    const stuck = await open(server);
    const bystander = await open(server);
    stuck.send({ type: 'startSession', peerId: producer.id });
    const { sessionId } = await producer.next();
    await stuck.next();
    stuck.socket.pause();
    const sdp = 'x'.repeat(500_000);
    let ended: unknown;
    const end = producer.next().then((message) => (ended = message));
    for (let i = 0; i < 100 && !ended; i++) {
      producer.send({ type: 'peer', sessionId, sdp: { type: 'offer', sdp } });
      expect(await bystander.others()).toEqual([]);
    }
    await end;
    expect(ended).toEqual({ type: 'endSession', sessionId });
  });

  it('a message that is too large ends its own connection only, with code 1009', async () => {
    const server = await listen({ maxMessageSize: 1_000 });
    const [large, bystander] = [await open(server), await open(server)];
    large.send(JSON.stringify({ type: 'list', x: 'x'.repeat(1_000) }));
    expect((await large.closed).code).toBe(1009);
    expect(await bystander.others()).toEqual([]);
  });

  it('news for hundreds reaches each in its order, and is not overtaken by what one of them is told itself', async () => {
    const server = await listen();
    const producer = await open(server, 'producer');
    const listeners = await Promise.all(Array.from({ length: 260 }, () => open(server)));
    for (const listener of listeners) listener.send({ type: 'setPeerStatus', roles: ['listener'], meta: null });
    // Each hears of all that register after it; the last one of itself only.
    const last = listeners.at(-1)!;
    for (const listener of listeners) while ((await listener.next()).peerId !== last.id);
    for (let meta = 1; meta <= 5; meta++) producer.send({ type: 'setPeerStatus', roles: ['producer'], meta });
    await producer.others();
    last.send({ type: 'startSession', peerId: producer.id });
    for (const listener of listeners)
      for (let meta = 1; meta <= 5; meta++) expect(await listener.next()).toMatchObject({ type: 'peerStatusChanged', meta });
    expect(await last.next()).toMatchObject({ type: 'sessionStarted' });
    expect(await listeners[0]!.others()).toEqual([]);
  });

  it('a burst of one peer lets the messages of the others through', async () => {
    const server = await listen({ rates: { setPeerStatus: 10_000 } });
    const [listener, hasty, calm] = [await open(server, 'listener'), await open(server), await open(server)];
    const burst = 5_000;
    for (let meta = 1; meta <= burst; meta++) hasty.send({ type: 'setPeerStatus', roles: ['producer'], meta });
    await listener.next();
    calm.send({ type: 'setPeerStatus', roles: ['producer'], meta: 'calm' });
    let before = 1;
    while ((await listener.next()).peerId !== calm.id) before++;
    expect(before).toBeLessThan(burst / 2);
  });

  it('thousands of sessions of one peer end with it, and nothing of them stays', async () => {
    const server = await listen({ rates: { startSession: 10_000 }, maxSessionsPerPeer: 5_000 });
    const [producer, greedy, bystander] = [await open(server, 'producer'), await open(server), await open(server)];
    const count = 3_000;
    for (let i = 0; i < count; i++) greedy.send({ type: 'startSession', peerId: producer.id });
    expect(await greedy.others()).toHaveLength(count);
    expect(server.sessionCount).toBe(count);
    greedy.socket.terminate();
    let ended = 0;
    while (ended < count) if ((await producer.next()).type === 'endSession') ended++;
    expect(server).toMatchObject({ sessionCount: 0, peerCount: 2 });
    expect(await bystander.others()).toEqual([]);
  });

  it.each([
    ['a compressed frame, which was not agreed upon', 0xc1, '{"type":"list"}', 1002],
    ['a frame of an unknown kind', 0x83, '', 1002],
    ['text that is not UTF-8', 0x81, Buffer.from([0x7b, 0xff, 0xfe]), 1007],
  ])('%s ends its own connection only', async (_, first, payload, code) => {
    const server = await listen();
    const listener = await open(server, 'listener');
    const raw = await openRaw(server);
    const id = await joined(listener, raw);
    const frame = RawClient.frame(first & 0x0f, payload);
    frame[0] = first;
    raw.tcp.write(frame);
    await raw.ended;
    expect(raw.received).toEqual(Buffer.from([0x88, 2, code >> 8, code & 0xff]));
    expect(await listener.next()).toEqual(gone(id));
  });

  it('a ping is answered', async () => {
    const client = await open(await listen());
    const pong = new Promise((resolve) => client.socket.once('pong', resolve));
    client.socket.ping('are you there');
    expect(String(await pong)).toBe('are you there');
  });

  it('connections that do not come to the point are dropped', { timeout: 15_000 }, async () => {
    const server = await listen();
    const begin = performance.now();
    const lifetime = async (head: string): Promise<number> => {
      const tcp = connect({ port: server.port, host: '127.0.0.1' });
      cleanups.push(() => tcp.destroy());
      tcp.on('error', () => {});
      tcp.resume();
      tcp.write(head);
      const drip = setInterval(() => head && tcp.write('X: y\r\n'), 200);
      await new Promise((resolve) => tcp.once('close', resolve));
      clearInterval(drip);
      return performance.now() - begin;
    };
    const lifetimes = await Promise.all([lifetime(''), lifetime('GET / HTTP/1.1\r\nHost: x\r\n')]);
    for (const ms of lifetimes) expect(ms).toBeLessThan(9_000);
  });

  it('binary frames and text that is no message are ignored, and the connection goes on', async () => {
    const server = await listen();
    const client = await open(server);
    client.socket.send(Buffer.from('{"type":"listConsumers"}'), { binary: true });
    for (const text of ['', '{', 'null', '{"type":"nonsense"}', '{"type":"setPeerStatus"}', '[]']) client.send(text);
    expect(await client.others()).toEqual([]);
  });

  it('logs dropped text as a warning without its body', async () => {
    const lines: string[] = [];
    const write = (fields: object, message?: string): void => void lines.push(JSON.stringify(fields) + message);
    const logger = { error: write, warn: write, info: write, debug: write, trace: () => {}, child: () => logger };
    const server = await listen({ logger });
    const client = await open(server);
    client.send('{"secret-body');
    await client.others();
    expect(lines.filter((line) => line.includes('JSON'))).toHaveLength(1);
    expect(lines.join()).not.toContain('secret-body');
  });
});
