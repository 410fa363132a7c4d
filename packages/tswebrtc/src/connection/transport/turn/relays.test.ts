import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { TEST_CERTIFICATE } from '../../../../../signalling-server/src/test-certificate.testing.ts';
import { type Logger, silentLogger } from '../../../common/logger.ts';
import { NodeSrtpSender } from '../../srtp/node-srtp-sender.ts';
import type { ConnectionOptions, IceServer } from '../../types.ts';
import { createTransport } from '../transport.ts';
import type { Transport } from '../types.ts';
import { type TestTurnServer, type TestTurnServerOptions, turnServer } from './turn-server.testing.ts';

const RECEIVER_REPORT = Buffer.from('80c9000100001234', 'hex');

const cleanUp: (() => unknown)[] = [];
let warnings: string[] = [];
const logger: Logger = {
  ...silentLogger,
  warn: (fields, message) => void warnings.push(`${message} ${JSON.stringify(fields)}`),
  child: () => logger,
};

afterEach(async () => {
  for (const free of cleanUp.splice(0).reverse()) await free();
  warnings = [];
});

async function server(options?: TestTurnServerOptions): Promise<TestTurnServer> {
  const made = await turnServer(options);
  cleanUp.push(() => made.close());
  return made;
}

/** Where nobody answers. */
async function deadServer(): Promise<IceServer> {
  const dead = await server();
  dead.dead = true;
  return { ...dead.iceServer, urls: dead.iceServer.urls.replace('127.0.0.1', 'localhost') };
}

async function transport(iceServers: readonly IceServer[], options: Partial<ConnectionOptions> = {}): Promise<Transport> {
  const srtpSender = new NodeSrtpSender();
  const made = await createTransport({
    srtpSender,
    dataChannels: false,
    iceServers,
    iceTransportPolicy: 'relay',
    turnTls: { ca: TEST_CERTIFICATE },
    logger,
    ...options,
  });
  cleanUp.push(
    () => srtpSender.close(),
    () => made.close(),
  );
  return made;
}

/** Two ends that know each other; their candidates, as they come. */
async function connecting(
  servers: readonly (readonly IceServer[])[],
  options: Partial<ConnectionOptions> = {},
): Promise<{ a: Transport; b: Transport; lines: string[] }> {
  const [a, b] = await Promise.all([transport(servers[0]!, options), transport(servers[1] ?? servers[0]!, options)]);
  const lines: string[] = [];
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const) {
    one.on('candidate', (line) => {
      if (line !== '') lines.push(line);
      void other.addRemoteCandidate(line);
    });
  }
  void a.gather();
  void b.gather();
  a.start(b.local, { ice: 'controlling', dtls: 'server', dataChannels: false });
  b.start(a.local, { ice: 'controlled', dtls: 'client', dataChannels: false });
  return { a, b, lines };
}

