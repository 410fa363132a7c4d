import { SignallingServer } from '@tswebrtc/signalling-server';
import { afterEach, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { TEST_CERTIFICATE, testCertificateFiles } from '../../../signalling-server/src/test-certificate.testing.ts';
import { DefaultSignaller, type DefaultSignallerOptions } from './default-signaller.ts';
import type { Meta, SignallerEvents } from './signaller.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const quick = { initial: 20, max: 40 };

async function listen(options: Parameters<typeof SignallingServer.listen>[0] = {}): Promise<SignallingServer> {
  const server = await SignallingServer.listen({ port: 0, ...options });
  cleanups.push(() => server.close());
  return server;
}

/** A signaller, everything it emitted, and the next event of a kind. */
class Probe {
  readonly signaller: DefaultSignaller;
  readonly events: [keyof SignallerEvents, ...unknown[]][] = [];
  #cursor = 0;
  #wake: (() => void) | undefined;

  constructor(options: DefaultSignallerOptions) {
    this.signaller = new DefaultSignaller({ backoff: quick, ...options });
    cleanups.push(() => this.signaller.stop());
    const names: (keyof SignallerEvents)[] = [
      'registered',
      'session-requested',
      'session-started',
      'session-ended',
      'session-description',
      'handle-ice',
      'ice-servers',
      'producer-added',
      'producer-removed',
      'disconnected',
      'error',
      'shutdown',
    ];
    for (const name of names)
      this.signaller.on(name, (...args: unknown[]) => {
        this.events.push([name, ...args]);
        this.#wake?.();
      });
  }

  start(meta: Meta | null = null): this {
    this.signaller.start({ requestMeta: () => meta });
    return this;
  }

  /** The next event not taken yet. */
  async next(): Promise<[keyof SignallerEvents, ...unknown[]]> {
    while (this.#cursor >= this.events.length)
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`No event came; so far ${JSON.stringify(this.events)}`)), 5_000);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    return this.events[this.#cursor++]!;
  }
}

/** A server under the test's control, which records what it is sent. */
class FakeServer {
  readonly url: string;
  readonly requests: { url: string | undefined; headers: Record<string, unknown> }[] = [];
  readonly received: unknown[] = [];
  readonly closes: number[] = [];
  #sockets: WebSocket[] = [];
  #wake: (() => void)[] = [];

  private constructor(server: WebSocketServer) {
    this.url = `ws://127.0.0.1:${(server.address() as { port: number }).port}`;
    server.on('connection', (socket, request) => {
      this.requests.push({ url: request.url, headers: request.headers });
      this.#sockets.push(socket);
      socket.on('message', (data) => {
        this.received.push(JSON.parse(String(data)));
        this.#notify();
      });
      socket.on('close', (code) => {
        this.closes.push(code);
        this.#notify();
      });
      this.#notify();
    });
  }

  static async listen(): Promise<FakeServer> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await new Promise((resolve) => server.once('listening', resolve));
    cleanups.push(() => {
      for (const client of server.clients) client.terminate();
      server.close();
    });
    return new FakeServer(server);
  }

  get socket(): WebSocket {
    return this.#sockets.at(-1)!;
  }

  send(message: object | string): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  async until(done: () => boolean): Promise<void> {
    while (!done())
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`Not reached; received ${JSON.stringify(this.received)}`)), 5_000);
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

