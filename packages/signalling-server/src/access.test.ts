/** Tokens, origins and what they allow, and where TURN servers are to be had, over real sockets. */
import { createHmac } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { useServers } from './fixture.testing.ts';
import type { SignallingServer } from './server.ts';
import { testCertificateFiles } from './test-certificate.testing.ts';
import { TestClient } from './test-client.testing.ts';

const { cleanups, listen } = useServers();

const secret = 'a secret of thirty-two bytes, or more';
const key = new TextEncoder().encode(secret);
const all = { produce: true, consume: true, listen: true };

function sign(
  signalling: unknown,
  { expires = '1h', using = key as Uint8Array | CryptoKey, alg = 'HS256', kid = 'k' } = {},
): Promise<string> {
  const payload = signalling === undefined ? {} : { signalling };
  return new SignJWT({ ...payload, iss: 'us', aud: 'them' })
    .setProtectedHeader({ alg, kid })
    .setExpirationTime(expires)
    .sign(using as never);
}

async function connect(
  server: SignallingServer,
  token: string | undefined,
  headers: Record<string, string> = {},
): Promise<TestClient> {
  const client = new TestClient(server.urls[0]!, {
    headers: token === undefined ? headers : { ...headers, Authorization: `Bearer ${token}` },
  });
  cleanups.push(() => client.socket.terminate());
  client.id = String((await client.next()).peerId);
  return client;
}

/** What a connection is refused with. */
async function refusal(server: SignallingServer, token: string | undefined, headers: Record<string, string> = {}) {
  const client = new TestClient(server.urls[0]!, {
    headers: token === undefined ? headers : { ...headers, Authorization: `Bearer ${token}` },
  });
  const response = await new Promise<IncomingMessage>((resolve) =>
    client.socket.once('unexpected-response', (_, one) => resolve(one)),
  );
  let body = '';
  for await (const chunk of response) body += chunk;
  return { status: response.statusCode, body };
}

const status = (roles: string[], meta: unknown = null) => ({ type: 'setPeerStatus', roles, meta });

