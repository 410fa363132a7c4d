/**
 * The long runs of the signalling server, which is in this process; load and malice come from others. `cycles`: peers that come
 * and go, then a crowd for some minutes; `fuzz`: malformed frames beside a pair that goes on as if nothing were.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { SignallingServer } from '@tswebrtc/signalling-server';
import type { Attack } from '../../packages/signalling-server/src/attackers.testing.ts';
import type { Victims } from '../../packages/signalling-server/src/malformed-frames.testing.ts';
import { Child } from '../child.ts';
import { type Footprint, footprint } from '../footprint.ts';
import type { RelayRequest } from './generator.ts';
import type { RelayWindow } from './steady-relay.ts';
import type { CrowdLook } from './visitors.ts';

/** Says whether something is as it should be. */
export type Verdict = (ok: boolean, words: string) => void;

/** What may come and go between two looks at a heap, and no more, MB. */
const HEAP_TOLERANCE = 25;
const CROWD_PAIRS = 150;
/** Until the server has noticed the last of those who left in silence, ms; 27 s by its defaults. */
const NOTICED = 60_000;
const SEED = 1;
/** Limit of the server that is fuzzed, in bytes; some frames are longer. */
const MAX_MESSAGE_SIZE = 64 * 1024;
/** Messages a second each way of the pair that is to notice nothing. */
const BYSTANDERS_RATE = 20;

export async function signallingCycles(cycles: number, minutes: number, verdict: Verdict): Promise<void> {
  const clean = await footprint();
  const server = await SignallingServer.listen({ port: 0 });
  const url = server.urls[0]!;
  const visitors = new Child('./signalling/visitors.js');
  const come = (count: number): Promise<string[]> => visitors.ask('cycles', { url, count });
  const thrown = countUncaught();
  try {
    await come(Math.ceil(cycles / 10));
    const first = await quiet(server);
    const failures: string[] = [];
    for (let done = 0; done < cycles; ) {
      const count = Math.min(Math.ceil(cycles / 10), cycles - done);
      failures.push(...(await come(count)));
      done += count;
      console.log(`  ${done} cycles: ${inWords(await footprint())}, ${server.peerCount} peers not yet noticed as gone`);
    }
    const last = await quiet(server);
    verdict(failures.length === 0, `${cycles} cycles, ${failures.length} failed ${failures[0] ?? ''}`);
    flat(verdict, 'over the cycles', first, last);
    empty(verdict, server);

    await visitors.ask('beginCrowd', { url, pairs: CROWD_PAIRS });
    const looks: Footprint[] = [];
    const trouble: string[] = [];
    for (let minute = 1; minute <= minutes; minute++) {
      await delay(60_000);
      const { visits, failures, statuses } = await visitors.ask<CrowdLook>('lookAtCrowd');
      const now = await footprint();
      looks.push({ ...now, resources: await besidePeers(server) });
      trouble.push(...failures);
      console.log(
        `  minute ${minute}: ${inWords(now)}, ${server.peerCount} peers, ${server.sessionCount} sessions; ` +
          `${visits} visits, ${statuses} statuses told`,
      );
    }
    await visitors.ask('endCrowd');
    const left = await quiet(server);
    verdict(trouble.length === 0, `${minutes} minutes of load, ${trouble.length} visits failed ${trouble[0] ?? ''}`);
    if (looks.length > 0) flat(verdict, 'under load, beside the sockets of peers', looks[0]!, looks.at(-1)!);
    flat(verdict, 'after it', first, left);
    empty(verdict, server);
  } finally {
    await visitors.close();
    await server.close();
  }
  await nothingLeft(verdict, clean, thrown());
}

