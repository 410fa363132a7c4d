/** coturn takes the credentials that the signalling server gives out, and nothing is relayed without. `npm run interop`. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SignallingServer } from '../packages/signalling-server/src/index.ts';
import { launchChromium } from './chromium.ts';
import { CommandProcess } from './command-process.ts';
import { servePlayerPage } from './player-page.ts';

const SECRET = 'shared with the TURN server';
const missing = spawnSync('turnserver', ['--help']).error ? 'peer not available: coturn' : undefined;

const cleanups: (() => unknown)[] = [];
let turn: ChildProcess;
let server: SignallingServer;
let port: number;

beforeEach(async (context) => {
  if (missing) return context.skip(missing);
  port = await freeUdpPort();
  turn = spawn(
    'turnserver',
    ['-n', '--no-cli', '--no-tls', '--no-dtls', '--allow-loopback-peers', '--log-file=stdout', '--realm=tswebrtc'].concat([
      '--listening-ip=127.0.0.1',
      `--listening-port=${port}`,
      '--relay-ip=127.0.0.1',
      '--use-auth-secret',
      `--static-auth-secret=${SECRET}`,
    ]),
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  cleanups.push(() => turn.kill('SIGKILL'));
  let log = '';
  turn.stdout!.setEncoding('utf8').on('data', (text: string) => (log += text));
  await expect.poll(() => log, { timeout: 10_000 }).toContain('admin thread');
  server = await SignallingServer.listen({
    port: 0,
    iceServers: { urls: [`turn:127.0.0.1:${port}?transport=udp`], secret: SECRET, ttl: 60 },
  });
  cleanups.push(() => server.close());
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A port that is free at the moment. */
async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const found = socket.address().port;
  socket.close();
  return found;
}

/** Whether coturn's own client gets its packets relayed. */
function isRelayed(username: string, credential: string): boolean {
  const args = ['-y', '-n', '5', '-c', '-p', String(port), '-u', username, '-w', credential, '127.0.0.1'];
  const { status, stdout } = spawnSync('turnutils_uclient', args, { encoding: 'utf8', timeout: 20_000 });
  return status === 0 && /tot_recv_msgs=[1-9]/.test(stdout);
}

it("coturn's client is let in with them, and not with others or ones that have expired", async () => {
  const response = await fetch(`http://127.0.0.1:${server.port}/ice-servers`);
  const { iceServers } = (await response.json()) as { iceServers: { username: string; credential: string }[] };
  const { username, credential } = iceServers[0]!;
  expect(isRelayed(username, credential)).toBe(true);
  expect(isRelayed(username, `${credential.slice(0, -2)}A=`)).toBe(false);
  expect(
    isRelayed(
      username.replace(/^\d+/, (expiry) => String(Number(expiry) + 3600)),
      credential,
    ),
  ).toBe(false);
});

it('a sink that asks for them is watched in Chromium through the relay alone', async () => {
  const sink = new CommandProcess(
    [
      'sink',
      'testsrc:width=640,height=360,framerate=30',
      '--json',
      '--stun-server',
      'none',
      '--signaller-uri',
      server.urls[0]!,
    ].concat(['--signaller-request-ice-servers', '--ice-transport-policy', 'relay']),
  );
  cleanups.push(() => sink.stop());
  await sink.event('registered');
  const [browser, served] = await Promise.all([launchChromium(), servePlayerPage()]);
  cleanups.push(
    () => browser.close(),
    () => served.close(),
  );
  const page = await browser.newPage();
  await page.goto(served.url);
  await page.evaluate((uri) => window.player.connect(uri), server.urls[0]!);
  const [producer] = await page.evaluate(() => window.player.producers());
  await page.evaluate((id) => window.player.watch(id), producer!.id);
  await expect
    .poll(async () => (await page.evaluate(() => window.player.figures())).video?.framesDecoded ?? 0, { timeout: 15_000 })
    .toBeGreaterThan(60);
});
