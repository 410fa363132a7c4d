/** coturn takes the credentials that the signalling server gives out, and nothing is relayed without. `npm run interop`. */
import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SignallingServer } from '../packages/signalling-server/src/index.ts';
import { type Coturn, coturnMissing, startCoturn, TURN_SECRET } from './coturn.ts';

const cleanups: (() => unknown)[] = [];
let turn: Coturn;
let server: SignallingServer;

beforeEach(async (context) => {
  if (coturnMissing) return context.skip(coturnMissing);
  turn = await startCoturn();
  cleanups.push(() => turn.close());
  server = await SignallingServer.listen({
    port: 0,
    iceServers: { urls: [`turn:127.0.0.1:${turn.port}?transport=udp`], secret: TURN_SECRET, ttl: 60 },
  });
  cleanups.push(() => server.close());
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Whether coturn's own client gets its packets relayed. */
function isRelayed(username: string, credential: string): boolean {
  const args = ['-y', '-n', '5', '-c', '-p', String(turn.port), '-u', username, '-w', credential, '127.0.0.1'];
  const { status, stdout } = spawnSync('turnutils_uclient', args, { encoding: 'utf8', timeout: 20_000 });
  return status === 0 && /tot_recv_msgs=[1-9]/.test(stdout);
}

it("coturn's client is let in with them, and not with others or ones that have expired", async () => {
  const response = await fetch(`http://127.0.0.1:${server.port}/ice-servers`);
  const { iceServers } = (await response.json()) as { iceServers: { username: string; credential: string }[] };
  const { username, credential } = iceServers[0]!;
  expect(isRelayed(username, credential)).toBe(true);
  expect(isRelayed(username, `${credential[0] === 'A' ? 'B' : 'A'}${credential.slice(1)}`)).toBe(false);
  expect(
    isRelayed(
      username.replace(/^\d+/, (expiry) => String(Number(expiry) + 3600)),
      credential,
    ),
  ).toBe(false);
});