async function connected(...args: Parameters<typeof connecting>): ReturnType<typeof connecting> {
  const pair = await connecting(...args);
  await until('connected', () => pair.a.state === 'connected' && pair.b.state === 'connected');
  return pair;
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`${what}: not within 10 s`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Resolves when something that `from` sends from now on has come. */
async function arrives(from: Transport, to: Transport): Promise<void> {
  let got = false;
  const heard = (): void => {
    got = true;
  };
  to.on('rtcp', heard);
  await until('something arrives', () => {
    from.sendRtcp(RECEIVER_REPORT);
    return got;
  });
  to.off('rtcp', heard);
}

/** What keeps a process alive, by kind. The timer of `until` is one itself. */
const resources = (): string[] => process.getActiveResourcesInfo().sort();

async function nothingMoreThan(before: readonly string[]): Promise<void> {
  await until(`back to ${before} from ${resources()}`, () => resources().length <= before.length + 1);
}

describe('a relay', () => {
  it.each(['iceServer', 'overTcp', 'overTls'] as const)('carries a connection, and is given back at its end: %s', async (way) => {
    const turn = await server();
    const before = resources();
    const { a, b, lines } = await connected([[turn[way]]]);
    expect(lines).toHaveLength(2);
    // Nothing tells where we are.
    for (const line of lines) expect(line).toContain(' typ relay raddr 0.0.0.0 rport 0 ');
    await arrives(a, b);
    await arrives(b, a);
    await until('channels', () => turn.inChannels > 0);
    expect(turn.allocations.size).toBe(2);
    await a.close();
    await until('goodbye', () => b.state === 'closed');
    await b.close();
    await until('no allocation', () => turn.allocations.size === 0);
    await nothingMoreThan(before);
  });

  it('is an IPv6 one where the server has no other', async () => {
    const turn = await server({ host: '::1' });
    const { a, b, lines } = await connected([[turn.iceServer]]);
    for (const line of lines) expect(line).toMatch(/ ::1 \d+ typ relay raddr :: rport 0 /);
    await arrives(a, b);
  });

  it.each(['none', 'first'] as const)('that is never allocated holds nothing up: the server answers %s', async (answers) => {
    const turn = await server({ answers });
    const before = resources();
    const only = await transport([turn.iceServer]);
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
    const [first, second] = [await transport([iceServer]), await transport([iceServer])];
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

describe('several TURN servers', () => {
  it('one that is dead is not waited for, and one line says so, without the credentials', async () => {
    const dead = await deadServer();
    const turn = await server();
    const since = performance.now();
    const { a, b, lines } = await connected([[dead, turn.iceServer]]);
    expect(performance.now() - since).toBeLessThan(2000);
    await arrives(a, b);
    await until('both have given up', () => warnings.length === 2);
    expect(warnings[0]).toBe(`no relay on a TURN server {"server":"${dead.urls as string}","reason":"no answer"}`);
    expect(lines).toHaveLength(2);
  });

  it.each([
    ['wrong credentials', (turn: TestTurnServer) => turn.users.set('user', 'another'), 'the credentials were refused (401)'],
    ['no room', (turn: TestTurnServer) => (turn.refuse = { code: 486 }), 'refused: 486 because'],
  ])('one that refuses costs one line: %s', async (_, provoke, reason) => {
    const [refusing, turn] = [await server(), await server()];
    provoke(refusing);
    const elsewhere = { ...turn.iceServer, urls: turn.iceServer.urls.replace('127.0.0.1', 'localhost') };
    await connected([[refusing.iceServer, elsewhere]]);
    await until('lines', () => warnings.length === 2);
    for (const line of warnings)
      expect(line).toBe(`no relay on a TURN server ${JSON.stringify({ server: refusing.iceServer.urls, reason })}`);
  });

  it('the ways to one host are tried in turn, and one relay is made', async () => {
    const [dead, turn] = [await server(), await server()];
    dead.dead = true;
    const { lines } = await connected([[dead.iceServer, turn.overTcp, turn.overTls]]);
    expect(lines).toHaveLength(2);
    expect(turn.allocations.size).toBe(2);
  });

  it('one that sends us on is followed', async () => {
    const [first, second] = [await server(), await server()];
    first.refuse = { code: 300, alternate: ['127.0.0.1', Number(second.iceServer.urls.split(':')[2])] };
    await connected([[first.iceServer]]);
    expect(second.allocations.size).toBe(2);
  });

  it('none gives a relay: the connection fails at once, and says why', async () => {
    const turn = await server();
    turn.users.clear();
    const { a, b } = await connecting([[turn.iceServer]]);
    await until('failed', () => a.state === 'failed' && b.state === 'failed');
    expect(a.failure).toBe('no TURN server gave a relay, and nothing else may be used');
  });

  it('a certificate that nobody vouches for is not accepted unless that is asked for', async () => {
    const turn = await server();
    const { a } = await connecting([[turn.overTls]], { turnTls: {} });
    await until('failed', () => a.state === 'failed');
    expect(warnings[0]).toContain('self-signed certificate');
    await connected([[turn.overTls]], { turnTls: { insecureTls: true } });
  });
});

describe('a relay that is lost', () => {
  it('to a server that has forgotten it is replaced, and the connection goes on', async () => {
    const turn = await server();
    turn.lifetime = 2;
    const { a, b } = await connected([[turn.iceServer]]);
    turn.forget();
    await until('lost', () => warnings.length === 2);
    expect(warnings[0]).toContain('the relay on a TURN server is lost');
    expect(warnings[0]).toContain('437');
    await until('two new ones', () => turn.allocations.size === 2);
    await arrives(a, b);
    await arrives(b, a);
  });

  it('with its server gives way to that of another server', async () => {
    const [first, second] = [await server(), await server()];
    const elsewhere = { ...second.iceServer, urls: second.iceServer.urls.replace('127.0.0.1', 'localhost') };
    const { a, b, lines } = await connected([[first.iceServer, elsewhere]], { disconnectedTimeout: 1000 });
    await until('two relays each', () => lines.length === 4);
    await arrives(a, b);
    // The one in use is that of the server whose channels carry something.
    const used = first.inChannels > second.inChannels ? first : second;
    used.dead = true;
    await arrives(a, b);
    await arrives(b, a);
  });

  it('because its credentials have expired is kept with newer ones', async () => {
    const turn = await server();
    turn.lifetime = 2;
    const { a, b } = await connected([[turn.iceServer]]);
    turn.users.clear();
    turn.users.set('newer', 'secret');
    const silences: number[] = [];
    let heardAt = performance.now();
    b.on('rtcp', () => {
      silences.push(performance.now() - heardAt);
      heardAt = performance.now();
    });
    const sending = setInterval(() => a.sendRtcp(RECEIVER_REPORT), 20);
    cleanUp.push(() => clearInterval(sending));
    for (const end of [a, b]) end.setIceServers([{ ...turn.iceServer, username: 'newer' }]);
    // This server keeps an allocation to its first user, as RFC 8656 §5 wants it: others have to be made.
    await until('new ones', () => [...turn.allocations].filter(([, { username }]) => username === 'newer').length === 2);
    turn.forget('user');
    await arrives(a, b);
    expect(Math.max(...silences)).toBeLessThan(1500);
    expect(a.state).toBe('connected');
  });
});