describe('with tokens signed by a secret', () => {
  const tokens = { secret, issuer: 'us', audience: 'them' };

  it('nobody gets in without one, or with one that is not good', async () => {
    const server = await listen({ tokens });
    const good = await sign(all);
    expect(await refusal(server, undefined)).toEqual({ status: 401, body: expect.stringContaining('asks for a token') });
    expect(await refusal(server, 'nonsense')).toEqual({ status: 401, body: 'The token is not valid.\n' });
    expect(await refusal(server, `${good.slice(0, -4)}AAAA`)).toEqual({ status: 401, body: 'The token is not valid.\n' });
    expect(await refusal(server, await sign(all, { expires: '1 minute ago' }))).toEqual({
      status: 401,
      body: 'The token has expired.\n',
    });
    expect(await refusal(server, await sign(undefined))).toEqual({
      status: 403,
      body: expect.stringContaining('no "signalling" claim'),
    });
    expect(await refusal(server, await sign({ produce: 'yes' }))).toEqual({
      status: 403,
      body: expect.stringContaining('"produce"'),
    });
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${good.split('.')[1]}.`;
    expect(await refusal(server, unsigned)).toEqual({ status: 401, body: 'The token is not valid.\n' });
    const other = await listen({ tokens: { secret, issuer: 'somebody else' } });
    expect(await refusal(other, good)).toEqual({ status: 401, body: 'The "iss" of the token is not accepted here.\n' });
    expect(server.peerCount).toBe(0);
    const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
    expect(text).toContain('signalling_connections_refused_total{reason="token"} 7');
  });

  it('a good one is taken from the header, and from the query, where browsers put it', async () => {
    const server = await listen({ tokens });
    await connect(server, await sign(all));
    const client = new TestClient(`${server.urls[0]}/?access_token=${await sign(all)}`);
    cleanups.push(() => client.socket.terminate());
    expect(await client.next()).toMatchObject({ type: 'welcome' });
  });

  it('a peer may do what its token says, and nothing else', async () => {
    const server = await listen({ tokens });
    const producer = await connect(server, await sign({ produce: true }));
    producer.send(status(['producer']));
    producer.send(status(['producer', 'listener']));
    expect((await producer.next()).details).toContain('be a listener');
    producer.send({ type: 'list' });
    expect((await producer.next()).details).toContain('list the producers');
    producer.send({ type: 'startSession', peerId: producer.id });
    expect((await producer.next()).details).toContain('consume');

    const consumer = await connect(server, await sign({ consume: true }));
    consumer.send({ type: 'list' });
    expect(await consumer.next()).toEqual({ type: 'list', producers: [{ id: producer.id, meta: null }] });
    consumer.send(status(['producer']));
    expect((await consumer.next()).details).toContain('be a producer');
    consumer.send({ type: 'startSession', peerId: producer.id });
    expect(await consumer.next()).toMatchObject({ type: 'sessionStarted', peerId: producer.id });
    expect(await producer.next()).toMatchObject({ type: 'startSession', peerId: consumer.id });

    const passive = await connect(server, await sign({ consume: true }));
    passive.send(status(['consumer']));
    await passive.others();
    consumer.send({ type: 'startSession', peerId: passive.id });
    expect((await consumer.next()).details).toContain('produce');
    producer.send({ type: 'startSession', peerId: passive.id });
    expect(await producer.next()).toMatchObject({ type: 'startSession', peerId: passive.id });
  });

  it('peers of different namespaces do not know of each other', async () => {
    const server = await listen({ tokens });
    const north = await connect(server, await sign({ ...all, namespace: 'north' }));
    const south = await connect(server, await sign({ ...all, namespace: 'south' }));
    const southern = await connect(server, await sign({ ...all, namespace: 'south' }));
    for (const peer of [north, south]) peer.send(status(['listener', 'producer']));
    expect(await north.next()).toMatchObject({ peerId: north.id });
    expect(await south.next()).toMatchObject({ peerId: south.id });
    southern.send({ type: 'list' });
    expect(await southern.next()).toEqual({ type: 'list', producers: [{ id: south.id, meta: null }] });
    southern.send({ type: 'startSession', peerId: north.id });
    expect(await southern.next()).toEqual({ type: 'error', details: `No peer has the id ${north.id}.` });
    await south.close();
    expect(await north.others()).toEqual([]);
  });

  it('a pinned name is the name in the meta, and no other is taken', async () => {
    const server = await listen({ tokens });
    const peer = await connect(server, await sign({ ...all, name: 'camera-7' }));
    const seen = async (meta: unknown): Promise<unknown> => {
      peer.send(status(['listener'], meta));
      const { type, meta: told } = await peer.next();
      return type === 'error' ? type : told;
    };
    expect(await seen(null)).toEqual({ name: 'camera-7' });
    expect(await seen({ site: 1 })).toEqual({ site: 1, name: 'camera-7' });
    expect(await seen({ name: 'camera-7', site: 2 })).toEqual({ name: 'camera-7', site: 2 });
    expect(await seen({ name: 'camera-8' })).toBe('error');
    expect(await seen('camera-7')).toBe('error');
  });

  it('a secret that is too short, or two ways of signing, are refused at the start', async () => {
    await expect(listen({ tokens: { secret: 'short' } })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('32'),
    });
    await expect(listen({ tokens: { secret, jwks: '/keys.json' } })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(listen({ tokens: { issuer: 'us' } })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(listen({ tokens: { jwks: '/no/keys.json' } })).rejects.toMatchObject({
      code: 'KEYS_UNREADABLE',
      message: expect.stringContaining('/no/keys.json'),
    });
  });
});

describe('with tokens signed by keys of a key set', () => {
  it.each(['a file', 'a URL'])('good ones are let in, by %s', async (where) => {
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    const stranger = await generateKeyPair('ES256');
    const keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }] });
    let jwks: string;
    if (where === 'a file') {
      const { folder, remove } = await testCertificateFiles();
      cleanups.push(remove);
      jwks = join(folder, 'keys.json');
      await writeFile(jwks, keys);
    } else {
      const http = createServer((_, response) => void response.end(keys));
      await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
      cleanups.push(() => http.close());
      jwks = `http://127.0.0.1:${(http.address() as AddressInfo).port}/keys`;
    }
    const server = await listen({ tokens: { jwks } });
    await connect(server, await sign(all, { using: privateKey, alg: 'ES256' }));
    expect(await refusal(server, await sign(all, { using: stranger.privateKey, alg: 'ES256' }))).toMatchObject({ status: 401 });
    expect(await refusal(server, await sign(all, { using: privateKey, alg: 'ES256', kid: 'unknown' }))).toEqual({
      status: 401,
      body: 'The token is signed with a key that is not known here.\n',
    });
    expect(await refusal(server, await sign(all))).toMatchObject({ status: 401 });
  });

  it('nobody is let in, and that is not their fault, while the keys cannot be had', async () => {
    const { privateKey } = await generateKeyPair('ES256');
    const server = await listen({ tokens: { jwks: 'http://127.0.0.1:9/keys' } });
    expect(await refusal(server, await sign(all, { using: privateKey, alg: 'ES256' }))).toEqual({
      status: 503,
      body: 'The keys by which tokens are checked cannot be had at present.\n',
    });
  });
});

