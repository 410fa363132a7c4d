/**
 * The load, in a process of its own. Those whose latency is measured while others make trouble are in a second one, so that the
 * trouble is the server's only.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { LightPeer } from '../../packages/signalling-server/src/light-peer.testing.ts';
import { serve } from '../child.ts';
import { inFlight } from './in-flight.ts';
import { Pair } from './pair.ts';
import { cpuSeconds, descriptorLimits, waitingSeconds } from './process-figures.ts';
import { SessionLoad, type SessionLoadResult } from './session-load.ts';
import { sourceAddress } from './source-address.ts';
import { stall } from './stall.ts';
import { type RelayWindow, SteadyRelay } from './steady-relay.ts';
import { Storm } from './storm.ts';

const CONNECTS_IN_FLIGHT = 200;
/** For messages on their way when a relay stops, ms, and how often they are looked for. */
const LAST_WORDS = 5_000;
const LOOK_EVERY = 50;

/** Of a process over a measurement, in s. */
export interface Use {
  readonly cpu: number;
  /** Others had the cores that it wanted. */
  readonly waited: number;
}

export interface Uses {
  /** Undefined without the server's process id. */
  readonly server: Use | undefined;
  readonly generator: Use;
}

export interface SessionsRequest {
  readonly url: string;
  readonly pid: number | undefined;
  /** Producers, and as many consumers. */
  readonly peers: number;
  readonly lanes: number;
  readonly warmUp: number;
  readonly seconds: number;
}

export interface RelayRequest {
  readonly url: string;
  readonly pairs: number;
  /** Messages of each peer. */
  readonly perSecond: number;
}

export interface RelayWindowRequest {
  readonly pid: number | undefined;
  readonly seconds: number;
}

let relay: { readonly steady: SteadyRelay; readonly pairs: readonly Pair[] } | undefined;
let idle: LightPeer[] = [];
let storm: Storm | undefined;

serve({
  async sessions({ url, pid, peers, lanes, warmUp, seconds }: SessionsRequest): Promise<SessionLoadResult & { uses: Uses }> {
    const load = await SessionLoad.open(url, peers);
    try {
      await load.run(warmUp, lanes);
      const used = useMeter(pid);
      const result = await load.run(seconds, lanes);
      return { ...result, uses: used() };
    } finally {
      load.close();
    }
  },

  /** Opens pairs that exchange candidates until `endRelay`; who they are. */
  async beginRelay({ url, pairs: count, perSecond }: RelayRequest): Promise<{ sessionId: string; producerId: string }[]> {
    const pairs = await inFlight(count, CONNECTS_IN_FLIGHT / 2, (index) => Pair.open({ url, ...sourceAddress(url, 2 * index) }));
    const steady = new SteadyRelay(pairs, perSecond);
    relay = { steady, pairs };
    steady.start();
    return pairs.map(({ sessionId, producer }) => ({ sessionId, producerId: producer.id }));
  },

  /** What happens in the next seconds. */
  async relayFor({ pid, seconds }: RelayWindowRequest): Promise<RelayWindow & { uses: Uses }> {
    relay!.steady.take();
    const used = useMeter(pid);
    await delay(seconds * 1000);
    return { ...relay!.steady.take(), uses: used() };
  },

  /** What has happened since the last look. */
  relaySince: (): RelayWindow => relay!.steady.take(),

  /** Sends no more, waits for what is on its way, and lets the pairs go; what has happened since the last look. */
  async endRelay(): Promise<RelayWindow> {
    const { steady, pairs } = relay!;
    steady.stop();
    for (const until = performance.now() + LAST_WORDS; steady.waiting > 0 && performance.now() < until; ) await delay(LOOK_EVERY);
    for (const pair of pairs) pair.reset();
    return steady.take();
  },

  /** So many producers more that do nothing. */
  async beIdle({ url, count }: { url: string; count: number }): Promise<void> {
    const before = idle.length;
    const more = await inFlight(count, CONNECTS_IN_FLIGHT, async (index) => {
      const peer = await LightPeer.open({ url, ...sourceAddress(url, before + index) });
      await peer.register(['producer'], { name: `camera ${before + index}` });
      return peer;
    });
    idle = [...idle, ...more];
  },

  /** How many of them are still connected; and lets them go. */
  endIdle(): number {
    const living = idle.filter(({ isClosed }) => !isClosed);
    for (const peer of living) peer.reset();
    idle = [];
    return living.length;
  },

  async gather({ url, count }: { url: string; count: number }): Promise<void> {
    storm = await Storm.gather(url, count);
  },
  comeBack: () => storm!.comeBack(),
  disperse: () => storm!.close(),

  stall: ({ url, seconds }: { url: string; seconds: number }) => stall(url, seconds),

  descriptors: () => descriptorLimits(process.pid),
});

/** Begins to measure; the result tells what was used since. */
function useMeter(pid: number | undefined): () => Uses {
  const server = pid === undefined ? undefined : useOf(pid);
  const generator = useOf(process.pid);
  return () => ({ server: server?.(), generator: generator() });
}

function useOf(pid: number): () => Use {
  const before = { cpu: cpuSeconds(pid), waited: waitingSeconds(pid) };
  return () => ({ cpu: cpuSeconds(pid) - before.cpu, waited: waitingSeconds(pid) - before.waited });
}