describe('with the server', () => {
  it('carries a session from its start to its end (both roles)', async () => {
    const server = await listen();
    const uri = server.urls[0]!;
    const producer = new Probe({ uri, role: 'producer' }).start({ name: 'cam' });
    const [, producerId] = (await producer.next()) as ['registered', string];
    expect(producer.signaller.clientId).toBe(producerId);
    const consumer = new Probe({ uri, producerPeerId: producerId }).start();
    const registeredAndStarted = [await consumer.next(), await consumer.next()];
    const consumerId = registeredAndStarted.find(([name]) => name === 'registered')![1];
    const [, sessionId] = registeredAndStarted.find(([name]) => name === 'session-started') as [string, string];
    expect(registeredAndStarted).toContainEqual(['session-started', sessionId, producerId]);
    expect(await producer.next()).toEqual(['session-requested', sessionId, consumerId, undefined]);

    const offer = { type: 'offer', sdp: 'v=0\r\n' } as const;
    const answer = { type: 'answer', sdp: 'v=0\r\ns=a\r\n' } as const;
    producer.signaller.sendSdp(sessionId, offer);
    for (let i = 0; i < 50; i++) producer.signaller.addIce(sessionId, `c${i}`, i);
    producer.signaller.addIce(sessionId, '', 0);
    expect(await consumer.next()).toEqual(['session-description', sessionId, offer]);
    for (let i = 0; i < 50; i++) expect(await consumer.next()).toEqual(['handle-ice', sessionId, i, undefined, `c${i}`]);
    expect(await consumer.next()).toEqual(['handle-ice', sessionId, 0, undefined, '']);
    consumer.signaller.sendSdp(sessionId, answer);
    expect(await producer.next()).toEqual(['session-description', sessionId, answer]);
    producer.signaller.endSession(sessionId, 'out of film');
    expect(await consumer.next()).toEqual(['session-ended', sessionId, 'out of film']);
  });

  it('asks for ICE servers where it shall, knows them before its session begins, and asks again in time', async () => {
    const iceServers = { urls: ['stun:stun.example.org', 'turn:turn.example.org'], secret: 's', ttl: 1 };
    const server = await SignallingServer.listen({ port: 0, iceServers });
    cleanups.push(() => server.close());
    const uri = server.urls[0]!;
    const producer = new Probe({ uri, role: 'producer' }).start();
    const [, producerId] = (await producer.next()) as ['registered', string];
    for (const makeOffer of [false, true]) {
      const consumer = new Probe({ uri, producerPeerId: producerId, requestIceServers: true, makeOffer }).start();
      expect(await consumer.next()).toEqual([
        'ice-servers',
        [
          { urls: ['stun:stun.example.org'] },
          { urls: ['turn:turn.example.org'], username: expect.any(String), credential: expect.any(String) },
        ],
      ]);
      const then = [await consumer.next(), await consumer.next(), await consumer.next()].map(([name]) => name);
      expect(then.sort()).toEqual(['ice-servers', 'registered', makeOffer ? 'session-requested' : 'session-started']);
      await consumer.signaller.stop();
    }
  });

  it('goes on without ICE servers where the server has never heard of them', async () => {
    const fake = await FakeServer.listen();
    const probe = new Probe({ uri: fake.url, role: 'producer', requestIceServers: true }).start();
    await fake.until(() => fake.requests.length === 1);
    fake.send({ type: 'welcome', peerId: 'p' });
    expect(await probe.next()).toEqual(['registered', 'p']);
    expect(fake.received.map((message) => (message as { type: string }).type)).toEqual([
      'setProtocolVersion',
      'iceServers',
      'setPeerStatus',
    ]);
  });

  it('passes an offer of the consumer on, and an end without a reason', async () => {
    const server = await listen();
    const uri = server.urls[0]!;
    const producer = new Probe({ uri, role: 'producer' }).start();
    const [, producerId] = (await producer.next()) as ['registered', string];
    const consumer = new Probe({ uri }).start();
    const [, consumerId] = await consumer.next();
    consumer.signaller.startSession(producerId, 'v=0');
    const [, sessionId] = (await consumer.next()) as ['session-started', string];
    expect(await producer.next()).toEqual(['session-requested', sessionId, consumerId, { type: 'offer', sdp: 'v=0' }]);
    consumer.signaller.endSession(sessionId);
    expect(await producer.next()).toEqual(['session-ended', sessionId, undefined]);
  });

  it('is registered only when the server has its status', async () => {
    const server = await listen();
    const uri = server.urls[0]!;
    for (let i = 0; i < 20; i++) {
      const producer = new Probe({ uri, role: 'producer' }).start({ n: i });
      const [, producerId] = await producer.next();
      const listener = new Probe({ uri, role: 'listener' }).start();
      expect([await listener.next(), await listener.next()]).toContainEqual(['producer-added', producerId, { n: i }, false]);
      await Promise.all([producer.signaller.stop(), listener.signaller.stop()]);
    }
  });

  it('tells a listener of the producers that are there, come and go', async () => {
    const server = await listen();
    const uri = server.urls[0]!;
    const first = new Probe({ uri, role: 'producer' }).start({ n: 1 });
    const [, firstId] = await first.next();
    const listener = new Probe({ uri, role: 'listener' }).start();
    expect([await listener.next(), await listener.next()]).toContainEqual(['producer-added', firstId, { n: 1 }, false]);
    const second = new Probe({ uri, role: 'producer' }).start();
    const [, secondId] = await second.next();
    expect(await listener.next()).toEqual(['producer-added', secondId, null, true]);
    await first.signaller.stop();
    expect(await listener.next()).toEqual(['producer-removed', firstId, { n: 1 }]);
  });

  it('waits for the first producer when there is none yet', async () => {
    const server = await listen();
    const uri = server.urls[0]!;
    const consumer = new Probe({ uri: `${uri}?connect-to-first-producer=1` }).start();
    await consumer.next();
    const producer = new Probe({ uri, role: 'producer' }).start();
    const [, producerId] = await producer.next();
    expect(await consumer.next()).toEqual(['session-started', expect.any(String), producerId]);
  });

  it('reports a refusal of the server and goes on', async () => {
    const server = await listen();
    const probe = new Probe({ uri: server.urls[0]! }).start();
    await probe.next();
    probe.signaller.startSession('nobody');
    const [name, error] = await probe.next();
    expect(name).toBe('error');
    expect(error).toMatchObject({ code: 'SIGNALLING_REFUSED', message: expect.stringContaining('nobody') });
    expect(server.peerCount).toBe(1);
  });

  it('leaves with a clean close, and may start again', async () => {
    const server = await listen();
    const probe = new Probe({ uri: server.urls[0]!, role: 'producer' }).start();
    const [, firstId] = await probe.next();
    const stopping = probe.signaller.stop();
    expect(probe.signaller.stop()).toBe(stopping);
    await stopping;
    expect([server.peerCount, probe.signaller.clientId]).toEqual([0, undefined]);
    probe.start();
    const [name, secondId] = await probe.next();
    expect(name).toBe('registered');
    expect(secondId).not.toBe(firstId);
    expect(() => probe.start()).toThrow(expect.objectContaining({ code: 'INVALID_STATE' }));
  });
});

