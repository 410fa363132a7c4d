/** `<webrtc-player>` in Chromium, built as a page would build it, plays what the published gstwebrtc-api produces. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { chromiumMissing } from '../../../interop/chromium.ts';
import { StudioBench } from './studio-bench.ts';

const missing = chromiumMissing();
const source = (path: string): string => fileURLToPath(new URL(`../../../packages/${path}`, import.meta.url));

declare global {
  interface Window {
    log: string[];
  }
}

describe('<webrtc-player>', { timeout: 60_000 }, () => {
  let bench: StudioBench;
  let script: string;
  let directory: string;
  beforeAll(async () => {
    if (missing) return;
    bench = await StudioBench.start();
    directory = await mkdtemp(join(tmpdir(), 'tswebrtc-player-'));
    await build({
      logLevel: 'error',
      configFile: false,
      resolve: { alias: { '@tswebrtc/protocol': source('protocol/src/index.ts') } },
      build: {
        outDir: directory,
        lib: { entry: source('browser/src/webrtc-player.ts'), formats: ['es'], fileName: 'player' },
      },
    });
    script = await readFile(join(directory, 'player.js'), 'utf8');
    // Beside the page of the studio, whose server serves it.
    await writeFile(join(bench.directory, 'player.js'), script);
    await writeFile(
      join(bench.directory, 'player.html'),
      '<!doctype html><meta charset="utf-8"><script type="module" src="player.js"></script><body></body>',
    );
  }, 60_000);
  beforeEach((context) => {
    if (missing) context.skip(missing);
  });
  afterEach(() => bench?.clear());
  afterAll(async () => {
    await bench?.close();
    if (directory) await rm(directory, { recursive: true });
  });

  /** A page with the element, whose events it notes. */
  async function open(attributes: Record<string, string>): Promise<{ page: Page; warnings: string[] }> {
    const { page } = await bench.open('player.html');
    const warnings: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'warning' && message.text().startsWith('<webrtc-player>')) warnings.push(message.text());
    });
    await page.evaluate((given) => {
      window.log = [];
      const player = document.createElement('webrtc-player');
      for (const [name, value] of Object.entries(given)) player.setAttribute(name, value);
      player.addEventListener('statechange', () => window.log.push((player as unknown as { state: string }).state));
      player.addEventListener('figures', (event) => {
        const { video } = (event as CustomEvent).detail;
        if (video?.framesPerSecond > 5) player.dataset.figures = String(video.framesPerSecond);
      });
      document.body.append(player);
    }, attributes);
    return { page, warnings };
  }

  const state = (page: Page): Promise<string> =>
    page.evaluate(() => (document.querySelector('webrtc-player') as unknown as { state: string }).state);
  const playing = (page: Page): Promise<void> => expect.poll(() => state(page), { timeout: 20_000 }).toBe('playing');

  it('plays the producer that it names, with figures, waits for one that went, and plays it again', async () => {
    await bench.produce({ name: 'other' });
    const producer = await bench.produce({ name: 'wanted' });
    const { page, warnings } = await open({
      signalling: bench.signallingUrl,
      producer: 'wanted',
      muted: '',
      'figures-interval': '250',
    });
    await playing(page);
    await page.waitForSelector('webrtc-player[data-figures]');
    const { width, muted } = await page.evaluate(() => {
      const { video } = document.querySelector('webrtc-player') as unknown as { video: HTMLVideoElement };
      return { width: video.videoWidth, muted: video.muted };
    });
    expect(width).toBeGreaterThan(0);
    expect(muted).toBe(true);
    await producer.page.close();
    await expect.poll(() => state(page), { timeout: 20_000 }).toBe('waiting');
    await bench.produce({ name: 'wanted' });
    await playing(page);
    expect(warnings).toEqual([]);
  });

  it('takes the first producer where it names none, comes back with the server, and follows its attributes', async () => {
    await bench.produce({ name: 'only' });
    const { page } = await open({ signalling: bench.signallingUrl, muted: '' });
    await playing(page);
    const stopped = await bench.stopSignalling();
    await expect.poll(() => state(page), { timeout: 20_000 }).toBe('waiting');
    await stopped.start();
    await bench.produce({ name: 'later' });
    await playing(page);
    await page.evaluate(() => document.querySelector('webrtc-player')!.setAttribute('producer', 'nobody'));
    await expect.poll(() => state(page), { timeout: 20_000 }).toBe('waiting');
    await page.evaluate(() => document.querySelector('webrtc-player')!.remove());
    expect(await page.evaluate(() => window.log.at(-1))).toBe('idle');
  });

  it('warns of values that cannot be', async () => {
    const { warnings } = await open({ signalling: 'http://nowhere', 'ice-servers': 'stun:x', 'figures-interval': 'often' });
    await expect.poll(() => warnings.length).toBeGreaterThanOrEqual(2);
    expect(warnings[0]).toContain('signalling="http://nowhere" is no ws: or wss: URL');
  });
});
