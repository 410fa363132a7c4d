/** What the README promises of the main job, with its figures: 720p30 in real headless Chromium. `npm run interop`. */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeTestFile } from '../packages/tswebrtc/src/media/make-test-file.testing.ts';
import { readFile } from '../packages/tswebrtc/src/media/read-file.testing.ts';
import { CommandProcess } from './command-process.ts';
import { LoneChromium } from './lone-chromium.ts';
import { figuresOf, rateOf } from './player-page.ts';
import { startSink, useChromium } from './use-chromium.ts';

const chromium = useChromium();

describe.each(['H264', 'VP8', 'VP9', 'AV1'])('%s and Opus at 720p30', (codec) => {
  it('plays at 28 decoded frames per second or more', async () => {
    const sink = await startSink(['testsrc:width=1280,height=720,framerate=30', 'tone', '--video-codecs', codec]);
    const page = await chromium.watch(sink.signallingUri);
    const heard = await page.evaluate(() => window.player.listen(2000));
    const before = (await figuresOf(page)).video!;
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    const { video: after, audio } = await figuresOf(page);
    const fps = rateOf(before, after!);
    const bitrate = (8000 * (after!.bytesReceived - before.bytesReceived)) / (after!.timestamp - before.timestamp);
    console.log(
      `${codec}: ${fps.toFixed(1)} decoded fps, ${(bitrate / 1e6).toFixed(2)} Mbit/s, lost ${after!.packetsLost} packets, decoder ${after!.decoder}, ` +
        `sound at ${heard.frequency.toFixed(0)} Hz, level ${heard.levels[0].toFixed(3)}, concealed ${((100 * audio!.concealedSamples) / audio!.totalSamplesReceived).toFixed(2)} %`,
    );
    expect(fps).toBeGreaterThanOrEqual(28);
    expect(after!.packetsLost).toBe(0);
    expect(heard.levels[0]).toBeGreaterThan(0.02);
  });
});

it('a second and a third consumer cost the first no packet and no frame', async () => {
  const sink = await startSink(['testsrc:width=1280,height=720,framerate=30', 'tone', '--video-codecs', 'H264']);
  const page = await chromium.watch(sink.signallingUri);
  await new Promise((resolve) => setTimeout(resolve, 3000)); // plays
  for (let i = 0; i < 2; i++) {
    const other = await chromium.watch(sink.signallingUri);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await other.evaluate(() => window.player.stop());
    await other.close();
  }
  const { video, audio } = await figuresOf(page);
  console.log(
    `the first consumer: ${video!.framesReceived} frames received, ${video!.framesDecoded} decoded, ${video!.framesDropped} dropped, ` +
      `${video!.freezeCount} freezes, ${video!.packetsLost} video and ${audio!.packetsLost} audio packets lost`,
  );
  expect(video!.packetsLost + audio!.packetsLost).toBe(0);
  // All that was received is decoded but for what waits in the jitter buffer, which on a machine that started pages holds more for a while.
  const unaccounted = async (): Promise<number> => {
    const before = (await figuresOf(page)).video!;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const after = (await figuresOf(page)).video!;
    const waited =
      (after.jitterBufferDelay - before.jitterBufferDelay) / (after.jitterBufferEmittedCount - before.jitterBufferEmittedCount);
    return after.framesReceived - after.framesDecoded - 30 * waited;
  };
  await expect.poll(unaccounted, { timeout: 5000 }).toBeLessThanOrEqual(2);
});

