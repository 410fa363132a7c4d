/** Clusters over real brokers: what the tests on the virtual clock show must hold there too. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { freePort } from '../free-port.testing.ts';
import { BrokerProcess, nats, redis } from './broker-process.testing.ts';
import { Cluster, type ClusterOptions } from './cluster.ts';
import { areEven, Witness } from './witness.testing.ts';

const wait = { timeout: 15_000, interval: 10 };
/** Signs of life ten times as often as usual; still time enough to come back to a broker one after the other. */
const quick = { heartbeatInterval: 200, deadAfter: 3_000 };

interface Member {
  readonly cluster: Cluster;
  readonly witness: Witness;
}

async function join(url: string, options: ClusterOptions = {}): Promise<Member> {
  const witness = new Witness((to, body) => cluster.send(to, body));
  const cluster = await Cluster.open(url, witness, options);
  onTestFinished(() => cluster.close());
  return { cluster, witness };
}

/** Waits until all know all, and have everything that was sent. */
async function even(...members: Member[]): Promise<void> {
  await vi.waitFor(() => {
    for (const one of members)
      for (const other of members)
        if (one !== other) expect(areEven(one.witness, one.cluster.serverId, other.witness, other.cluster.serverId)).toBe(true);
  }, wait);
}

function livesOf(one: Member, other: Member): number {
  return one.witness.of(other.cluster.serverId).lives;
}

/** Lets members talk all the time until the returned function is called. */
function talk(...members: Member[]): () => void {
  const timer = setInterval(() => {
    for (const { witness } of members) for (let count = 0; count < 20; count++) witness.sayToAll('x'.repeat(100));
  }, 5);
  const stop = (): void => clearInterval(timer);
  onTestFinished(stop);
  return stop;
}

function resources(): string[] {
  return process.getActiveResourcesInfo().filter((name) => /TCP|TLS|Timeout|Immediate/.test(name));
}

/** Waits until there is neither socket nor timer. */
async function released(): Promise<void> {
  const until = Date.now() + wait.timeout;
  while (resources().length > 0 && Date.now() < until) await setTimeout(wait.interval);
  expect(resources()).toEqual([]);
}

describe.each([redis, nats])('a cluster over $program', (kind) => {
  async function startBroker(): Promise<BrokerProcess> {
    const broker = await BrokerProcess.start(kind);
    onTestFinished(() => broker.close());
    return broker;
  }

  it('carries everything between two while a third joins and leaves again and again', async () => {
    const { url } = await startBroker();
    const [a, b] = [await join(url, quick), await join(url, quick)];
    await even(a, b);
    const stop = talk(a, b);
    for (let round = 0; round < 4; round++) {
      const c = await join(url, quick);
      await vi.waitFor(() => expect(c.witness.members).toHaveLength(2), wait);
      await c.cluster.close();
      await vi.waitFor(() => expect([a.witness.members.length, b.witness.members.length]).toEqual([1, 1]), wait);
    }
    stop();
    await even(a, b);
    expect([livesOf(a, b), livesOf(b, a)]).toEqual([1, 1]);
    expect(a.witness.of(b.cluster.serverId).sent).toBeGreaterThan(100);
  });

  it('loses nothing when the broker is killed and started again', async () => {
    const broker = await startBroker();
    const [a, b, c] = [await join(broker.url, quick), await join(broker.url, quick), await join(broker.url, quick)];
    await even(a, b, c);
    const stop = talk(a, b, c);
    for (let round = 0; round < 2; round++) {
      await broker.kill();
      await vi.waitFor(() => expect([a, b, c].map(({ cluster }) => cluster.isConnected)).toEqual([false, false, false]), wait);
      await broker.start();
      await vi.waitFor(() => expect([a, b, c].map(({ cluster }) => cluster.isConnected)).toEqual([true, true, true]), wait);
    }
    stop();
    await even(a, b, c);
    for (const one of [a, b, c]) {
      expect(one.witness.connectionChanges).toEqual([false, true, false, true]);
      for (const other of [a, b, c]) if (one !== other) expect(livesOf(one, other)).toBe(1);
    }
  });

  it('connects anew to a broker that hangs, and loses nothing', async () => {
    const broker = await startBroker();
    const [a, b] = [await join(broker.url, quick), await join(broker.url, quick)];
    await even(a, b);
    broker.signal('SIGSTOP');
    a.witness.sayToAll();
    await vi.waitFor(() => expect(a.witness.connectionChanges).toEqual([false]), wait);
    broker.signal('SIGCONT');
    await vi.waitFor(() => expect(a.witness.connectionChanges.at(-1)).toBe(true), wait);
    await even(a, b);
    expect([livesOf(a, b), livesOf(b, a)]).toEqual([1, 1]);
  });

  it('keeps apart what has different prefixes', async () => {
    const { url } = await startBroker();
    const [a, b] = [await join(url, { prefix: 'one' }), await join(url, { prefix: 'one' })];
    const stranger = await join(url, { prefix: 'two' });
    await even(a, b);
    expect(stranger.cluster.members).toEqual([]);
    expect(a.cluster.members).toEqual([b.cluster.serverId]);
  });

  it('leaves neither socket nor timer', async () => {
    const broker = await startBroker();
    const { cluster } = await join(broker.url);
    expect(resources()).toContain('TCPSocketWrap');
    await Promise.all([cluster.close(), cluster.close()]);
    await released();
    const away = await join(broker.url);
    await broker.kill();
    await vi.waitFor(() => expect(away.cluster.isConnected).toBe(false), wait);
    await away.cluster.close();
    await released();
  });

  it('says in one sentence, without credentials, that there is no broker', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const error = await Cluster.open(`${kind.scheme}://user:secret@${address}`, new Witness(() => {})).catch((e: unknown) => e);
    expect(error).toMatchObject({
      code: 'CLUSTER_UNREACHABLE',
      message: expect.stringMatching(
        new RegExp(
          `^The broker ${kind.scheme}://${address} of the cluster cannot be reached \\([^)]+\\): check that it runs, .+\\.$`,
        ),
      ),
    });
    expect(inspect(error, { depth: Infinity, showHidden: true })).not.toContain('secret');
    await released();
  });

  it('gives up on something that takes connections but says nothing', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    const sockets: Socket[] = [];
    silent.on('connection', (socket) => sockets.push(socket.on('error', () => {})));
    await once(silent, 'listening');
    onTestFinished(() => closeAll(silent, sockets));
    const { port } = silent.address() as { port: number };
    const since = performance.now();
    await expect(Cluster.open(`${kind.scheme}://127.0.0.1:${port}`, new Witness(() => {}))).rejects.toMatchObject({
      code: 'CLUSTER_UNREACHABLE',
    });
    expect(performance.now() - since).toBeLessThan(8_000);
  });
});

it('does not tell a password that Redis refuses', async () => {
  const broker = await BrokerProcess.start(redis);
  onTestFinished(() => broker.close());
  const url = broker.url.replace('//', '//user:secret@');
  const error = await Cluster.open(url, new Witness(() => {})).catch((e: unknown) => e);
  expect(error).toMatchObject({ code: 'CLUSTER_UNREACHABLE', message: expect.stringContaining('WRONGPASS') });
  expect(inspect(error, { depth: Infinity, showHidden: true })).not.toContain('secret');
});

function closeAll(server: Server, sockets: Socket[]): void {
  server.close();
  for (const socket of sockets) socket.destroy();
}
