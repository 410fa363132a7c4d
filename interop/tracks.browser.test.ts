/**
 * Tracks come and go while three real browsers watch with the published gstwebrtc-api: of what goes on, nobody loses a frame.
 * Every encoded frame is compared, as it left the encoder and as it arrived.
 */
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import {
  loadMediaEngine,
  type MediaEngine,
  testAudio,
  testVideo,
  WebRTCSink,
  type WebRTCSinkOptions,
} from '../packages/tswebrtc/src/index.ts';
import { AUDIO_STEP, isRun, steps, VIDEO_CLOCK } from './frame-steps.ts';
import { useChromium } from './use-chromium.ts';

const chromium = useChromium();
let engine: MediaEngine;
let sink: WebRTCSink;
const pages: Page[] = [];
/** Times of all frames that the encoder of each input track made, µs. */
const encoded = new Map<string, number[]>();

beforeAll(async () => {
  engine = await loadMediaEngine();
  book(engine);
});
afterEach(async () => {
  pages.length = 0;
  await sink?.close();
});
afterAll(() => engine.close());

/** Books what the encoders make. */
function book(engine: MediaEngine): void {
  const open = engine.openEncoding.bind(engine);
  engine.openEncoding = async (track, options) => {
    const encoding = await open(track, options);
    const times = encoded.get(track.id) ?? [];
    encoded.set(track.id, times);
    encoding.on('frame', ({ timestamp }) => times.push(timestamp));
    return encoding;
  };
}

function create(options: WebRTCSinkOptions = {}): Promise<string> {
  sink = new WebRTCSink({
    engine,
    stunServer: null,
    runSignallingServer: true,
    signallingServerHost: '127.0.0.1',
    signallingServerPort: 0,
    videoCodecs: ['VP8'],
    ...options,
  });
  return new Promise((resolve) => {
    sink.on('listening', ({ urls }) => resolve(urls.find((url) => url.startsWith('ws'))!));
  });
}

async function watch(uri: string): Promise<Page> {
  const { page, producer } = await chromium.openPlayer(uri);
  pages.push(page);
  await page.evaluate((id) => window.player.watch(id, 'first', { frames: true }), producer.id);
  return page;
}

const inbound = (page: Page) => page.evaluate(() => window.player.inbound());
const frameTimes = (page: Page) => page.evaluate(() => window.player.frameTimes());
const tracks = (page: Page) => page.evaluate(() => window.player.tracks());

/** Resolves when `count` frames more have come on m-line `mid` of every page. */
async function flows(mid: string, count = 15): Promise<void> {
  const counts = () => Promise.all(pages.map(async (page) => (await frameTimes(page))[mid]?.length ?? 0));
  const before = await counts();
  await expect
    .poll(async () => (await counts()).every((now, index) => now >= before[index]! + count), { timeout: 40_000 })
    .toBe(true);
}

it('a track is added and another removed while three watch: of the others nobody loses a frame', async () => {
  // What a busy machine makes congestion control believe of the path must not decide what is sent.
  const listening = create({ congestionControl: 'disabled', maxBitrate: 500_000 });
  const small = { width: 320, height: 180, framerate: 25 };
  sink.addTrack(testVideo(small));
  sink.addTrack(testVideo({ ...small, pattern: 'ball' }));
  sink.addTrack(testAudio());
  await sink.start();
  const uri = await listening;
  await Promise.all([watch(uri), watch(uri), watch(uri)]);
  for (const mid of ['video0', 'video1', 'audio2']) await flows(mid);
  const before = await Promise.all(pages.map(inbound));

  await sink.addTrack(testVideo({ ...small, width: 160, height: 120 })).opened;
  await flows('video3');
  await sink.removeTrack('video_1');
  await expect
    .poll(
      async () => (await Promise.all(pages.map(tracks))).map((all) => all.filter(({ ended }) => ended).map(({ mid }) => mid)),
      { timeout: 40_000 },
    )
    .toEqual(Array(3).fill(['video1']));
  for (const mid of ['video0', 'audio2', 'video3']) await flows(mid);

  const after = await Promise.all(pages.map(inbound));
  for (const [index, page] of pages.entries()) {
    const [then, now] = [before[index]!, after[index]!];
    const times = await frameTimes(page);
    const made = steps(encoded.get('input-1.0')!, VIDEO_CLOCK);
    for (const mid of ['video0', 'audio2']) {
      expect(now[mid]!.packetsLost, `${mid} of page ${index}`).toBe(0);
      expect(now[mid]!.nackCount).toBe(then[mid]!.nackCount);
    }
    expect(isRun(steps(times.video0!), made), `frames of page ${index}`).toBe(true);
    expect(new Set(steps(times.audio2!))).toEqual(new Set([AUDIO_STEP]));
    expect(now.video3!.frameWidth).toBe(160);
    expect(Object.keys(now)).not.toContain('video1');
  }
  expect((await sink.getStats()).sessions.map(({ framesSkipped }) => framesSkipped)).toEqual([0, 0, 0]);
  expect(sink.tracks.map(({ name }) => name)).toEqual(['video_0', 'video_2', 'audio_0']);
}, 120_000);

it('two pictures and two sounds in streams of their own all play', async () => {
  const listening = create();
  const small = { width: 320, height: 180, framerate: 25 };
  sink.addTrack(testVideo(small), { msid: 'left' });
  sink.addTrack(testAudio({ frequency: 440 }), { msid: 'left' });
  sink.addTrack(testVideo({ ...small, width: 160, height: 120 }), { msid: 'right' });
  sink.addTrack(testAudio({ frequency: 880 }), { msid: 'right' });
  await sink.start();
  const page = await watch(await listening);
  const mids = ['video0', 'video1', 'audio2', 'audio3'];
  for (const mid of mids) await flows(mid);
  expect((await tracks(page)).map(({ mid, kind, streams }) => [mid, kind, ...streams])).toEqual([
    ['video0', 'video', 'left'],
    ['video1', 'video', 'right'],
    ['audio2', 'audio', 'left'],
    ['audio3', 'audio', 'right'],
  ]);
  await page.evaluate(() => window.player.unmute());
  await page.evaluate(() => window.player.playAll());
  const figures = await inbound(page);
  expect([figures.video0!.frameWidth, figures.video1!.frameWidth]).toEqual([320, 160]);
  expect([figures.video0!, figures.video1!].every(({ framesDecoded }) => framesDecoded > 0)).toBe(true);
  await expect
    .poll(
      async () => {
        const { audio2, audio3 } = await inbound(page);
        return audio2!.totalAudioEnergy > 0 && audio3!.totalAudioEnergy > 0;
      },
      { timeout: 40_000 },
    )
    .toBe(true);
}, 120_000);
