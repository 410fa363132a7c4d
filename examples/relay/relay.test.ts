import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { chromiumMissing, launchChromium } from '../../interop/chromium.ts';
import { CommandProcess } from '../../interop/command-process.ts';
import { type PlayerPage, servePlayerPage } from '../../interop/player-page.ts';
import type { SinkStats } from '../../packages/tswebrtc/src/index.ts';

let browser: Browser;
let served: PlayerPage;
let camera: CommandProcess;
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
  await camera?.stop();
});

it('plays in Chromium what another producer sends, for which it asks that one for keyframes', async () => {
  camera = await CommandProcess.startSink(['testsrc:width=320,height=240', 'tone:frequency=440', '--video-codecs', 'H264']);
  example = spawn(process.execPath, [fileURLToPath(new URL('main.js', import.meta.url)), camera.signallingUri, '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: example.stdout! })[Symbol.asyncIterator]();
  const { value: opened } = await lines.next();
  const signalling = /(ws:\S+)/.exec(opened)![1]!;
  const pages = /(http:\S+)/.exec(opened)![1]!;

  const page = await browser.newPage();
  await page.goto(served.url);
  await page.evaluate((uri) => window.player.connect(uri), signalling);
  const [producer] = await page.evaluate(() => window.player.producers());
  expect(producer!.meta).toEqual({ name: 'relay' });
  const first = await page.evaluate((id) => window.player.watch(id), producer!.id);
  expect(first).toMatchObject({ width: 320, height: 240 });
  const heard = await page.evaluate(() => window.player.listen(2000));
  expect(Math.abs(heard.frequency - 440)).toBeLessThan(15);
  const before = (await page.evaluate(() => window.player.figures())).video!;
  await expect
    .poll(async () => (await page.evaluate(() => window.player.figures())).video!.framesDecoded, { timeout: 15_000 })
    .toBeGreaterThan(before.framesDecoded + 20);

  // As they came: nothing is encoded anew.
  const { encodings } = (await (await fetch(new URL('stats', pages))).json()) as SinkStats;
  expect(
    encodings.map(({ codec, passthrough }) => ({ codec, passthrough })).sort((a, b) => (a.codec < b.codec ? -1 : 1)),
  ).toEqual([
    { codec: 'H264', passthrough: true },
    { codec: 'OPUS', passthrough: true },
  ]);

  example.kill('SIGINT');
  const [code] = await once(example, 'exit');
  expect(code).toBe(0);
}, 60_000);
