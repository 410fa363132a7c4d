/** Chromium waits for as long as the sink tells it before it shows a frame. */
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

it('a playout delay of the sink holds frames back in Chromium', async () => {
  sink = await CommandProcess.startSink(['testsrc:width=320,height=180', '--video-codecs', 'VP8', '--playout-delay', '700-900']);
  const page = await browser.newPage();
  await page.goto(served.url);
  await page.evaluate((uri) => window.player.connect(uri), sink.signallingUri);
  const [producer] = await page.evaluate(() => window.player.producers());
  await page.evaluate((id) => window.player.watch(id), producer!.id);
  const frames = async () => (await page.evaluate(() => window.player.figures())).video!;
  await expect.poll(async () => (await frames()).framesDecoded, { timeout: 20_000 }).toBeGreaterThan(30);
  const [before] = [await frames()];
  await expect.poll(async () => (await frames()).framesDecoded - before.framesDecoded, { timeout: 20_000 }).toBeGreaterThan(30);
  const after = await frames();
  const emitted = after.jitterBufferEmittedCount - before.jitterBufferEmittedCount;
  const delay = (after.jitterBufferDelay - before.jitterBufferDelay) / emitted;
  // Alone it waits for next to nothing on such a path. The decoder's and the screen's part is counted elsewhere.
  expect(delay).toBeGreaterThan(0.5);
  expect(delay).toBeLessThan(1.2);
});