export async function signallingFuzz(count: number, verdict: Verdict): Promise<void> {
  const clean = await footprint();
  const server = await SignallingServer.listen({ port: 0, maxMessageSize: MAX_MESSAGE_SIZE });
  const url = server.urls[0]!;
  const attackers = new Child('./signalling/visitors.js');
  const bystanders = new Child('./signalling/generator.js');
  const thrown = countUncaught();
  try {
    const request: RelayRequest = { url, pairs: 1, perSecond: BYSTANDERS_RATE };
    const [victims] = await bystanders.ask<Omit<Victims, 'maxMessageSize'>[]>('beginRelay', request);
    const attack = (seed: number, frames: number): Promise<Attack> =>
      attackers.ask('attack', { url, seed, victims: { ...victims, maxMessageSize: MAX_MESSAGE_SIZE }, count: frames });
    await attack(SEED, Math.ceil(count / 20));
    await quiet(server, 2);
    const before = await footprint();
    await bystanders.ask('relaySince');
    const began = performance.now();
    const { frames, connections, closed, unanswered } = await attack(SEED + 1, count);
    const seconds = (performance.now() - began) / 1000;
    const relayed = await bystanders.ask<RelayWindow>('relaySince');
    const codes = Object.entries(closed).map(([code, times]) => `${code} ${times} times`);
    console.log(`  ${frames} frames over ${connections} connections in ${seconds.toFixed(0)} s; closed with ${codes.join(', ')}`);
    const after = await quiet(server, 2);
    verdict(unanswered === 0, `${unanswered} times neither an answer nor an end`);
    verdict(
      server.peerCount === 2 && server.sessionCount === 1,
      `${server.peerCount} peers and ${server.sessionCount} session left`,
    );
    flat(verdict, `over ${frames} malformed frames`, before, after);
    const rest = await bystanders.ask<RelayWindow>('endRelay');
    verdict(
      relayed.sent > 0 && rest.waiting === 0 && relayed.disordered + rest.disordered === 0,
      `bystanders: ${relayed.sent + rest.sent} messages, ${rest.waiting} lost, ${relayed.disordered + rest.disordered} out of ` +
        `order, p99 ${relayed.p99.toFixed(1)} ms, longest ${relayed.max.toFixed(1)} ms`,
    );
  } finally {
    await attackers.close();
    await bystanders.close();
    await server.close();
  }
  await nothingLeft(verdict, clean, thrown());
}

/**
 * Timers and sockets that are not those of peers: the fewest in two seconds, since of those who come and go some are not peers yet,
 * or not any more, at any moment.
 */
async function besidePeers(server: SignallingServer): Promise<number> {
  let fewest = Number.POSITIVE_INFINITY;
  for (let look = 0; look < 20; look++) {
    await delay(100);
    fewest = Math.min(fewest, process.getActiveResourcesInfo().length - server.peerCount);
  }
  return fewest;
}

/** The footprint when the server knows of no more than `peers`, or patience has ended. */
async function quiet(server: SignallingServer, peers = 0): Promise<Footprint> {
  for (const until = performance.now() + NOTICED; server.peerCount > peers && performance.now() < until; ) await delay(100);
  return footprint();
}

function flat(verdict: Verdict, when: string, first: Footprint, last: Footprint): void {
  verdict(last.heap - first.heap < HEAP_TOLERANCE, `heap ${first.heap.toFixed(1)} -> ${last.heap.toFixed(1)} MB ${when}`);
  verdict(last.resources <= first.resources + 2, `timers and sockets ${first.resources} -> ${last.resources} ${when}`);
}

function empty(verdict: Verdict, { peerCount, sessionCount }: SignallingServer): void {
  verdict(peerCount === 0 && sessionCount === 0, `${peerCount} peers and ${sessionCount} sessions left`);
}

async function nothingLeft(verdict: Verdict, clean: Footprint, thrown: number): Promise<void> {
  const { resources } = await footprint();
  verdict(resources <= clean.resources, `timers and sockets ${clean.resources} before the server, ${resources} after it`);
  verdict(thrown === 0, `${thrown} exceptions that nobody caught`);
}

function inWords({ heap, rss, resources }: Footprint): string {
  return `heap ${heap.toFixed(1)} MB, RSS ${rss.toFixed(0)} MB, ${resources} timers and sockets`;
}

/** Counts exceptions that would have ended the process; the result stops that and tells how many they were. */
function countUncaught(): () => number {
  let count = 0;
  const note = (error: unknown): void => {
    if (count++ < 3) console.error(error);
  };
  process.on('uncaughtException', note).on('unhandledRejection', note);
  return () => {
    process.off('uncaughtException', note).off('unhandledRejection', note);
    return count;
  };
}
