import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakePeerConnection, installBrowser } from './browser.testing.ts';
import type { GstWebRTCConfig } from './config.ts';
import type { GstWebRTCError } from './errors.ts';
import { GstWebRTCAPI } from './gst-webrtc-api.ts';
import { type ScriptedConnection, ScriptedServer } from './scripted-server.testing.ts';

/** What an application is told, in order, as text; waits for what is still to come. */
class Diary {
  readonly lines: string[] = [];
  #wake: () => void = () => {};

  write(line: string): void {
    this.lines.push(line);
    this.#wake();
  }

  async until(pattern: RegExp): Promise<string> {
    for (;;) {
      const line = this.lines.find((candidate) => pattern.test(candidate));
      if (line) return line;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

function follow(api: GstWebRTCAPI): Diary {
  const diary = new Diary();
  api.registerConnectionListener({
    connected: (id) => diary.write(`connected ${id}`),
    disconnected: () => diary.write('disconnected'),
    reconnecting: (attempt, delay) => diary.write(`reconnecting ${attempt} ${delay}`),
    connectionError: (error) => diary.write(`error ${error.code}: ${error.message}`),
  });
  api.registerPeerListener({
    producerAdded: ({ id, meta }) => diary.write(`+producer ${id} ${JSON.stringify(meta)}`),
    producerRemoved: ({ id }) => diary.write(`-producer ${id}`),
    producerUpdated: ({ id, meta }) => diary.write(`~producer ${id} ${JSON.stringify(meta)}`),
    consumerAdded: ({ id }) => diary.write(`+consumer ${id}`),
    consumerRemoved: ({ id }) => diary.write(`-consumer ${id}`),
  });
  return diary;
}

let server: ScriptedServer;
const apis: GstWebRTCAPI[] = [];

function open(config: GstWebRTCConfig = {}): { api: GstWebRTCAPI; diary: Diary } {
  const api = new GstWebRTCAPI({ signalingServerUrl: server.url, reconnectionTimeout: 20, ...config });
  apis.push(api);
  return { api, diary: follow(api) };
}

async function openRegistered(
  config: GstWebRTCConfig = {},
): Promise<{ api: GstWebRTCAPI; diary: Diary; client: ScriptedConnection }> {
  const { api, diary } = open(config);
  const client = await server.accept();
  await client.register([{ id: 'cam', meta: { name: 'Door' } }]);
  await diary.until(/\+producer cam/);
  return { api, diary, client };
}

beforeEach(async () => {
  installBrowser();
  server = await ScriptedServer.listen();
});

afterEach(async () => {
  for (const api of apis.splice(0)) api.close();
  await server.close();
});

describe('connecting', () => {
  it('registers as a listener of protocol 1.1 with its meta, then asks who is there', async () => {
    const { api, diary } = open({ meta: { name: 'viewer' } });
    const client = await server.accept();
    expect(await client.next()).toEqual({ type: 'setProtocolVersion', version: 'v1_1' });
    client.send({ type: 'welcome', peerId: 'me' });
    expect(await client.next()).toEqual({ type: 'setPeerStatus', roles: ['listener'], meta: { name: 'viewer' } });
    expect(api.createConsumerSession('cam')).toBeNull();
    client.send({ type: 'peerStatusChanged', roles: ['listener'], meta: { name: 'viewer' }, peerId: 'me' });
    expect(await client.take(2)).toEqual([{ type: 'list' }, { type: 'listConsumers' }]);
    expect(diary.lines).toEqual(['connected me']);
    expect(api.clientId).toBe('me');
  });

  it('sees producers come, change and go, and never itself', async () => {
    const { api, diary, client } = await openRegistered();
    client.send({
      type: 'list',
      producers: [
        { id: client.id, meta: null },
        { id: 'cam', meta: { name: 'Door' } },
        { id: 'both', meta: null },
      ],
    });
    client.send({ type: 'peerStatusChanged', roles: ['producer'], meta: { name: 'Gate' }, peerId: 'cam' });
    client.send({ type: 'listConsumers', consumers: [{ id: 'both', meta: null }] });
    client.send({ type: 'peerStatusChanged', roles: [], meta: null, peerId: 'cam' });
    await diary.until(/-producer cam/);
    expect(diary.lines.slice(1)).toEqual([
      '+producer cam {"name":"Door"}',
      '+producer both {}',
      '~producer cam {"name":"Gate"}',
      '+consumer both',
      '-producer cam',
    ]);
    expect(api.getAvailableProducers()).toEqual([{ id: 'both', meta: {} }]);
    expect(api.getAvailableConsumers()).toEqual([{ id: 'both', meta: {} }]);
  });

  it('says in one sentence that the server is not there, backs off, and finds it when it comes', async () => {
    const { port } = server;
    await server.close();
    const { diary } = open({ signalingServerUrl: `ws://127.0.0.1:${port}`, reconnectionTimeout: 10 });
    expect(await diary.until(/^error/)).toMatch(
      new RegExp(`SIGNALLING_UNREACHABLE: The signalling server ws://127.0.0.1:${port} could not be reached`),
    );
    await diary.until(/^reconnecting 3/);
    expect(diary.lines).not.toContain('disconnected');
    server = await ScriptedServer.listen(port);
    await (await server.accept()).register();
    await diary.until(/^connected client-1/);
  });

  it('gives up on a server that accepts but never answers, and tries again', async () => {
    const { diary } = open({ connectTimeout: 1000 });
    await server.accept();
    await diary.until(/SIGNALLING_UNREACHABLE/);
    await (await server.accept()).register();
    await diary.until(/^connected client-2/);
  });

  it('loses sessions and peers with the server, and returns under a new id', async () => {
    const { api, diary, client } = await openRegistered();
    const session = api.createConsumerSession('cam')!;
    session.connect();
    client.socket.terminate();
    await diary.until(/^reconnecting/);
    expect(diary.lines.slice(2, 4)).toEqual(['-producer cam', 'disconnected']);
    expect(session.state).toBe(GstWebRTCAPI.SessionState.closed);
    expect(session.end?.by).toBe('signalling');
    await (await server.accept()).register();
    await diary.until(/^connected client-2/);
  });

  it('does not reconnect when told not to', async () => {
    const { diary, client } = await openRegistered({ reconnectionTimeout: 0 });
    client.socket.close(1001, 'going away');
    expect(await diary.until(/^error/)).toBe(
      `error SIGNALLING_UNREACHABLE: The connection to the signalling server ${server.url} was lost (going away).`,
    );
    expect(diary.lines.some((line) => line.startsWith('reconnecting'))).toBe(false);
  });

  it('survives garbage', async () => {
    const { diary, client } = await openRegistered();
    for (const garbage of ['', '{', '[]', 'null', '{"type":"peer"}', '{"type":"welcome"}', '{"type":7}'])
      client.socket.send(garbage);
    client.socket.send(Buffer.from([0, 1, 2]));
    client.send({ type: 'peer', sessionId: 'nobody', ice: { candidate: '', sdpMLineIndex: 0 } });
    client.send({ type: 'endSession', sessionId: 'nobody' });
    client.send({ type: 'peerStatusChanged', roles: ['producer'], meta: null, peerId: 'after' });
    await diary.until(/\+producer after/);
    expect(diary.lines.filter((line) => line.startsWith('error INVALID_MESSAGE'))).toHaveLength(7);
  });

  it('closes the connection cleanly and for good', async () => {
    const { api, diary, client } = await openRegistered();
    const session = api.createConsumerSession('cam')!;
    session.connect();
    await client.next();
    client.send({ type: 'sessionStarted', peerId: 'cam', sessionId: 's1' });
    client.send({ type: 'peerStatusChanged', roles: ['producer'], meta: null, peerId: 'marker' });
    await diary.until(/marker/);
    api.close();
    api.close();
    expect(await client.next()).toEqual({ type: 'endSession', sessionId: 's1' });
    expect(await client.closed).toBe(1000);
    expect(session.end?.by).toBe('application');
    expect(diary.lines.at(-1)).toBe('disconnected');
    expect(api.createConsumerSession('cam')).toBeNull();
  });
});

describe('listeners', () => {
  it('must have the methods they are for', async () => {
    const { api } = open();
    const bad = [null, 5, {}, { connected() {} }] as never[];
    for (const listener of bad) expect(api.registerConnectionListener(listener)).toBe(false);
    for (const listener of bad) expect(api.registerPeerListener(listener)).toBe(false);
    const good = { producerAdded() {} };
    expect(api.registerPeerListener(good)).toBe(true);
    expect(api.registerPeerListener(good)).toBe(true);
    expect(api.unregisterPeerListener(good)).toBe(true);
    expect(api.unregisterPeerListener(good)).toBe(false);
  });

  it('do not suffer from each other', async () => {
    const reported: unknown[] = [];
    Object.assign(globalThis, { reportError: (error: unknown) => reported.push(error) });
    const api = new GstWebRTCAPI({ signalingServerUrl: server.url });
    apis.push(api);
    const fault = new Error('listener at fault');
    api.registerPeerListener({
      producerAdded: () => {
        throw fault;
      },
    });
    const diary = follow(api);
    await (await server.accept()).register([{ id: 'cam', meta: null }]);
    await diary.until(/\+producer cam/);
    expect(reported).toEqual([fault]);
  });
});

describe('options', () => {
  it.each([
    [{ signalingServerUrl: 'nonsense' }, /"nonsense" is no address/],
    [{ signalingServerUrl: 'ftp://host' }, /must begin with ws:/],
    [{ reconnectionTimeout: Number.NaN }, /reconnectionTimeout must be a number/],
    [{ meta: { big: 1n } }, /meta cannot be written as JSON/],
  ])('fail at once when they are wrong: %o', (config, message) => {
    let thrown: GstWebRTCError | undefined;
    try {
      new GstWebRTCAPI(config);
    } catch (error) {
      thrown = error as GstWebRTCError;
    }
    expect(thrown?.code).toBe('INVALID_OPTION');
    expect(thrown?.message).toMatch(message);
  });

  it('reach the peer connection as they are', async () => {
    const webrtcConfig: RTCConfiguration = { iceServers: [] };
    const { api, client, diary } = await openRegistered({ webrtcConfig });
    const session = api.createConsumerSessionWithOfferOptions('cam', {})!;
    session.connect();
    await client.next();
    expect(FakePeerConnection.made[0]?.configuration).toEqual(webrtcConfig);
    expect(diary.lines).toHaveLength(2);
  });
});
