/** `tswebrtc src` records what real browsers produce, 20 s of each codec, and FFmpeg reads the files. `npm run interop`. */

import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SignallingServer } from '@tswebrtc/signalling-server';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { offsetsOfBeeps, readFile } from '../packages/tswebrtc/src/media/read-file.testing.ts';
import { launchChromium } from './chromium.ts';
import { CommandProcess } from './command-process.ts';
import { firefoxMissing, launchFirefox } from './firefox.ts';
import { type FlashingOptions, framesSent, startFlashing } from './flashing-page.ts';

/** s */
const DURATION = 20;

/** What both browsers' drivers can do. */
interface BrowserPage {
  start(options: FlashingOptions): Promise<string>;
  sent(): Promise<number>;
  close(): Promise<void>;
}

let server: SignallingServer;
let pages: Server;
let directory: string;
const cleanups: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  server = await SignallingServer.listen({ host: '127.0.0.1', port: 0 });
  const script = readFileSync(
    fileURLToPath(new URL('../node_modules/gstwebrtc-api/dist/gstwebrtc-api-3.0.0.min.js', import.meta.url)),
  );
  pages = createServer((request, response) => {
    if (request.url === '/api.js') response.setHeader('content-type', 'text/javascript').end(script);
    else response.setHeader('content-type', 'text/html').end('<!doctype html><script src="api.js"></script><body></body>');
  });
  await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve));
  directory = await mkdtemp(join(tmpdir(), 'tswebrtc-src-interop-'));
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(async () => {
  pages.closeAllConnections();
  pages.close();
  await server.close();
  await rm(directory, { recursive: true });
});

const pageUrl = (): string => `http://127.0.0.1:${(pages.address() as AddressInfo).port}/`;

async function openIn(browser: 'Chromium' | 'Firefox'): Promise<BrowserPage> {
  if (browser === 'Chromium') {
    // The codecs that it has without hardware, and no noise suppression that would take a beep for noise.
    const chromium = await launchChromium();
    const page = await chromium.newPage();
    await page.goto(pageUrl());
    return {
      start: (options) => page.evaluate(startFlashing, options),
      sent: () => page.evaluate(framesSent),
      close: () => chromium.close(),
    };
  }
  const firefox = await launchFirefox();
  const page = await firefox.newPage();
  await page.goto(pageUrl());
  return {
    start: (options) => page.evaluate(startFlashing, options),
    sent: () => page.evaluate(framesSent),
    close: () => firefox.close(),
  };
}

it.each<['Chromium' | 'Firefox', codec: string, ending: string, camera: boolean]>([
  ['Chromium', 'VP8', 'mkv', true],
  ['Chromium', 'VP9', 'webm', true],
  ['Chromium', 'H264', 'mp4', true],
  ['Chromium', 'AV1', 'mp4', true],
  ['Chromium', 'H264', 'mp4', false],
  ['Chromium', 'VP8', 'webm', false],
  ['Firefox', 'VP8', 'webm', true],
  ['Firefox', 'VP9', 'mkv', true],
  ['Firefox', 'VP8', 'webm', false],
])(
  '%s, %s in %s (camera: %s)',
  async (browser, codec, ending, camera) => {
    if (browser === 'Firefox' && firefoxMissing()) return console.log('peer not available: firefox-esr');
    const page = await openIn(browser);
    cleanups.push(() => page.close());
    const id = await page.start({ signalling: `ws://127.0.0.1:${server.port}`, camera });
    const file = join(directory, `${browser}-${codec}-${camera}.${ending}`);
    const uri = `gstwebrtc://127.0.0.1:${server.port}?peer-id=${id}`;
    const options = ['--video-codecs', codec, '--stun-server', 'none', '--stats-interval', '1'];
    const src = new CommandProcess(['src', '--json', uri, '--record', file, '--duration', String(DURATION), ...options]);
    cleanups.push(async () => src.child.kill('SIGKILL'));
    await src.event('recording-begun', () => true, 30_000);
    // The recording began with frames that had come before; both differences are over the same number of seconds.
    const before = await page.sent();
    await new Promise((resolve) => setTimeout(resolve, (DURATION - 5) * 1000));
    const sentRate = ((await page.sent()) - before) / (DURATION - 5);
    const { code } = await src.exit;
    expect(code, src.stderr).toBe(0);
    const read = await readFile(file);
    const [video, audio] = read.streams;
    const rate = video!.decoded.length / DURATION;
    const offsets = camera ? [] : offsetsOfBeeps(read);
    const median = offsets.toSorted((a, b) => a - b)[offsets.length >> 1] ?? 0;
    console.log(
      `${browser} ${codec} ${camera ? 'camera' : 'canvas'}: ${read.duration.toFixed(2)} s, ${video!.decoded.length} frames ` +
        `(${((100 * rate) / sentRate).toFixed(1)} % of those sent), ${video!.errors} errors, ${audio!.times.length} packets of sound` +
        (camera
          ? ''
          : `, sound after picture by ${offsets.map((offset) => (offset * 1000).toFixed(0)).join(' ')} ms, median ${(median * 1000).toFixed(0)}`),
    );
    expect(Math.abs(read.duration - DURATION)).toBeLessThan(0.2);
    expect(rate / sentRate).toBeGreaterThan(0.97);
    expect(video!.errors + audio!.errors).toBe(0);
    expect(video!.decoded.length).toBe(video!.times.length);
    expect(audio!.times.length).toBeGreaterThan(0.97 * 50 * DURATION);
    if (camera) return;
    expect(offsets.length).toBeGreaterThan(DURATION - 5);
    expect(Math.abs(median)).toBeLessThanOrEqual(0.04);
  },
  90_000,
);