describe('when the server is lost', () => {
  it('says so, comes back and registers anew with the meta of that moment', async () => {
    const first = await listen();
    const { port } = first;
    let meta: Meta = { n: 1 };
    const probe = new Probe({ uri: first.urls[0]!, role: 'producer' });
    probe.signaller.start({ requestMeta: () => meta });
    const [, firstId] = await probe.next();
    await first.close();
    meta = { n: 2 };
    expect(await probe.next()).toEqual([
      'disconnected',
      expect.stringMatching(/^The signalling server at .*1001.* again in .* s\.$/),
    ]);
    const [, failure] = await probe.next();
    expect(failure).toMatchObject({ code: 'SIGNALLING_UNREACHABLE', message: expect.stringContaining(`127.0.0.1:${port}`) });
    const second = await listen({ port });
    for (let event = await probe.next(); event[0] !== 'registered'; event = await probe.next()) expect(event[0]).toBe('error');
    expect(probe.signaller.clientId).not.toBe(firstId);
    const listener = new Probe({ uri: second.urls[0]!, role: 'listener' }).start();
    const added = ['producer-added', probe.signaller.clientId, { n: 2 }, false];
    expect([await listener.next(), await listener.next()]).toContainEqual(added);
  });

  it('tells a listener which producers did not come back', async () => {
    const first = await listen();
    const { port } = first;
    const producer = new Probe({ uri: first.urls[0]!, role: 'producer' }).start();
    const [, producerId] = await producer.next();
    const listener = new Probe({ uri: first.urls[0]!, role: 'listener' }).start();
    await listener.next();
    await listener.next();
    await producer.signaller.stop();
    await listener.next(); // removed
    const again = producer.start();
    await again.next();
    await listener.next(); // added
    const gone = again.signaller.clientId;
    expect(gone).not.toBe(producerId);
    await first.close();
    await producer.signaller.stop();
    await listen({ port });
    for (;;) {
      const [name, id] = await listener.next();
      if (name !== 'producer-removed') continue;
      expect(id).toBe(gone);
      break;
    }
  });

  it('waits longer after every failure, and reports each one once', async () => {
    const server = await listen();
    const { port } = server;
    await server.close();
    const random = (): number => 0.999;
    const probe = new Probe({
      uri: `ws://127.0.0.1:${port}`,
      role: 'producer',
      backoff: { initial: 100, max: 400, random },
    }).start();
    const waits: string[] = [];
    for (let i = 0; i < 4; i++) {
      const [name, error] = await probe.next();
      expect(name).toBe('error');
      waits.push(/again in ([\d.]+) s\.$/.exec((error as Error).message)![1]!);
    }
    expect(waits).toEqual(['0.1', '0.2', '0.4', '0.4']);
    expect(probe.events).toHaveLength(4);
  });

  it('can be stopped while it waits or connects, and then tries no more', async () => {
    const silent = await listen();
    const { port } = silent;
    await silent.close();
    const uri = `ws://127.0.0.1:${port}`;
    const backoff = { initial: 100, random: () => 0 };
    // The control starts last: by the time it has come back, those that were stopped would have, too.
    const [waiting, connecting, control] = [
      new Probe({ uri, backoff }),
      new Probe({ uri, backoff }),
      new Probe({ uri, backoff }),
    ];
    connecting.start();
    await connecting.signaller.stop();
    waiting.start();
    await waiting.next();
    control.start();
    await control.next();
    await waiting.signaller.stop();
    const server = await listen({ port });
    for (let event = await control.next(); event[0] !== 'registered'; event = await control.next())
      expect(event[0]).toBe('error');
    expect(server.peerCount).toBe(1);
    expect([waiting.events.length, connecting.events]).toEqual([1, []]);
  });

  it('gives an attempt up when no welcome comes in time', async () => {
    const fake = await FakeServer.listen();
    const probe = new Probe({ uri: fake.url, connectTimeout: 80 }).start();
    const [name, error] = await probe.next();
    expect(name).toBe('error');
    expect(error).toMatchObject({ code: 'SIGNALLING_UNREACHABLE', message: expect.stringContaining('0.08 s') });
    await fake.until(() => fake.requests.length >= 2); // and tries again
  });
});

