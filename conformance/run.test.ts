/** The runner: which outcome follows from what a server does, and that its differences can be read. */
import { afterEach, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { SignallingServer } from '../packages/signalling-server/src/index.ts';
import type { Case, SocketCase } from './case.ts';
import { cases } from './cases/index.ts';
import { Difference } from './difference.ts';
import { runCase } from './run.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function ours(): Promise<string> {
  const server = await SignallingServer.listen({ port: 0 });
  cleanups.push(() => server.close());
  return server.urls[0]!;
}

/** A server that says `greeting` to whoever comes, and nothing more. */
async function silent(greeting: string): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  server.on('connection', (socket) => socket.send(greeting));
  await new Promise((resolve) => server.once('listening', resolve));
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  return `ws://127.0.0.1:${(server.address() as { port: number }).port}`;
}

const pass = async (): Promise<void> => {};
const fail = async (): Promise<void> => {
  throw new Difference('the producer heard [] instead of [1]');
};
const one = (more: Partial<SocketCase>): SocketCase => ({ id: 'X1', title: 'does it', reference: '§1', run: fail, ...more });
const differs = (original: SocketCase['run']) => ({ why: '', instead: '', original });
const needs = (lacks: SocketCase['run']) => ({ name: '', without: '', lacks });

it.each<[outcome: string, one: Case]>([
  ['ok', one({ run: pass, differs: differs(fail) })],
  ['as the original', one({ differs: differs(pass) })],
  ['as release 0.15', one({ differs: differs(fail), needs: needs(pass) })],
  ['FAILED', one({ differs: differs(fail), needs: needs(fail) })],
  ['FAILED', one({})],
  ['not over a socket', { id: 'X1', title: 'does it', reference: '§1', unreachable: '', coveredBy: '' }],
])('is %s', async (outcome, example) => {
  const result = await runCase(await ours(), example);
  expect(result.outcome).toBe(outcome);
  const isFound = outcome !== 'ok' && outcome !== 'not over a socket';
  expect(result.difference).toBe(isFound ? 'the producer heard [] instead of [1]' : undefined);
});

const B4 = cases.find(({ id }) => id === 'B4')!;

it.each([
  ['{"type":"welcome","peerId":"p"}', 'the listener was not answered any more'],
  [
    '{"type":"welcome","id":"p"}',
    'the listener was welcomed by [{"type":"welcome","id":"p"}] instead of [{"type":"welcome","peerId":"undefined"}]',
  ],
  ['hello', 'the listener was welcomed by [{"unreadable":"hello"}] instead of [{"type":"welcome","peerId":"undefined"}]'],
])('says in one line what a server does that only says %s', async (greeting, difference) => {
  expect(await runCase(await silent(greeting), B4)).toEqual({ case: B4, outcome: 'FAILED', difference });
});

it('says that no connection could be had', async () => {
  const server = await SignallingServer.listen({ port: 0 });
  await server.close();
  const { outcome, difference } = await runCase(server.urls[0]!, B4);
  expect([outcome, difference]).toEqual([
    'FAILED',
    `the listener could not connect: connect ECONNREFUSED 127.0.0.1:${server.port}`,
  ]);
});
