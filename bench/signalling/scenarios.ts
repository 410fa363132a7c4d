/** What is measured of a signalling server, one figure after the other. */
import { setTimeout as delay } from 'node:timers/promises';
import { Child } from '../child.ts';
import type { RelayRequest, RelayWindowRequest, SessionsRequest, Use, Uses } from './generator.ts';
import type { Measure } from './measure.ts';
import { descriptorLimits, residentMegabytes } from './process-figures.ts';
import type { ServerUnderTest } from './server-under-test.ts';
import { MESSAGES_PER_SESSION, type SessionLoadResult } from './session-load.ts';
import type { StallResult } from './stall.ts';
import type { RelayWindow } from './steady-relay.ts';
import type { StormResult } from './storm.ts';

/** How much of each; the quick ones show that it works, not what it yields. */
export interface Scale {
  readonly sessionPeers: number;
  readonly sessionSeconds: number;
  readonly relayPairs: number;
  readonly relaySeconds: number;
  readonly idlePeers: readonly number[];
  /** Memory is looked at for this long: every idle peer has been pinged then. */
  readonly idleSeconds: number;
  readonly stormPeers: number;
  readonly stallSeconds: number;
  /** Of those who are to be disturbed, before they are. */
  readonly calmSeconds: number;
}

export const FULL: Scale = {
  sessionPeers: 1_000,
  sessionSeconds: 8,
  relayPairs: 1_000,
  relaySeconds: 8,
  idlePeers: [10_000, 20_000],
  idleSeconds: 35,
  stormPeers: 5_000,
  stallSeconds: 20,
  calmSeconds: 10,
};

export const QUICK: Scale = {
  sessionPeers: 500,
  sessionSeconds: 3,
  relayPairs: 1_000,
  relaySeconds: 4,
  idlePeers: [2_000],
  idleSeconds: 3,
  stormPeers: 1_000,
  stallSeconds: 10,
  calmSeconds: 3,
};

const SESSIONS_IN_FLIGHT = 64;
const SESSIONS_WARM_UP = 3;
const RELAY_WARM_UP = 5;
/** Those who are to be disturbed; candidates of each peer a second. */
const STORM_BYSTANDERS = { pairs: 10, perSecond: 20 };
const STALL_BYSTANDERS = { pairs: 100, perSecond: 5 };
/** MB for 10,000 idle peers (design §6). */
const MOST_IDLE_MEMORY = { peers: 10_000, megabytes: 250 };
/** Descriptors that a process has open besides its peers', about. */
const OTHER_DESCRIPTORS = 100;
const NO_PID = 'the process of the server is not known: tell it with --pid or --vs-pid';

/** How often each is measured, the servers taking turns. */
export const ROUNDS: Readonly<Record<keyof typeof scenarios, number>> = {
  sessions: 3,
  relay: 5,
  'busy-relay': 5,
  memory: 1,
  storm: 3,
  stalled: 1,
};

type Scenario = (server: ServerUnderTest, scale: Scale) => Promise<Measure[]>;

export const scenarios = { sessions, relay, 'busy-relay': busyRelay, memory, storm, stalled } satisfies Record<string, Scenario>;

async function sessions({ url, pid }: ServerUnderTest, scale: Scale): Promise<Measure[]> {
  const { sessionPeers: peers, sessionSeconds: seconds } = scale;
  return withGenerator(async (generator) => {
    const request: SessionsRequest = { url, pid, peers, lanes: SESSIONS_IN_FLIGHT, warmUp: SESSIONS_WARM_UP, seconds };
    const result = await generator.ask<SessionLoadResult & { uses: Uses }>('sessions', request);
    return [
      { name: 'sessions_per_second', value: result.sessions / result.seconds, unit: 'sessions/s', better: 'more' },
      { name: 'session_setup_p50_ms', value: result.setupP50, unit: 'ms', reason: `${SESSIONS_IN_FLIGHT} at a time` },
      { name: 'session_setup_p99_ms', value: result.setupP99, unit: 'ms', better: 'less' },
      ...useMeasures('sessions', result.uses, result.seconds, result.sessions * MESSAGES_PER_SESSION),
    ];
  });
}

/** Pairs under way: candidates come in their first second, a session's other messages are few. */
function relay(server: ServerUnderTest, scale: Scale): Promise<Measure[]> {
  return relayAt(1, 'relay', server, scale);
}

