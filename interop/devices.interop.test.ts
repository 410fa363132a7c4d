/** A screen as an input, for real: an X server of the test's own, in Chromium. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { figuresOf, rateOf } from './player-page.ts';
import { startSink, useChromium } from './use-chromium.ts';

const missing = spawnSync('Xvfb', ['-help']).error ? 'there is no Xvfb' : undefined;

describe.skipIf(missing)('a screen (x11grab)', () => {
  const chromium = useChromium();
  let screen: ChildProcess;
  let display: number;

  beforeAll(async () => {
    display = 90 + (process.pid % 1000);
    screen = spawn('Xvfb', [`:${display}`, '-screen', '0', '1280x720x24'], { stdio: 'ignore' });
    while (!existsSync(`/tmp/.X11-unix/X${display}`)) await new Promise((resolve) => setTimeout(resolve, 50));
  });
  afterAll(async () => {
    screen?.kill();
    if (screen && screen.exitCode === null) await once(screen, 'exit');
  });

  it('plays at its size and at 25 frames/s', async () => {
    const sink = await startSink([`x11grab::${display},framerate=25`, '--video-codecs', 'VP8']);
    const { page, producer } = await chromium.openPlayer(sink.signallingUri);
    expect(await page.evaluate((id) => window.player.watch(id), producer.id)).toMatchObject({ width: 1280, height: 720 });
    const before = (await figuresOf(page)).video!;
    await new Promise((resolve) => setTimeout(resolve, 4000));
    expect(rateOf(before, (await figuresOf(page)).video!)).toBeGreaterThan(22);
  });
});