describe('with a list of origins', () => {
  it('pages of others are refused, and whoever is no page is let in', async () => {
    const server = await listen({ origins: ['https://example.org', 'http://localhost:8080'] });
    await connect(server, undefined, { Origin: 'https://example.org' });
    await connect(server, undefined, { Origin: 'http://localhost:8080' });
    await connect(server, undefined);
    for (const origin of ['https://example.org.evil.test', 'http://example.org', 'null', 'http://localhost:80801'])
      expect(await refusal(server, undefined, { Origin: origin })).toEqual({
        status: 403,
        body: expect.stringContaining(origin),
      });
  });

  it('what is no origin is refused at the start', async () => {
    for (const origin of ['example.org', 'https://example.org/page', '*', ''])
      await expect(listen({ origins: [origin] })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});

describe('ICE servers', () => {
  const urls = ['stun:stun.example.org', 'turn:turn.example.org:3478?transport=udp', 'turns:turn.example.org:5349'];
  const iceServers = { urls, secret: 'shared', ttl: 600 };
  const fetchServers = async (server: SignallingServer, init: RequestInit = {}, query = '') =>
    fetch(`http://127.0.0.1:${server.port}/ice-servers${query}`, init);

  /** The user name holds until when it is good, and the password is its HMAC (coturn's REST scheme). */
  function expectCredentials(
    { iceServers: found, ttl }: { iceServers: { username?: string; credential?: string }[]; ttl: number },
    user: RegExp,
  ) {
    expect(ttl).toBe(600);
    expect(found[0]).toEqual({ urls: [urls[0]] });
    const { username, credential } = found[1]!;
    expect(found[1]).toMatchObject({ urls: urls.slice(1) });
    const [, expiry, name] = /^(\d+):(.*)$/.exec(username!)!;
    expect(name).toMatch(user);
    expect(Number(expiry) - Date.now() / 1000).toBeGreaterThan(590);
    expect(Number(expiry) - Date.now() / 1000).toBeLessThanOrEqual(600);
    expect(credential).toBe(createHmac('sha1', 'shared').update(username!).digest('base64'));
  }

  it('are to be had over HTTP and over the signalling connection, with credentials that expire', async () => {
    const server = await listen({ iceServers });
    expectCredentials((await (await fetchServers(server)).json()) as never, /^anybody$/);
    const peer = await connect(server, undefined);
    peer.send({ type: 'iceServers' });
    const { type, ...answer } = await peer.next();
    expect(type).toBe('iceServers');
    expectCredentials(answer as never, new RegExp(`^${peer.id}$`));
  });

  it('need the token that connections need, under whose name they are', async () => {
    const server = await listen({ iceServers, tokens: { secret } });
    expect((await fetchServers(server)).status).toBe(401);
    const token = await sign({ consume: true, name: 'viewer-3' });
    expectCredentials(
      (await (await fetchServers(server, { headers: { Authorization: `Bearer ${token}` } })).json()) as never,
      /^viewer-3$/,
    );
    expectCredentials((await (await fetchServers(server, {}, `?access_token=${token}`)).json()) as never, /^viewer-3$/);
  });

  it('may be read by pages of allowed origins, also with a token', async () => {
    const server = await listen({ iceServers, origins: ['https://example.org'] });
    const response = await fetchServers(server, { headers: { Origin: 'https://example.org' } });
    expect(response.headers.get('access-control-allow-origin')).toBe('https://example.org');
    expect(response.headers.get('cache-control')).toBe('no-store');
    const preflight = await fetchServers(server, {
      method: 'OPTIONS',
      headers: { Origin: 'https://example.org', 'Access-Control-Request-Headers': 'authorization' },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-headers')).toBe('Authorization');
    expect((await fetchServers(server, { headers: { Origin: 'https://evil.test' } })).status).toBe(403);
  });

  it('are none where none are configured', async () => {
    const server = await listen();
    expect(await (await fetchServers(server)).json()).toEqual({ iceServers: [], ttl: null });
  });

  it('that make no sense are refused at the start', async () => {
    for (const wrong of [
      'turn.example.org',
      'turn:',
      'turn:user@host',
      'http://x',
      'stun:a?transport=sctp',
      'stun:a?transport=udp',
      'stun:a:99999',
      'turn:a:b:c',
    ])
      await expect(listen({ iceServers: { urls: [wrong], secret: 's' } })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(listen({ iceServers: { urls: ['turn:host'] } })).rejects.toMatchObject({
      message: expect.stringContaining('needs credentials'),
    });
    await expect(listen({ iceServers: { urls: [], ttl: 0 } })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});