/** More than pairs have to say to each other: how the server does near what it can. */
function busyRelay(server: ServerUnderTest, scale: Scale): Promise<Measure[]> {
  return relayAt(5, 'relay_busy', server, scale);
}

/** `perSecond`: candidates of each peer a second. */
async function relayAt(
  perSecond: number,
  name: string,
  { url, pid }: ServerUnderTest,
  { relayPairs: pairs, relaySeconds }: Scale,
): Promise<Measure[]> {
  return withGenerator(async (generator) => {
    await generator.ask('beginRelay', { url, pairs, perSecond } satisfies RelayRequest);
    await delay(RELAY_WARM_UP * 1000);
    const request: RelayWindowRequest = { pid, seconds: relaySeconds };
    const window = await generator.ask<RelayWindow & { uses: Uses }>('relayFor', request);
    const rest = await generator.ask<RelayWindow>('endRelay');
    return [
      { name: `${name}_p50_ms`, value: window.p50, unit: 'ms', reason: `${pairs} pairs` },
      { name: `${name}_p99_ms`, value: window.p99, unit: 'ms', better: 'less' },
      { name: `${name}_max_ms`, value: window.max, unit: 'ms', reason: `${pairs} pairs` },
      { name: `${name}_sent_per_second`, value: window.sent / window.seconds, unit: 'messages/s', reason: 'whatever came back' },
      {
        name: `${name}_lost`,
        value: rest.waiting,
        unit: 'messages',
        reason: `${window.disordered + rest.disordered} out of order`,
      },
      { name: `${name}_generator_loop_p99_ms`, value: window.loopP99, unit: 'ms', reason: 'a timer of 1 ms included' },
      ...useMeasures(name, window.uses, window.seconds, window.sent + window.received),
    ];
  });
}

async function memory({ url, pid }: ServerUnderTest, { idlePeers, idleSeconds }: Scale): Promise<Measure[]> {
  if (pid === undefined) return [{ name: `memory_${idlePeers[0]}_mb`, value: Number.NaN, unit: 'MB', reason: NO_PID }];
  return withGenerator(async (generator) => {
    const own = await generator.ask<{ soft: number; hard: number }>('descriptors');
    const theirs = descriptorLimits(pid);
    console.log(`  descriptors: the server may open ${theirs.soft} (hard limit ${theirs.hard}), the generator ${own.soft}`);
    const room = Math.min(theirs.soft, own.soft) - OTHER_DESCRIPTORS;
    const before = residentMegabytes(pid);
    const measures: Measure[] = [{ name: 'memory_empty_mb', value: before, unit: 'MB' }];
    let connected = 0;
    for (const count of idlePeers) {
      const name = `memory_${count}_mb`;
      if (count > room) {
        const reason = `the limit of ${room + OTHER_DESCRIPTORS} descriptors does not allow so many peers`;
        measures.push({ name, value: Number.NaN, unit: 'MB', reason });
        continue;
      }
      await generator.ask('beIdle', { url, count: count - connected });
      connected = count;
      const most = await largest(() => residentMegabytes(pid), idleSeconds);
      const bar = count === MOST_IDLE_MEMORY.peers ? { atMost: MOST_IDLE_MEMORY.megabytes } : {};
      measures.push(
        { name, value: most, unit: 'MB', ...bar, reason: `the most in ${idleSeconds} s` },
        { name: `memory_${count}_per_peer_kb`, value: ((most - before) * 1024) / count, unit: 'KB', better: 'less' },
      );
    }
    const living = await generator.ask<number>('endIdle');
    measures.push({ name: 'memory_peers_living', value: living, unit: 'peers', reason: `of ${connected}, at the end` });
    return measures;
  });
}

