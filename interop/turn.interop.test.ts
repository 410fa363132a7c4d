/** A sink that may use nothing but relays, coturn, and Chromium. `npm run interop`. */
import type { Page } from 'playwright-core';
import { expect, it, onTestFinished } from 'vitest';
import { SignallingServer } from '../packages/signalling-server/src/index.ts';
import { CommandProcess } from './command-process.ts';
import { type Coturn, type CoturnOptions, coturnMissing, ipv6Missing, startCoturn, TURN_SECRET } from './coturn.ts';
import { figuresOf, rateOf } from './player-page.ts';
import { useChromium } from './use-chromium.ts';

/** Frames per second of a picture of 30 that comes as a whole. */
const WHOLE = 28;
/** Of one that moves, whatever happens around it. */
const LIVE = 10;

const chromium = useChromium();

async function coturn(options?: CoturnOptions): Promise<Coturn> {
  const turn = await startCoturn(options);
  onTestFinished(() => turn.close());
  return turn;
}

/** A sink behind relays alone, which gets its credentials of the signalling server. */
async function relayedSink(
  urls: readonly string[],
  ttl: number,
  args: readonly string[] = [],
): Promise<{ sink: CommandProcess; server: SignallingServer }> {
  const server = await SignallingServer.listen({ port: 0, iceServers: { urls, secret: TURN_SECRET, ttl } });
  onTestFinished(() => server.close());
  const sink = new CommandProcess([
    'sink',
    'testsrc:width=640,height=360,framerate=30',
    '--json',
    ...['--stun-server', 'none', '--signaller-uri', server.urls[0]!, '--signaller-request-ice-servers'],
    ...['--ice-transport-policy', 'relay', ...args],
  ]);
  onTestFinished(async () => {
    await sink.stop();
  });
  await sink.event('registered');
  return { sink, server };
}

/** Watches the only producer; `configuration` is added to that of the page's connections. */
function watch(server: SignallingServer, configuration: object = {}): Promise<Page> {
  return chromium.watch(server.urls[0]!, (page) =>
    page.addInitScript((more) => {
      const Original = RTCPeerConnection;
      const connections: RTCPeerConnection[] = [];
      Object.assign(window, { connections });
      window.RTCPeerConnection = class extends Original {
        constructor(given?: RTCConfiguration) {
          super({ ...given, ...more });
          connections.push(this);
        }
      };
    }, configuration),
  );
}

/** Frames decoded per second over `seconds`. */
async function frameRate(page: Page, seconds: number): Promise<number> {
  const before = (await figuresOf(page)).video!;
  await page.waitForTimeout(seconds * 1000);
  return rateOf(before, (await figuresOf(page)).video!);
}

/** Types of the candidates of the pair in use, and the remote one as Chromium was told it. */
async function pairInUse(page: Page): Promise<{ local: string; remote: string; candidates: string[] }> {
  return page.evaluate(async () => {
    const [connection] = (window as unknown as { connections: RTCPeerConnection[] }).connections;
    const stats = [...(await connection!.getStats()).values()] as Record<string, string>[];
    const transport = stats.find(({ type }) => type === 'transport');
    const pair = stats.find(({ id }) => id === transport?.selectedCandidatePairId);
    const typeOf = (id: string | undefined): string => stats.find((entry) => entry.id === id)?.candidateType ?? '';
    return {
      local: typeOf(pair?.localCandidateId),
      remote: typeOf(pair?.remoteCandidateId),
      candidates: stats.filter(({ type }) => type === 'remote-candidate').map(({ candidateType }) => candidateType!),
    };
  });
}

const ways = {
  UDP: ({ port }: Coturn, host: string) => `turn:${host}:${port}?transport=udp`,
  TCP: ({ port }: Coturn, host: string) => `turn:${host}:${port}?transport=tcp`,
  TLS: ({ tlsPort }: Coturn, host: string) => `turns:${host}:${tlsPort}?transport=tcp`,
};

