/**
 * The main job, as users meet it: the command as a process of its own, real headless Chromium, and the published
 * gstwebrtc-api as the page's library. Rates are asserted loosely here, because machines that run tests are busy; the exact
 * ones stand in sink.interop.test.ts.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeTestFile } from '../packages/tswebrtc/src/media/make-test-file.testing.ts';
import { LoneChromium } from './lone-chromium.ts';
import { figuresOf, rateOf } from './player-page.ts';
import { playsOn, startSink, useChromium } from './use-chromium.ts';

const VIDEO = 'testsrc:width=640,height=360,framerate=30';

const chromium = useChromium();

describe.each(['VP8', 'H264', 'VP9', 'AV1'])('%s and Opus in Chromium', (codec) => {
  it('is listed by the published gstwebrtc-api and plays picture and sound', async () => {
    const sink = await startSink([VIDEO, 'tone:frequency=440', '--video-codecs', codec, '--meta', 'name=camera one']);
    const { page, producer } = await chromium.openPlayer(sink.signallingUri);
    expect(producer.meta).toEqual({ name: 'camera one' });

    const first = await page.evaluate((id) => window.player.watch(id), producer.id);
    expect(first).toMatchObject({ width: 640, height: 360 });
    const before = (await figuresOf(page)).video!;
    const heard = await page.evaluate(() => window.player.listen(3000));
    const after = await figuresOf(page);

    expect(after.errors).toEqual([]);
    expect(after.video!.codec).toBe(`video/${codec}`);
    expect(after.audio!.codec).toBe('audio/opus');
    expect(rateOf(before, after.video!)).toBeGreaterThan(20);
    expect(heard.levels[0]).toBeGreaterThan(0.02);
    expect(heard.levels[1]).toBeGreaterThan(0.02);
    expect(Math.abs(heard.frequency - 440)).toBeLessThan(15);

    const added = await sink.event('consumer-added');
    await page.evaluate(() => window.player.stop());
    const removed = await sink.event('consumer-removed');
    expect(removed).toMatchObject({ sessionId: added.sessionId, peerId: added.peerId, reason: 'ended' });
    expect(await sink.stop()).toBe(0);
  });
});

describe('several consumers', () => {
  it('come and go without the first losing a packet or a frame, and share one encoder', async () => {
    // One encoder for all, whatever each of them could have on a busy machine.
    const options = ['--video-codecs', 'VP8', '--max-encodings', '1', '--stats-interval', '0.5'];
    const sink = await startSink([VIDEO, 'tone', ...options]);
    const { page, producer } = await chromium.openPlayer(sink.signallingUri);
    await page.evaluate((id) => window.player.watch(id), producer.id);
    const others = [(await chromium.openPlayer(sink.signallingUri)).page, (await chromium.openPlayer(sink.signallingUri)).page];
    for (const other of others) await other.evaluate((id) => window.player.watch(id), producer.id);
    const shared = await sink.event(
      'stats',
      ({ sessions }) => (sessions as { encodingId: string | null }[]).filter((session) => session.encodingId).length === 3,
    );
    const sessions = shared.sessions as { encodingId: string; sharedWith: string[] }[];
    expect(new Set(sessions.map((session) => session.encodingId)).size).toBe(1);
    expect(sessions.map((session) => session.sharedWith.length)).toEqual([2, 2, 2]);
    for (const other of others) await other.evaluate(() => window.player.stop());
    await sink.event('consumer-removed', () => sink.events.filter(({ event }) => event === 'consumer-removed').length === 2);
    const before = (await figuresOf(page)).video!;
    await playsOn(page, 15);

    const { video, audio } = await figuresOf(page);
    expect(video!.packetsLost).toBe(0);
    expect(audio!.packetsLost).toBe(0);
    // Nor did it ever lose the picture; how many frames a busy browser leaves out is measured in the interop tests.
    expect(video!.pliCount).toBe(before.pliCount);
  });

  it('one of which is killed without goodbye is gone from the sink, and the other plays on', async () => {
    const sink = await startSink([VIDEO, '--video-codecs', 'VP8']);
    const { page, producer } = await chromium.openPlayer(sink.signallingUri);
    await page.evaluate((id) => window.player.watch(id), producer.id);

    const doomed = new LoneChromium(
      `${chromium.playerUrl}?watch=${producer.id}&signalling=${encodeURIComponent(sink.signallingUri)}`,
    );
    try {
      await sink.event('consumer-added', () => sink.events.filter(({ event }) => event === 'consumer-added').length === 2);
      doomed.signal('SIGKILL');
      const removed = await sink.event('consumer-removed', () => true, 35_000);
      expect(removed.sessionId).toBe(sink.events.filter(({ event }) => event === 'consumer-added')[1]!.sessionId);
      await playsOn(page, 10);
    } finally {
      await doomed.close();
    }
  }, 60_000);
});

describe('a file', () => {
  it('plays picture and sound together', async () => {
    const directory = await mkdtemp(path.join(os.tmpdir(), 'tswebrtc-file-'));
    try {
      const film = path.join(directory, 'film.mp4');
      await makeTestFile(film, { duration: 6 });
      const sink = await startSink([film, '--loop']);
      const { page, producer } = await chromium.openPlayer(sink.signallingUri);
      await page.evaluate((id) => window.player.watch(id), producer.id);
      await page.evaluate(() => window.player.unmute());
      const { flashes, beeps } = await page.evaluate(() => window.player.flashesAndBeeps(9000));
      expect(flashes.length).toBeGreaterThan(3);
      const offsets = flashes.flatMap((flash) => {
        const nearest = beeps.reduce(
          (best, beep) => (Math.abs(beep - flash) < Math.abs(best - flash) ? beep : best),
          Number.POSITIVE_INFINITY,
        );
        return Math.abs(nearest - flash) < 500 ? [nearest - flash] : [];
      });
      expect(offsets.length).toBeGreaterThan(3);
      const median = offsets.sort((a, b) => a - b)[offsets.length >> 1]!;
      // A browser without a core to itself hides its lateness in longer buffers: the exact figure is asserted where it is quiet.
      expect(Math.abs(median)).toBeLessThan(250);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }, 60_000);
});

describe('the page that comes with the command', () => {
  it('lists the stream and plays it when clicked, with live figures', async () => {
    const sink = await startSink([VIDEO, 'tone', '--meta', 'name=front <b>door</b>']);
    const page = await chromium.newPage();
    await page.goto(sink.pageUrl);
    const stream = page.getByTestId('stream');
    await expect.poll(() => stream.count()).toBe(1);
    expect(await stream.first().textContent()).toContain('front <b>door</b>');
    await stream.first().click();
    await expect
      .poll(() => page.evaluate(() => document.querySelector<HTMLVideoElement>('[data-testid=player-video]')?.videoWidth), {
        timeout: 10_000,
      })
      .toBe(640);
    await expect
      .poll(async () => Number.parseFloat((await page.getByTestId('figure-fps').first().textContent()) ?? ''), {
        timeout: 10_000,
      })
      .toBeGreaterThan(15);
  });
});
