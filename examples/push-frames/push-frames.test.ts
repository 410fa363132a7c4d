import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { chromiumMissing, launchChromium } from '../../interop/chromium.ts';
import { type PlayerPage, servePlayerPage } from '../../interop/player-page.ts';

let browser: Browser;
let served: PlayerPage;
let example: ChildProcess;

const missing = chromiumMissing();

beforeAll(async () => {
  if (missing) return;
  browser = await launchChromium();
  served = await servePlayerPage();
});

beforeEach((context) => {
  if (missing) context.skip(missing);
});

afterAll(async () => {
  await browser?.close();
  await served?.close();
  example?.kill('SIGKILL');
});

/** In the page: the colours in a corner and in the middle row, most red one there. */
function colours(): { corner: number[]; reddest: number[] } {
  const video = document.querySelector('video')!;
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  const context = canvas.getContext('2d')!;
  context.drawImage(video, 0, 0);
  const corner = [...context.getImageData(20, 20, 1, 1).data.subarray(0, 3)];
  const row = context.getImageData(0, Math.round(canvas.height / 2), canvas.width, 1).data;
  let reddest = [0, 0, 0];
  for (let i = 0; i < row.length; i += 4) if (row[i]! > reddest[0]!) reddest = [...row.subarray(i, i + 3)];
  return { corner, reddest };
}

it('shows in Chromium what it draws, in its colours, sounds its tone, and ends on Ctrl-C', async () => {
  example = spawn(process.execPath, [fileURLToPath(new URL('main.js', import.meta.url)), '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: example.stdout! })[Symbol.asyncIterator]();
  const signalling = /(ws:\S+)/.exec((await lines.next()).value)![1]!;

  const page = await browser.newPage();
  await page.goto(served.url);
  await page.evaluate((uri) => window.player.connect(uri), signalling);
  const [producer] = await page.evaluate(() => window.player.producers());
  const first = await page.evaluate((id) => window.player.watch(id), producer!.id);
  expect(first).toMatchObject({ width: 640, height: 360 });
  const heard = await page.evaluate(() => window.player.listen(2000));
  expect(Math.abs(heard.frequency - 440)).toBeLessThan(15);
  const seen = await page.evaluate(colours);
  for (const [colour, wanted] of [
    [seen.corner, [32, 64, 192]],
    [seen.reddest, [224, 32, 32]],
  ] as const) {
    for (const [i, value] of colour.entries()) expect(Math.abs(value - wanted[i]!)).toBeLessThan(20);
  }
  const before = await page.evaluate(() => window.player.figures());
  await expect
    .poll(async () => (await page.evaluate(() => window.player.figures())).video!.framesDecoded, { timeout: 15_000 })
    .toBeGreaterThan(before.video!.framesDecoded + 20);

  example.kill('SIGINT');
  const [code] = await once(example, 'exit');
  expect(code).toBe(0);
});
