/** Chromium watches over TCP where no candidate for UDP reaches either side. */
import { afterEach, expect, it } from 'vitest';
import { freePort } from '../packages/signalling-server/src/free-port.testing.ts';
import { chromiumMissing, launchChromium } from './chromium.ts';
import { CommandProcess } from './command-process.ts';
import { servePlayerPage } from './player-page.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

it.skipIf(chromiumMissing())('a sink with a TCP port is watched over it', async () => {
  const port = await freePort();
  const sink = await CommandProcess.startSink(['testsrc:width=640,height=360,framerate=30', '--ice-tcp-port', String(port)]);
  cleanups.push(() => sink.stop());
  const [browser, served] = await Promise.all([launchChromium(), servePlayerPage()]);
  cleanups.push(
    () => browser.close(),
    () => served.close(),
  );
  const page = await browser.newPage();
  await page.addInitScript(() => {
    const { send } = WebSocket.prototype;
    WebSocket.prototype.send = function (data) {
      if (!/candidate:\S+ \d+ udp /i.test(String(data))) send.call(this, data);
    };
    const connections: RTCPeerConnection[] = [];
    Object.assign(window, { connections });
    const Original = RTCPeerConnection;
    window.RTCPeerConnection = class extends Original {
      constructor(configuration?: RTCConfiguration) {
        super(configuration);
        connections.push(this);
      }
      override async addIceCandidate(candidate?: RTCIceCandidateInit | null): Promise<void> {
        if (!/ udp /i.test(candidate?.candidate ?? '')) await super.addIceCandidate(candidate ?? undefined);
      }
    };
  });
  await page.goto(served.url);
  await page.evaluate((uri) => window.player.connect(uri), sink.signallingUri);
  const [producer] = await page.evaluate(() => window.player.producers());
  await page.evaluate((id) => window.player.watch(id), producer!.id);
  await expect
    .poll(async () => (await page.evaluate(() => window.player.figures())).video?.framesDecoded ?? 0, { timeout: 15_000 })
    .toBeGreaterThan(60);
  const remote = await page.evaluate(async () => {
    const [connection] = (window as unknown as { connections: RTCPeerConnection[] }).connections;
    const stats = [...(await connection!.getStats()).values()] as Record<string, unknown>[];
    const transport = stats.find(({ type }) => type === 'transport');
    const pair = stats.find(({ id }) => id === transport?.selectedCandidatePairId);
    return stats.find(({ id }) => id === pair?.remoteCandidateId);
  });
  expect(remote).toMatchObject({ protocol: 'tcp', port });
});
