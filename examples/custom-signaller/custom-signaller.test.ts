import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { chromiumMissing, launchChromium } from '../../interop/chromium.ts';

let browser: Browser;
let example: ChildProcess;

const missing = chromiumMissing();

beforeAll(async () => {
  if (!missing) browser = await launchChromium();
});

beforeEach((context) => {
  if (missing) context.skip(missing);
});

afterAll(async () => {
  await browser?.close();
  example?.kill('SIGKILL');
});

it('plays in Chromium, hears that the page has gone, and ends on Ctrl-C', async () => {
  example = spawn(process.execPath, [fileURLToPath(new URL('main.js', import.meta.url)), '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: example.stdout! })[Symbol.asyncIterator]();
  const url = /^open (\S+)$/.exec((await lines.next()).value)![1]!;

  const page = await browser.newPage();
  await page.goto(url);
  await expect.poll(() => page.evaluate(() => document.querySelector('video')!.videoWidth), { timeout: 15_000 }).toBe(640);
  await page.close({ runBeforeUnload: true });
  expect((await lines.next()).value).toMatch(/ left: ended$/);

  example.kill('SIGINT');
  const [code] = await once(example, 'exit');
  expect(code).toBe(0);
});
