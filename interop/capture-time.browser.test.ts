/** Chromium knows when each frame was captured. */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { chromiumMissing, launchChromium } from './chromium.ts';
import { CommandProcess } from './command-process.ts';
import { type PlayerPage, servePlayerPage } from './player-page.ts';

let browser: Browser;
let served: PlayerPage;
let sink: CommandProcess;
const missing = chromiumMissing();

beforeAll(async () => {
  if (missing) return;
  browser = await launchChromium();
  served = await servePlayerPage();
});
beforeEach((context) => {
  if (missing) context.skip(missing);
});
afterEach(() => sink?.stop());
afterAll(async () => {
  await browser?.close();
  await served?.close();
});

it('a sink tells Chromium when frames were captured, sound too, and only where that is wanted', async () => {
  for (const wanted of [true, false]) {
    sink = await CommandProcess.startSink([
      ...['testsrc:width=320,height=180', 'tone', '--video-codecs', 'VP8'],
      ...(wanted ? ['--abs-capture-time'] : []),
    ]);
    const page = await browser.newPage();
    await page.addInitScript(() => {
      const Connection = window.RTCPeerConnection;
      window.RTCPeerConnection = class extends Connection {
        constructor(configuration?: RTCConfiguration) {
          super(configuration);
          Object.assign(window, { connection: this });
        }
      };
    });
    await page.goto(served.url);
    await page.evaluate((uri) => window.player.connect(uri), sink.signallingUri);
    const [producer] = await page.evaluate(() => window.player.producers());
    await page.evaluate((id) => window.player.watch(id), producer!.id);
    const sources = () =>
      page.evaluate(() => {
        const { connection } = window as unknown as { connection: RTCPeerConnection };
        return connection.getReceivers().map((receiver) => {
          // What the DOM's types do not know: ms since 1900.
          const [source] = receiver.getSynchronizationSources() as (RTCRtpSynchronizationSource & {
            captureTimestamp?: number;
          })[];
          return {
            heard: source !== undefined,
            age: source?.captureTimestamp && Date.now() + 2_208_988_800_000 - source.captureTimestamp,
          };
        });
      });
    await expect.poll(async () => (await sources()).filter(({ heard }) => heard).length, { timeout: 20_000 }).toBe(2);
    if (wanted) {
      await expect.poll(async () => (await sources()).every(({ age }) => age !== undefined), { timeout: 20_000 }).toBe(true);
      // Of this very machine's clock: what is heard and seen now was captured a moment ago.
      for (const { age } of await sources()) {
        expect(age).toBeGreaterThan(-50);
        expect(age).toBeLessThan(2000);
      }
    } else expect((await sources()).map(({ age }) => age)).toEqual([undefined, undefined]);
    await page.close();
    await sink.stop();
  }
});