describe('on the wire', () => {
  it('chooses version 1.1 before the welcome and registers after it', async () => {
    const fake = await FakeServer.listen();
    const probe = new Probe({ uri: fake.url, role: 'producer' }).start({ name: 'cam' });
    await fake.until(() => fake.received.length === 1);
    expect(fake.received).toEqual([{ type: 'setProtocolVersion', version: 'v1_1' }]);
    fake.send({ type: 'welcome', peerId: 'p' });
    expect(await probe.next()).toEqual(['registered', 'p']);
    probe.signaller.sendSdp('s', { type: 'offer', sdp: 'v=0' });
    probe.signaller.addIce('s', 'c', 3, 'mid');
    probe.signaller.endSession('s');
    probe.signaller.endSession('t', 'why');
    await probe.signaller.stop();
    await fake.until(() => fake.closes.length === 1);
    expect(fake.received.slice(1)).toEqual([
      { type: 'setPeerStatus', roles: ['producer'], meta: { name: 'cam' }, peerId: 'p' },
      { type: 'peer', sessionId: 's', sdp: { type: 'offer', sdp: 'v=0' } },
      { type: 'peer', sessionId: 's', ice: { candidate: 'c', sdpMLineIndex: 3 } },
      { type: 'endSession', sessionId: 's' },
      { type: 'endSessionV1_1', sessionId: 't', error: 'why' },
      { type: 'endSession', sessionId: 't' },
    ]);
    expect(fake.closes).toEqual([1000]);
  });

  it.each([
    [{}, ['consumer'], undefined],
    [{ producerPeerId: 'x' }, [], { type: 'startSession', peerId: 'x', offer: null }],
    [{ connectToFirstProducer: true }, [], { type: 'list' }],
    [{ role: 'listener' as const }, ['listener'], { type: 'list' }],
  ])('registers with %j in the roles %j', async (options, roles, then) => {
    const fake = await FakeServer.listen();
    const probe = new Probe({ uri: fake.url, ...options }).start();
    await fake.until(() => fake.requests.length === 1);
    fake.send({ type: 'welcome', peerId: 'p' });
    await probe.next();
    const expected = [{ type: 'setPeerStatus', roles, meta: null, peerId: 'p' }, ...(then ? [then] : [])];
    expect(fake.received.slice(1)).toEqual(expected);
  });

  it('keeps the query of the URI but for our own parameters, and sends the headers', async () => {
    const fake = await FakeServer.listen();
    const uri = `${fake.url.replace('ws:', 'gstwebrtc:')}/path?token=a%20b&peer-id=x&connect-to-first-producer&z`;
    new Probe({ uri, headers: { Authorization: 'Bearer t', 'X-Number': 7 } }).start();
    await fake.until(() => fake.requests.length === 1);
    expect(fake.requests[0]).toMatchObject({
      url: '/path?token=a%20b&z',
      headers: { authorization: 'Bearer t', 'x-number': '7' },
    });
  });

  it('survives whatever the server says', async () => {
    const fake = await FakeServer.listen();
    const probe = new Probe({ uri: fake.url, role: 'consumer' }).start();
    await fake.until(() => fake.requests.length === 1);
    fake.send({ type: 'welcome', peerId: 'p' });
    await probe.next();
    for (const message of [
      'nonsense',
      '{"type":"future","x":1}',
      '{"type":"peer","sessionId":"s"}',
      '{"type":"listConsumers","consumers":[]}',
      '{"type":"startSession","peerId":"k","sessionId":"s","offer":null}',
      '{"type":"welcome","peerId":"q"}',
      '{"type":"peerStatusChanged","roles":["producer"],"meta":"no object","peerId":"m"}',
      '{"type":"endSessionV1_1","sessionId":"s","error":null}',
    ])
      fake.send(message);
    fake.socket.send(Buffer.from('{"type":"endSession","sessionId":"b"}'), { binary: true });
    expect(await probe.next()).toEqual(['producer-added', 'm', null, true]);
    expect(await probe.next()).toEqual(['session-ended', 's', undefined]);
    fake.send({ type: 'endSession', sessionId: 'last' });
    expect(await probe.next()).toEqual(['session-ended', 'last', undefined]);
    expect(probe.signaller.clientId).toBe('p');
  });

  it('answers the Close of the server, and sees the loss once', async () => {
    const fake = await FakeServer.listen();
    const probe = new Probe({ uri: fake.url, backoff: { initial: 60_000 } }).start();
    await fake.until(() => fake.requests.length === 1);
    fake.send({ type: 'welcome', peerId: 'p' });
    await probe.next();
    fake.socket.close(4000, 'maintenance');
    await fake.until(() => fake.closes.length === 1);
    expect(await probe.next()).toEqual(['disconnected', expect.stringContaining('maintenance')]);
    expect(fake.closes).toEqual([4000]);
    probe.signaller.sendSdp('s', { type: 'offer', sdp: 'v=0' }); // is dropped, harmlessly
    await probe.signaller.stop();
    expect(probe.events).toHaveLength(2);
  });

  it('reports a meta that cannot be sent, and registers without it', async () => {
    const server = await listen();
    const probe = new Probe({ uri: server.urls[0]!, role: 'producer' }).start({ n: 1n });
    expect((await probe.next())[0]).toBe('error');
    expect((await probe.next())[0]).toBe('registered');
  });
});

