/** Every video codec at 720p30 in the peers that take it: Chromium, Firefox, GStreamer's webrtcbin. `npm run interop`. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Browser as Firefox } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { NetworkLab, networkMissing } from '../bench/network/network-lab.ts';
import { chromiumMissing, launchChromium } from './chromium.ts';
import { CommandProcess } from './command-process.ts';
import { firefoxMissing, launchFirefox } from './firefox.ts';
import { type PlayerFigures, type PlayerPage, servePlayerPage } from './player-page.ts';

const VIDEO = 'testsrc:width=1280,height=720,framerate=30';
/** What is watched, ms, once the start is over. */
const DURATION = 10_000;
const START = 3000;

let served: PlayerPage;
let sink: CommandProcess | undefined;
beforeAll(async () => {
  served = await servePlayerPage();
});
afterEach(async () => {
  await sink?.stop();
  sink = undefined;
});
afterAll(() => served?.close());

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What both browsers' drivers can do with a page. */
interface Page {
  goto(url: string): Promise<unknown>;
  evaluate<Result, Argument>(run: (argument: Argument) => Result, argument: Argument): Promise<Awaited<Result>>;
  close(): Promise<void>;
}

/** Decoded frames per second, and the codec, as the browser tells them. */
async function watch(page: Page, codec: string): Promise<{ fps: number; codec: string }> {
  sink = await CommandProcess.startSink([VIDEO, '--video-codecs', codec]);
  await page.goto(served.url);
  await page.evaluate((uri: string) => window.player.connect(uri), sink.signallingUri);
  const [producer] = await page.evaluate((_: undefined) => window.player.producers(), undefined);
  await page.evaluate((id: string) => window.player.watch(id), producer!.id);
  await wait(START);
  const figures = (): Promise<PlayerFigures> => page.evaluate((_: undefined) => window.player.figures(), undefined);
  const before = (await figures()).video!;
  await wait(DURATION);
  const after = (await figures()).video!;
  await page.close();
  const fps = (1000 * (after.framesDecoded - before.framesDecoded)) / (after.timestamp - before.timestamp);
  return { fps, codec: after.codec };
}

describe.skipIf(chromiumMissing())('Chromium', () => {
  it.each(['VP8', 'H264', 'VP9', 'AV1'])(
    'plays %s',
    async (codec) => {
      const browser = await launchChromium();
      try {
        const seen = await watch(await browser.newPage(), codec);
        console.log(`Chromium, ${codec}: ${seen.fps.toFixed(1)} fps decoded`);
        expect(seen.codec).toBe(`video/${codec}`);
        expect(seen.fps).toBeGreaterThanOrEqual(28);
      } finally {
        await browser.close();
      }
    },
    60_000,
  );
});

it.skipIf(chromiumMissing())(
  'an encoder that fails while it runs: the picture returns, the session stays, in one line',
  async () => {
    // Of the command, which inherits it.
    process.env.TSWEBRTC_TEST_ENCODER_FAULTS = 'libx264@150';
    process.env.TSWEBRTC_LOG = 'media:warn';
    const browser = await launchChromium();
    try {
      const seen = await watch(await browser.newPage(), 'H264');
      const warnings = sink!.stderr.split('\n').filter((line) => / warn media: /.test(line));
      console.log(`Chromium, H264 that failed once: ${seen.fps.toFixed(1)} fps decoded; ${warnings.join(' | ')}`);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toContain('libx264 failed');
      expect(
        sink!.events.filter(({ event, reason }) => event === 'error' || (event === 'consumer-removed' && reason !== 'ended')),
      ).toEqual([]);
      expect(seen.fps).toBeGreaterThan(25);
    } finally {
      delete process.env.TSWEBRTC_TEST_ENCODER_FAULTS;
      delete process.env.TSWEBRTC_LOG;
      await browser.close();
    }
  },
  60_000,
);

describe.skipIf(firefoxMissing())('Firefox', () => {
  let browser: Firefox;
  beforeAll(async () => {
    browser = await launchFirefox();
  });
  afterAll(() => browser?.close());

  it.each(['VP8', 'VP9', 'AV1'])(
    'plays %s',
    async (codec) => {
      const seen = await watch((await browser.newPage()) as unknown as Page, codec);
      console.log(`Firefox, ${codec}: ${seen.fps.toFixed(1)} fps decoded`);
      expect(seen.codec).toBe(`video/${codec}`);
      expect(seen.fps).toBeGreaterThanOrEqual(28);
    },
    60_000,
  );
});

const imports = 'import gi, websockets; gi.require_version("GstWebRTC", "1.0"); from gi.repository import GstWebRTC';
const webrtcbinMissing =
  networkMissing() ?? (spawnSync('/usr/bin/python3', ['-c', imports]).status === 0 ? undefined : 'peer not available: webrtcbin');

describe.skipIf(webrtcbinMissing)('webrtcbin', () => {
  const SCRIPT = fileURLToPath(new URL('webrtcbin-consumer.py', import.meta.url));
  let lab: NetworkLab;
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    lab.remove();
  });

  it.each(['VP8', 'H264', 'H265'])(
    'plays %s',
    async (codec) => {
      lab = new NetworkLab();
      const within = (namespace: string): string[] => ['ip', 'netns', 'exec', namespace];
      const servers = [
        '--run-signalling-server',
        '--signalling-server-host',
        lab.producer.address,
        '--signalling-server-port',
        '8443',
      ];
      const producer = new CommandProcess(
        ['sink', '--json', '--stun-server', 'none', ...servers, VIDEO, '--video-codecs', codec],
        within(lab.producer.namespace),
      );
      children.push(producer.child);
      await producer.event('registered');
      const [ip, ...rest] = within(lab.viewer.namespace);
      const uri = `ws://${lab.producer.address}:8443`;
      const consumer = spawn(ip!, [...rest, '/usr/bin/python3', SCRIPT, uri, String((START + DURATION) / 1000)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      children.push(consumer);
      let output = '';
      consumer.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
      await new Promise((resolve) => consumer.once('exit', resolve));
      const seen = JSON.parse(output) as { codec: string; size: number[]; frames: number; fps: number };
      console.log(`webrtcbin, ${codec}: ${seen.fps.toFixed(1)} fps decoded`);
      expect(seen).toMatchObject({ codec, size: [1280, 720] });
      expect(seen.fps).toBeGreaterThanOrEqual(28);
    },
    60_000,
  );
});
