/** Chromium, which receives no simulcast, gets one stream of a sink that offers several. */
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

it('Chromium plays a sink that offers simulcast, in full size', async () => {
  sink = await CommandProcess.startSink(['testsrc:width=640,height=360', '--video-codecs', 'VP8', '--simulcast', '3']);
  const page = await browser.newPage();
  await page.goto(served.url);
  await page.evaluate((uri) => window.player.connect(uri), sink.signallingUri);
  const [producer] = await page.evaluate(() => window.player.producers());
  await page.evaluate((id) => window.player.watch(id), producer!.id);
  const frames = async () => (await page.evaluate(() => window.player.figures())).video!;
  await expect.poll(async () => (await frames()).framesDecoded, { timeout: 20_000 }).toBeGreaterThan(30);
  await expect.poll(() => page.evaluate(() => document.querySelector('video')?.videoHeight)).toBe(360);
});