describe('TLS', () => {
  it('refuses a certificate it has no reason to trust, and takes it with cafile, ca or insecureTls', async () => {
    const files = await testCertificateFiles();
    cleanups.push(files.remove);
    const server = await listen({ cert: files.cert, key: files.key });
    const uri = server.urls[0]!;
    const strict = new Probe({ uri }).start();
    const [name, error] = await strict.next();
    expect(name).toBe('error');
    expect(error).toMatchObject({ code: 'SIGNALLING_UNREACHABLE', message: expect.stringContaining('certificate') });
    for (const options of [{ cafile: files.cert }, { ca: TEST_CERTIFICATE }, { insecureTls: true }])
      expect((await new Probe({ uri, ...options }).start().next())[0]).toBe('registered');
  });

  it('names the file that holds no certificate', async () => {
    const files = await testCertificateFiles();
    cleanups.push(files.remove);
    for (const cafile of [files.key, `${files.folder}/missing.pem`])
      expect(() => new DefaultSignaller({ cafile })).toThrow(
        expect.objectContaining({ code: 'CERTIFICATE_UNREADABLE', message: expect.stringContaining(cafile) }),
      );
  });
});

describe('options that are refused at once', () => {
  it.each<[DefaultSignallerOptions, string]>([
    [{ headers: { 'bad name': 'x' } }, 'bad name'],
    [{ headers: { Authorization: 'a\nb' } }, 'Authorization'],
    [{ headers: { 'X-Object': {} } }, 'X-Object'],
    [{ uri: 'http://127.0.0.1' }, 'http://127.0.0.1'],
    [{ uri: 'ws://' }, 'ws://'],
    [{ uri: 'nonsense' }, 'nonsense'],
    [{ role: 'viewer' as 'consumer' }, 'viewer'],
    [{ connectTimeout: 0 }, '0'],
  ])('%j', (options, named) => {
    expect(() => new DefaultSignaller(options)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining(named) }),
    );
  });

  it('never show a secret', () => {
    const messages: string[] = [];
    for (const options of [{ headers: { Authorization: 'secret\n' } }, { uri: 'ws://u:secret@:x?token=secret' }])
      try {
        new DefaultSignaller(options);
      } catch (error) {
        messages.push((error as Error).message);
      }
    expect(messages).toHaveLength(2);
    expect(messages.join()).not.toContain('secret');
    expect(new DefaultSignaller({ uri: 'ws://u:secret@host:1/p?token=secret' }).uri).toBe('ws://host:1/p');
  });
});