for (const address of ['127.0.0.1', '::1'] as const) {
  for (const way of ['UDP', 'TCP', 'TLS'] as const) {
    it.skipIf(coturnMissing ?? (address === '::1' && ipv6Missing))(`is watched over ${way} through ${address}`, async () => {
      const turn = await coturn({ address });
      const host = address === '::1' ? '[::1]' : address;
      // The certificate is issued to 127.0.0.1, and verified there.
      const trust = address === '::1' ? ['--turn-insecure-tls'] : ['--turn-cafile', turn.cafile];
      const { sink, server } = await relayedSink([ways[way](turn, host)], 60, trust);
      const page = await watch(server);
      const fps = await frameRate(page, 3);
      console.log(`relayed over ${way} through ${address}: ${fps.toFixed(1)} fps decoded`);
      expect(fps).toBeGreaterThanOrEqual(WHOLE);
      const { remote, candidates } = await pairInUse(page);
      expect(remote).toMatch(/relay|prflx/);
      // Peers hear of nothing else than the relay.
      for (const type of candidates) expect(type).toMatch(/relay|prflx/);
      expect(sink.stderr).not.toMatch(/WARN|ERROR/);
    });
  }
}

it.skipIf(coturnMissing)('both behind relays alone', async () => {
  const turn = await coturn();
  const { server } = await relayedSink([ways.TCP(turn, '127.0.0.1')], 60);
  const { iceServers } = (await (await fetch(`http://127.0.0.1:${server.port}/ice-servers`)).json()) as {
    iceServers: { username: string }[];
  };
  const forBrowser = { ...iceServers[0], urls: [ways.UDP(turn, '127.0.0.1')] };
  const page = await watch(server, { iceServers: [forBrowser], iceTransportPolicy: 'relay' });
  expect(await frameRate(page, 3)).toBeGreaterThan(LIVE);
  expect(await pairInUse(page)).toMatchObject({ local: 'relay' });
});

it.skipIf(coturnMissing)('the first of two servers is dead', async () => {
  const [dead, turn] = [await coturn(), await coturn()];
  await dead.kill();
  const { server } = await relayedSink([ways.UDP(dead, '127.0.0.1'), ways.UDP(turn, 'localhost')], 60);
  const page = await watch(server);
  expect(await frameRate(page, 3)).toBeGreaterThan(LIVE);
});

it.skipIf(coturnMissing)('the server in use dies, and the other one takes over', async () => {
  const [first, second] = [await coturn(), await coturn()];
  const { sink, server } = await relayedSink([ways.UDP(first, '127.0.0.1'), ways.UDP(second, 'localhost')], 60);
  const page = await watch(server);
  expect(await frameRate(page, 2)).toBeGreaterThan(LIVE);
  await first.kill();
  await page.waitForTimeout(8000);
  expect(await frameRate(page, 3)).toBeGreaterThan(LIVE);
  expect(sink.events.filter(({ event }) => event === 'consumer-removed')).toEqual([]);
});

it.skipIf(coturnMissing)('credentials expire time and again, and the picture goes on', async () => {
  // As long as an allocation lives, coturn keeps it to its first credentials, whenever they expire.
  const turn = await coturn({ args: ['--max-allocate-lifetime=6', '--stale-nonce=5'] });
  const { server } = await relayedSink([ways.UDP(turn, '127.0.0.1')], 10);
  const page = await watch(server);
  expect(await frameRate(page, 25)).toBeGreaterThan(LIVE);
  expect(turn.log.match(/incoming packet REFRESH processed, success/g)?.length).toBeGreaterThan(4);
  expect(turn.log.match(/ALLOCATE processed, success/g)).toHaveLength(1);
});

it.skipIf(coturnMissing)(
  'the server is started anew when the first credentials have expired, and the picture comes back',
  async () => {
    const turn = await coturn();
    const { sink, server } = await relayedSink([ways.UDP(turn, '127.0.0.1')], 10);
    const page = await watch(server);
    expect(await frameRate(page, 11)).toBeGreaterThan(LIVE);
    await turn.kill();
    const again = await coturn({ port: turn.port });
    await expect.poll(() => again.log, { timeout: 15_000 }).toContain('ALLOCATE processed, success');
    await expect.poll(() => frameRate(page, 1), { timeout: 15_000 }).toBeGreaterThan(LIVE);
    const userOf = ({ log }: Coturn): string | undefined => /user <(\d+):\S+>: incoming packet ALLOCATE/.exec(log)?.[1];
    expect(Number(userOf(again))).toBeGreaterThan(Number(userOf(turn)));
    expect(sink.stderr.match(/the relay on a TURN server is lost/g)).toHaveLength(1);
  },
);
