/** A screen as an input, for real: an X server of the test's own, in Chromium. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumMissing, launchChromium } from './chromium.ts';
import { CommandProcess } from './command-process.ts';
import { type PlayerPage, servePlayerPage } from './player-page.ts';

const missing = chromiumMissing() ?? (spawnSync('Xvfb', ['-help']).error ? 'there is no Xvfb' : undefined);

describe.skipIf(missing)('a screen (x11grab)', () => {
  let browser: Browser;
  let served: PlayerPage;
  let screen: ChildProcess;
  let display: number;

  beforeAll(async () => {
    display = 90 + (process.pid % 1000);
    screen = spawn('Xvfb', [`:${display}`, '-screen', '0', '1280x720x24'], { stdio: 'ignore' });
    while (!existsSync(`/tmp/.X11-unix/X${display}`)) await new Promise((resolve) => setTimeout(resolve, 50));
    browser = await launchChromium();
    served = await servePlayerPage();
  });
  afterAll(async () => {
    await browser?.close();
    await served?.close();
    screen?.kill();
    if (screen && screen.exitCode === null) await once(screen, 'exit');
  });

  it('plays at its size and at 25 frames/s', async () => {
    const sink = await CommandProcess.startSink([`x11grab::${display},framerate=25`, '--video-codecs', 'VP8']);
    try {
      const page = await browser.newPage();
      await page.goto(served.url);
      await page.evaluate((uri) => window.player.connect(uri), sink.signallingUri);
      const [producer] = await page.evaluate(() => window.player.producers());
      expect(await page.evaluate((id) => window.player.watch(id), producer!.id)).toMatchObject({ width: 1280, height: 720 });
      const before = (await page.evaluate(() => window.player.figures())).video!;
      await new Promise((resolve) => setTimeout(resolve, 4000));
      const after = (await page.evaluate(() => window.player.figures())).video!;
      const rate = (1000 * (after.framesDecoded - before.framesDecoded)) / (after.timestamp - before.timestamp);
      expect(rate).toBeGreaterThan(22);
    } finally {
      await sink.stop();
    }
  });
});
