import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Cluster, type ClusterHandler, type ClusterOptions } from './cluster.ts';
import { MemoryBroker } from './memory-bus.testing.ts';

const URL = 'redis://not-used';

/** Remembers what it is told, in order. */
class Recorder implements ClusterHandler {
  readonly told: unknown[] = [];
  memberJoined(): void {
    this.told.push('joined');
  }
  memberLeft(): void {
    this.told.push('left');
  }
  message(_serverId: string, body: unknown): void {
    this.told.push(body);
  }
  connectionChanged(isConnected: boolean): void {
    this.told.push(isConnected ? 'connected' : 'disconnected');
  }
}

async function open(broker: MemoryBroker, options: ClusterOptions = {}) {
  const handler = new Recorder();
  const bus = broker.connect();
  const cluster = await Cluster.open(URL, handler, { bus, ...options });
  onTestFinished(() => cluster.close());
  return { cluster, handler, bus };
}

async function openTwo(options?: ClusterOptions) {
  const broker = new MemoryBroker();
  const one = await open(broker, options);
  const other = await open(broker, options);
  await vi.waitFor(() =>
    expect([one.cluster.members, other.cluster.members]).toEqual([[other.cluster.serverId], [one.cluster.serverId]]),
  );
  return { broker, one, other };
}

describe('a cluster', () => {
  it('calls its handler only when that can know the cluster', async () => {
    const broker = new MemoryBroker();
    await open(broker);
    let cluster: Cluster | undefined;
    const joined = new Promise<void>((resolve) => {
      const handler: ClusterHandler = {
        memberJoined: (serverId) => {
          cluster!.send(serverId, 'snapshot');
          resolve();
        },
        memberLeft: () => {},
        message: () => {},
      };
      void Cluster.open(URL, handler, { bus: broker.connect() }).then((opened) => (cluster = opened));
    });
    await joined;
    onTestFinished(() => cluster!.close());
  });

  it('publishes what is sent within one turn of the event loop at once, to one and to all in order', async () => {
    const { broker, one, other } = await openTwo();
    const before = broker.published.length;
    one.cluster.broadcast(1);
    one.cluster.send(other.cluster.serverId, { two: 2 });
    one.cluster.send('a stranger', 'lost');
    one.cluster.broadcast([3]);
    await vi.waitFor(() => expect(other.handler.told).toEqual(['joined', 1, { two: 2 }, [3]]));
    expect(broker.published.length - before).toBe(1);
  });

  it('says goodbye behind its last words, once, and then is silent', async () => {
    const { broker, one, other } = await openTwo();
    other.cluster.send(one.cluster.serverId, 'too late');
    one.cluster.broadcast('last words');
    const closing = [one.cluster.close(), one.cluster.close()];
    const published = broker.published.length;
    one.cluster.broadcast('nothing');
    await Promise.all(closing);
    await vi.waitFor(() => expect(other.handler.told).toEqual(['joined', 'last words', 'left']));
    expect(one.handler.told).toEqual(['joined']);
    expect(one.cluster.members).toEqual([]);
    expect(broker.published.slice(0, published).filter(({ payload }) => payload.includes('goodbye'))).toHaveLength(1);
  });

  it('does not call its handler any more when that closes it in the middle of messages', async () => {
    const { one, other } = await openTwo();
    const message = vi.spyOn(one.handler, 'message').mockImplementation(() => void one.cluster.close());
    for (const body of [1, 2, 3]) other.cluster.broadcast(body);
    await vi.waitFor(() => expect(other.handler.told).toEqual(['joined', 'left']));
    expect(message).toHaveBeenCalledTimes(1);
    expect(one.handler.told).toEqual(['joined']);
  });

  it('ignores garbage on its channels, with a line for developers', async () => {
    const broker = new MemoryBroker();
    const debug = vi.fn();
    const logger = { error: vi.fn(), warn: vi.fn(), info: vi.fn(), debug, trace: vi.fn(), child: () => logger };
    const { handler } = await open(broker, { serverId: 'me', logger });
    const stranger = broker.connect();
    const garbage = [
      '',
      '{',
      'null',
      '[]',
      '{"from":7}',
      '{"from":""}',
      '{"from":"you","goodbye":"yes"}',
      `{"from":"${'x'.repeat(65)}"}`,
    ];
    const frame = { from: 'you', own: 1, other: 0, sequence: 0, acknowledged: 0, bodies: [] };
    const halfFrames = [
      { ...frame, own: -1 },
      { ...frame, sequence: 1.5 },
      { ...frame, bodies: {} },
      { ...frame, from: undefined },
    ];
    // Right after the start it listens.
    await new Promise(setImmediate);
    for (const payload of garbage) stranger.publish('tswebrtc:all', payload);
    for (const payload of [...garbage, ...halfFrames.map((half) => JSON.stringify(half))])
      stranger.publish('tswebrtc:to:me', payload);
    await vi.waitFor(() => expect(debug).toHaveBeenCalledTimes(2 * garbage.length + halfFrames.length));
    expect(handler.told).toEqual([]);
  });

  it('tells when the broker comes and goes, and loses nothing meanwhile', async () => {
    const { broker, one, other } = await openTwo();
    broker.setRunning(false);
    expect(one.cluster.isConnected).toBe(false);
    one.cluster.broadcast('meanwhile');
    await new Promise(setImmediate);
    broker.setRunning(true);
    expect(one.cluster.isConnected).toBe(true);
    await vi.waitFor(() => expect(other.handler.told).toEqual(['joined', 'disconnected', 'connected', 'meanwhile']));
  });

  it('connects anew where the broker seems connected but brings nothing', async () => {
    const { one } = await openTwo({ heartbeatInterval: 20, deadAfter: 80 });
    expect(one.bus.reconnections).toBe(0);
    one.bus.hold();
    await vi.waitFor(() => expect(one.bus.reconnections).toBe(1));
    // Not more often than it gives others to answer.
    const since = performance.now();
    await vi.waitFor(() => expect(one.bus.reconnections).toBe(2));
    expect(performance.now() - since).toBeGreaterThan(40);
  });

  it('refuses bodies that are no JSON or too long, at the place where they are sent', async () => {
    const { cluster } = await open(new MemoryBroker());
    expect(() => cluster.broadcast(undefined)).toThrow(TypeError);
    expect(() => cluster.send('anybody', 'x'.repeat(256 * 1024))).not.toThrow();
    expect(() => cluster.broadcast('x'.repeat(256 * 1024))).toThrow(RangeError);
  });

  it.each([
    [{ prefix: 'a.b' }, 'prefix'],
    [{ serverId: '' }, 'id of the server'],
    [{ serverId: 'two words' }, 'id of the server'],
  ])('refuses %j', async (options, name) => {
    await expect(Cluster.open(URL, new Recorder(), options)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: `The ${name} has to be 1 to 64 letters, digits, "_", "-" or ":".`,
    });
  });

  it.each(['', 'redis', 'redis://', 'http://localhost:6379', '127.0.0.1:6379'])('refuses the URL "%s"', async (url) => {
    await expect(Cluster.open(url, new Recorder())).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});
