/** What a connection makes of addresses that its host gets and loses: a restart only where the path does not work. */
import { afterEach, expect, it, vi } from 'vitest';
import { CleanUp, connect, until } from './connection-pair.testing.ts';
import { IceTransport } from './transport/ice-transport.ts';
import { observeUdpPorts } from './transport/udp-ports.testing.ts';

type Listener = (added: readonly string[], removed: readonly string[]) => void;
const monitor = vi.hoisted(() => ({ listeners: new Set<Listener>() }));
vi.mock('./transport/network-monitor.ts', () => ({
  watchAddresses: (listener: Listener) => {
    monitor.listeners.add(listener);
    return () => monitor.listeners.delete(listener);
  },
}));
// Every machine has this one, and nothing else is in use.
vi.mock('./transport/candidate.ts', async (original) => ({
  ...(await original<typeof import('./transport/candidate.ts')>()),
  localAddresses: () => ['127.0.0.1'],
}));

const cleanUp = new CleanUp();
afterEach(async () => {
  vi.restoreAllMocks();
  await cleanUp.run();
  expect(monitor.listeners.size).toBe(0);
});

function change(added: readonly string[], removed: readonly string[] = []): void {
  for (const listener of [...monitor.listeners]) listener(added, removed);
}

const TIMEOUTS = { disconnectedTimeout: 600, failedTimeout: 20_000 };

/** Two connections, and how to cut the path between them. */
async function connectOverPath() {
  const ports = observeUdpPorts();
  const { a, b } = await connect(cleanUp, TIMEOUTS);
  const cut = (): void => {
    for (const { socket } of ports) socket.removeAllListeners('message');
  };
  return { a, b, cut };
}

const pause = (ms: number): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, ms));

it('nothing, while the path works and begins at none of those that went', async () => {
  const { a, b } = await connectOverPath();
  change(['198.51.100.1'], ['198.51.100.2']);
  await pause(2 * TIMEOUTS.disconnectedTimeout);
  expect([a.needs, b.needs]).toEqual([[], []]);
});

it('a restart at once, when the path began at one that went', async () => {
  const { a } = await connectOverPath();
  change([], ['127.0.0.1']);
  expect(a.needs).toEqual(['network-change']);
});

it('a restart at once, when nothing is heard anyway', async () => {
  const { a, cut } = await connectOverPath();
  cut();
  await until('disconnected', () => a.connection.state === 'disconnected');
  await until('asked for', () => a.needs.length === 1);
  change(['198.51.100.1']);
  expect(a.needs).toEqual(['silence', 'network-change']);
});

it('a restart sooner than for silence alone, when nothing is heard from then on', async () => {
  const { a, cut } = await connectOverPath();
  cut();
  change(['198.51.100.1']);
  await until('asked for', () => a.needs.length > 0);
  expect([a.needs, a.states]).toEqual([['network-change'], ['connecting', 'connected']]);
});

it('a peer that is heard but answers no check any more is asked to restart, and then the connection has failed', async () => {
  const { a } = await connectOverPath();
  const { a: doomed } = await connect(cleanUp, { ...TIMEOUTS, failedTimeout: 900 }, TIMEOUTS);
  vi.spyOn(IceTransport.prototype, 'isOverdue').mockReturnValue(true);
  await until('failed', () => doomed.connection.state === 'failed');
  expect(doomed.states).toEqual(['connecting', 'connected', 'failed']);
  expect(doomed.connection.failure).toBe('the peer has stopped answering connectivity checks');
  expect([a.connection.state, a.needs]).toEqual(['connected', ['silence']]);
});