it('plays the sound of a file within 40 ms of its picture', async () => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'tswebrtc-file-'));
  const film = path.join(directory, 'film.mp4');
  await makeTestFile(film, { duration: 10 });
  const sink = await startSink([film, '--loop']);
  const page = await chromium.watch(sink.signallingUri);
  await page.evaluate(() => window.player.unmute());
  await page.evaluate(() => window.player.flashesAndBeeps(8000)); // lip sync settles
  const { flashes, beeps } = await page.evaluate(() => window.player.flashesAndBeeps(15_000));
  const { video, audio } = await figuresOf(page);
  const offsets = flashes
    .map((flash) =>
      beeps.reduce((best, beep) => (Math.abs(beep - flash) < Math.abs(best) ? beep - flash : best), Number.POSITIVE_INFINITY),
    )
    .filter((offset) => Math.abs(offset) < 500)
    .sort((a, b) => a - b);
  const median = offsets[offsets.length >> 1]!;
  console.log(
    `sound after picture, ms: median ${median?.toFixed(1)}, of ${offsets.map((x) => x.toFixed(0)).join(' ')}; ` +
      `playout timestamps differ by ${((audio!.estimatedPlayoutTimestamp ?? 0) - (video!.estimatedPlayoutTimestamp ?? 0)).toFixed(1)} ms`,
  );
  await rm(directory, { recursive: true, force: true });
  expect(offsets.length).toBeGreaterThan(8);
  expect(Math.abs(median)).toBeLessThanOrEqual(40);
});

it('a consumer that falls silent without goodbye is gone within 35 s', async () => {
  const sink = await startSink(['testsrc:width=640,height=360', '--video-codecs', 'VP8']);
  const { producer } = await chromium.openPlayer(sink.signallingUri);
  const silent = new LoneChromium(
    `${chromium.playerUrl}?watch=${producer.id}&signalling=${encodeURIComponent(sink.signallingUri)}`,
  );
  try {
    await sink.event('consumer-added');
    await new Promise((resolve) => setTimeout(resolve, 3000)); // plays
    silent.signal('SIGSTOP');
    const stopped = Date.now();
    const removed = await sink.event('consumer-removed', () => true, 40_000);
    console.log(`gone after ${((removed.time - stopped) / 1000).toFixed(1)} s, reason ${removed.reason}`);
    expect(removed.time - stopped).toBeLessThan(35_000);
  } finally {
    await silent.close();
  }
});

it('the demo page of gstwebrtc-api, unmodified, lists and plays the stream', async () => {
  // Its signalling port is fixed.
  const sink = await startSink([
    'testsrc',
    'tone',
    '--meta',
    'name=demo',
    '--signalling-server-port',
    '8443',
    '--web-server-directory',
    'node_modules/gstwebrtc-api/dist',
  ]);
  const page = await chromium.newPage();
  await page.goto(sink.pageUrl);
  const button = page.locator('#remote-streams .button, .remote-streams .button').first();
  await button.waitFor({ timeout: 10_000 });
  await button.click();
  await expect
    .poll(() => page.evaluate(() => [...document.querySelectorAll('video')].some((video) => video.videoWidth === 1280)), {
      timeout: 15_000,
    })
    .toBe(true);
});

it('the demo page of gstwebrtc-api, unmodified, is recorded as a producer', async () => {
  // Serves the page, and the signalling server at its fixed port; its own stream is not the one that is recorded.
  const sink = await startSink([
    'testsrc:width=160,height=120,framerate=5',
    '--signalling-server-port',
    '8443',
    '--web-server-directory',
    'node_modules/gstwebrtc-api/dist',
  ]);
  const directory = await mkdtemp(path.join(os.tmpdir(), 'tswebrtc-demo-'));
  const page = await chromium.newPage();
  try {
    await page.goto(sink.pageUrl);
    await page.locator('#capture-button').click();
    // The page says its id, and captures the camera without sound.
    const id = await page.waitForFunction(() => {
      const text = document.querySelector('#capture')?.textContent ?? '';
      return /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(text)?.[0];
    });
    const uri = `gstwebrtc://127.0.0.1:8443?peer-id=${await id.jsonValue()}`;
    const file = path.join(directory, 'demo.mp4');
    const src = new CommandProcess(['src', '--json', uri, '--stun-server', 'none', '--record', file, '--duration', '5']);
    expect((await src.exit).code, src.stderr).toBe(0);
    const { duration, streams } = await readFile(file);
    console.log(`the demo page: ${duration.toFixed(2)} s, ${streams[0]!.decoded.length} frames of ${streams[0]!.codec}`);
    expect(streams.map(({ kind, errors }) => [kind, errors])).toEqual([['video', 0]]);
    expect(Math.abs(duration - 5)).toBeLessThan(0.2);
  } finally {
    await page.close();
    await rm(directory, { recursive: true });
  }
});
