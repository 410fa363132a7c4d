/**
 * Tracks come and go while consumers of every kind watch; what goes on loses nothing. Chromium with the published gstwebrtc-api has a
 * file of its own (tracks.browser.test.ts). `npm run interop`.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { NetworkLab, networkMissing } from '../bench/network/network-lab.ts';
import { WebRTCSrc } from '../packages/tswebrtc/src/index.ts';
import { ChangingSink } from './changing-sink.ts';
import { CommandProcess } from './command-process.ts';
import { firefoxMissing, launchFirefox } from './firefox.ts';
import { AUDIO_STEP, steps } from './frame-steps.ts';
import { type DrivenPage, firstProducer, servePlayerPage } from './player-page.ts';
import { useChromium } from './use-chromium.ts';

const PATIENCE = { timeout: 40_000 };

const source = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** The RTP times of what has come so far, by m-line. */
type Times = () => Promise<Readonly<Record<string, readonly number[] | undefined>>>;

/** Resolves when so many frames more have come on each of these m-lines. */
async function flows(times: Times, ...mids: string[]): Promise<void> {
  const counts = async () => {
    const now = await times();
    return mids.map((mid) => now[mid]?.length ?? 0);
  };
  const before = await counts();
  await expect
    .poll(async () => Math.min(...(await counts()).map((count, index) => count - before[index]!)), PATIENCE)
    .toBeGreaterThan(25);
}

/** Of the picture and the sound that went on nothing is missing. */
async function expectNoLoss(who: string, sink: ChangingSink, times: Times): Promise<void> {
  const { video0 = [], audio2 = [] } = await times();
  const lost = steps(audio2).reduce((sum, step) => sum + step / AUDIO_STEP - 1, 0);
  const whole = await sink.hasSentAll(video0);
  console.log(
    `${who}: a track added, two removed; of the others came ${video0.length} pictures, ${whole ? 'all' : 'NOT all'} that were made, ` +
      `and ${audio2.length} packets of sound, ${lost} lost`,
  );
  expect(whole).toBe(true);
  expect(lost).toBe(0);
  expect(sink.ended).toEqual([]);
}

/** The widths of the pictures in a page, in order, when each element has shown ten more. */
function shown(page: DrivenPage): Promise<number[]> {
  const show = async (): Promise<number[]> => {
    const videos = [...document.querySelectorAll('video')];
    for (const video of videos) {
      for (let i = 0; i < 10; i++) await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
    }
    return videos.map(({ videoWidth }) => videoWidth);
  };
  return page.evaluate(show, undefined);
}

/** The page watches a sink whose tracks change. */
async function watchChanges(who: string, page: DrivenPage, sink: ChangingSink): Promise<void> {
  const { id } = await firstProducer(page, sink.signallingUri);
  await page.evaluate((producerId: string) => window.player.watch(producerId, 'first', { frames: true }), id);
  const times: Times = () => page.evaluate((_: undefined) => window.player.frameTimes(), undefined);
  const ended = async () => {
    const tracks = await page.evaluate((_: undefined) => window.player.tracks(), undefined);
    return tracks.filter((track) => track.ended).map(({ mid }) => mid);
  };
  await flows(times, 'video0', 'video1', 'audio2');

  await sink.add();
  await flows(times, 'video0', 'video3');
  await page.evaluate((_: undefined) => window.player.playAll(), undefined);
  expect(await shown(page)).toEqual([320, 160]);

  await sink.remove('video_1');
  await expect.poll(ended, PATIENCE).toEqual(['video1']);
  await flows(times, 'video0', 'video3', 'audio2');
  await sink.remove('video_2');
  await expect.poll(ended, PATIENCE).toEqual(['video1', 'video3']);
  await flows(times, 'video0', 'audio2');
  await expectNoLoss(who, sink, times);
  expect((await page.evaluate((_: undefined) => window.player.figures(), undefined)).errors).toEqual([]);
}

it('in Firefox, with the published gstwebrtc-api', async (context) => {
  const missing = firefoxMissing();
  if (missing) return context.skip(`peer not available: ${missing}`);
  const sink = await ChangingSink.start();
  const served = await servePlayerPage();
  onTestFinished(() => served.close());
  const firefox = await launchFirefox();
  onTestFinished(() => firefox.close());
  const page = await firefox.newPage();
  await page.goto(served.url);
  await watchChanges('Firefox', page as unknown as DrivenPage, sink);
}, 240_000);

describe('in Chromium', () => {
  const chromium = useChromium();
  let library: string;
  beforeAll(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tswebrtc-library-'));
    await build({
      logLevel: 'error',
      configFile: false,
      resolve: { alias: { '@tswebrtc/protocol': source('packages/protocol/src/index.ts') } },
      build: {
        outDir: directory,
        lib: { entry: source('packages/browser/src/index.ts'), formats: ['iife'], name: 'library', fileName: () => 'library.js' },
      },
    });
    library = await readFile(join(directory, 'library.js'), 'utf8');
    await rm(directory, { recursive: true });
  }, 60_000);

  it('with @tswebrtc/browser in place of gstwebrtc-api', async () => {
    const sink = await ChangingSink.start();
    const page = await chromium.newPage();
    const body = `${library};\nwindow.GstWebRTCAPI = library.GstWebRTCAPI;`;
    await page.route('**/gstwebrtc-api.min.js', (route) => route.fulfill({ body, contentType: 'text/javascript' }));
    await page.goto(chromium.playerUrl);
    await watchChanges('Chromium with @tswebrtc/browser', page, sink);
  }, 240_000);
});