async function storm({ url, pid }: ServerUnderTest, { stormPeers: count, calmSeconds }: Scale): Promise<Measure[]> {
  return withGenerator((generator) =>
    withGenerator(async (bystanders) => {
      await bystanders.ask('beginRelay', { url, ...STORM_BYSTANDERS } satisfies RelayRequest);
      await generator.ask('gather', { url, count });
      // The first is the server's warming up: a server in service has seen its peers come.
      await generator.ask('comeBack');
      const before = await bystanders.ask<RelayWindow>('relayFor', { pid, seconds: calmSeconds } satisfies RelayWindowRequest);
      const result = await generator.ask<StormResult>('comeBack');
      const during = await bystanders.ask<RelayWindow>('relaySince');
      const rest = await bystanders.ask<RelayWindow>('endRelay');
      await generator.ask('disperse');
      const of = `${STORM_BYSTANDERS.pairs} pairs that stayed`;
      return [
        { name: 'storm_seconds', value: result.seconds, unit: 's', better: 'less' },
        { name: 'storm_per_second', value: count / result.seconds, unit: 'peers/s', reason: `${result.failures} tries failed` },
        { name: 'storm_register_p50_ms', value: result.p50, unit: 'ms', reason: 'of one, from its connecting on' },
        { name: 'storm_register_p99_ms', value: result.p99, unit: 'ms', better: 'less' },
        { name: 'storm_bystanders_p99_before_ms', value: before.p99, unit: 'ms', reason: of },
        { name: 'storm_bystanders_p99_ms', value: during.p99, unit: 'ms', better: 'less' },
        { name: 'storm_bystanders_max_ms', value: during.max, unit: 'ms', reason: of },
        { name: 'storm_bystanders_lost', value: rest.waiting, unit: 'messages', reason: of },
      ];
    }),
  );
}

async function stalled({ url, pid }: ServerUnderTest, { stallSeconds: seconds, calmSeconds }: Scale): Promise<Measure[]> {
  return withGenerator((generator) =>
    withGenerator(async (bystanders) => {
      await bystanders.ask('beginRelay', { url, ...STALL_BYSTANDERS } satisfies RelayRequest);
      await delay(RELAY_WARM_UP * 1000);
      const before = await bystanders.ask<RelayWindow>('relayFor', { pid, seconds: calmSeconds } satisfies RelayWindowRequest);
      const result = await generator.ask<StallResult>('stall', { url, seconds });
      const during = await bystanders.ask<RelayWindow>('relaySince');
      const rest = await bystanders.ask<RelayWindow>('endRelay');
      const of = `${STALL_BYSTANDERS.pairs} pairs`;
      const fate = result.closedAfter === undefined ? `not closed in ${seconds} s` : 'after its last read';
      return [
        { name: 'stalled_bystanders_p99_before_ms', value: before.p99, unit: 'ms', reason: of },
        { name: 'stalled_bystanders_p99_ms', value: during.p99, unit: 'ms', better: 'less' },
        { name: 'stalled_bystanders_max_ms', value: Math.max(during.max, rest.max), unit: 'ms', better: 'less' },
        { name: 'stalled_bystanders_waiting', value: during.waiting, unit: 'messages', reason: 'when the phase was over' },
        { name: 'stalled_bystanders_lost', value: rest.waiting, unit: 'messages', reason: '5 s after it' },
        { name: 'stalled_peer_closed_s', value: result.closedAfter ?? Number.NaN, unit: 's', reason: fate },
        { name: 'stalled_status_mb', value: result.megabytes, unit: 'MB', reason: 'of status changes for it' },
      ];
    }),
  );
}

async function withGenerator<Result>(use: (generator: Child) => Promise<Result>): Promise<Result> {
  const generator = new Child('./signalling/generator.js');
  try {
    return await use(generator);
  } finally {
    await generator.close();
  }
}

/** Who did the work, what a second of the server's CPU time is in messages, and whether others held it up. */
function useMeasures(name: string, { server, generator }: Uses, seconds: number, messages: number): Measure[] {
  const cores = (who: string, { cpu, waited }: Use): Measure => ({
    name: `${name}_${who}_cores`,
    value: cpu / seconds,
    unit: 'cores',
    reason: `${cpu.toFixed(1)} s of CPU time in ${seconds.toFixed(1)} s; others had the core for ${waited.toFixed(1)} s`,
  });
  const own = cores('generator', generator);
  if (!server) return [own, { name: `${name}_server_cores`, value: Number.NaN, unit: 'cores', reason: NO_PID }];
  return [
    own,
    cores('server', server),
    { name: `${name}_messages_per_cpu_second`, value: messages / server.cpu, unit: 'messages', reason: 'both ways' },
  ];
}

/** The largest of a value that is looked at twice a second for this long. */
async function largest(value: () => number, seconds: number): Promise<number> {
  let most = value();
  for (let looks = 2 * seconds; looks > 0; looks--) {
    await delay(500);
    most = Math.max(most, value());
  }
  return most;
}