it('in WebRTCSrc', async () => {
  const sink = await ChangingSink.start();
  const came: Record<string, number[]> = {};
  const ended: string[] = [];
  const src = new WebRTCSrc({ signaller: { uri: sink.signallingUri }, connectToFirstProducer: true, stunServer: null });
  onTestFinished(() => src.close());
  src.on('track', (track) => {
    const times: number[] = [];
    came[track.mid!] = times;
    track.on('frame', ({ timestamp }) => times.push(timestamp));
    track.on('ended', () => ended.push(track.name));
  });
  await src.start();
  const times: Times = async () => came;
  await flows(times, 'video0', 'video1', 'audio2');
  await sink.add();
  await flows(times, 'video0', 'video3');
  await sink.remove('video_1');
  await expect.poll(() => ended, PATIENCE).toEqual(['video_1']);
  await flows(times, 'video0', 'video3', 'audio2');
  await sink.remove('video_2');
  await expect.poll(() => ended, PATIENCE).toEqual(['video_1', 'video_2']);
  await flows(times, 'video0', 'audio2');
  await expectNoLoss('WebRTCSrc', sink, times);
}, 240_000);

it('in `tswebrtc src`, which says so', async () => {
  const sink = await ChangingSink.start();
  const src = new CommandProcess(['src', '--json', sink.signallingUri, '--stun-server', 'none']);
  onTestFinished(() => void src.child.kill('SIGKILL'));
  await src.event('track', ({ kind }) => kind === 'audio', 60_000);
  await sink.add();
  await src.event('track', ({ name, mid, msid }) => name === 'video_2' && mid === 'video3' && msid === 'added', 60_000);
  await sink.remove('video_1');
  await src.event('track-ended', ({ name }) => name === 'video_1', 60_000);
  expect(sink.ended).toEqual([]);
}, 240_000);

describe('in webrtcbin', () => {
  const imports = 'import gi, websockets; gi.require_version("GstWebRTC", "1.0"); from gi.repository import GstWebRTC';
  const missing =
    networkMissing() ??
    (spawnSync('/usr/bin/python3', ['-c', imports]).status === 0 ? undefined : 'peer not available: webrtcbin');

  type Pad = { readonly packets: number; readonly lost: number; readonly decoded: number; readonly ended: boolean };
  type Report = { readonly offers: number; readonly answers: number; readonly pads: Readonly<Record<string, Pad>> };

  it('which answers every offer, an ICE restart among them', async (context) => {
    if (missing) return context.skip(missing);
    const lab = new NetworkLab();
    onTestFinished(() => lab.remove());
    const sink = await ChangingSink.start(lab.producer.address, 8443, ['ip', 'netns', 'exec', lab.producer.namespace]);
    const script = source('interop/webrtcbin-watcher.py');
    const uri = `ws://${lab.producer.address}:8443`;
    const watcher = spawn('ip', ['netns', 'exec', lab.viewer.namespace, '/usr/bin/python3', script, uri], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    onTestFinished(() => void watcher.kill('SIGKILL'));
    let report: Report = { offers: 0, answers: 0, pads: {} };
    createInterface({ input: watcher.stdout }).on('line', (line) => {
      report = JSON.parse(line) as Report;
    });
    /** Resolves when these pads, in the order of the m-lines, have decoded some more each. */
    const decodes = async (...pads: string[]): Promise<void> => {
      const before = report;
      const more = (pad: string) => (report.pads[pad]?.decoded ?? 0) - (before.pads[pad]?.decoded ?? 0);
      await expect.poll(() => Math.min(...pads.map(more)), PATIENCE).toBeGreaterThan(25);
    };
    await decodes('src_0', 'src_1', 'src_2');
    await sink.add();
    await decodes('src_0', 'src_2', 'src_3');
    await sink.remove('video_1');
    await expect.poll(() => report.pads.src_1!.ended, PATIENCE).toBe(true);
    await decodes('src_0', 'src_2', 'src_3');
    await sink.restartIce();
    await expect.poll(() => report.answers, PATIENCE).toBe(4);
    await decodes('src_0', 'src_2', 'src_3');
    const { src_0: picture, src_2: sound, src_3: added } = report.pads;
    console.log(
      `webrtcbin: a track added, one removed, an ICE restart; ${picture!.packets} packets of the picture that went on and ` +
        `${sound!.packets} of the sound, lost ${picture!.lost} and ${sound!.lost}`,
    );
    expect([picture, sound, added].map((pad) => [pad!.lost, pad!.ended])).toEqual(Array(3).fill([0, false]));
    expect(report.offers).toBe(4);
    expect(sink.ended).toEqual([]);
  }, 240_000);
});
