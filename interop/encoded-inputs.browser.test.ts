/** Inputs that come encoded, in real Chromium: passed on as they are, and back after they were lost. */
import { spawnSync } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { makeTestFile } from '../packages/tswebrtc/src/media/make-test-file.testing.ts';
import { type RtspServer, startRtspServer } from '../packages/tswebrtc/src/media/rtsp-server.testing.ts';
import { servedStreamsOf } from '../packages/tswebrtc/src/media/served-file.testing.ts';
import type { CommandProcess } from './command-process.ts';
import { figuresOf } from './player-page.ts';
import { playsOn, startSink, useChromium } from './use-chromium.ts';

const chromium = useChromium();
let folder: string;
const at = (name: string): string => path.join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'tswebrtc-encoded-'));
  await makeTestFile(at('camera.mp4'), { bFrames: 0, duration: 2, width: 640, height: 360 });
});
afterAll(() => rm(folder, { recursive: true }));

async function serveCamera(port?: number): Promise<RtspServer> {
  const server = await startRtspServer({ streams: await servedStreamsOf(at('camera.mp4')), ...(port ? { port } : {}) });
  onTestFinished(() => server.close().catch(() => {}));
  return server;
}

async function watch(args: readonly string[]): Promise<{ sink: CommandProcess; page: Page }> {
  const sink = await startSink([...args, '--stats-interval', '0.5']);
  return { sink, page: await chromium.watch(sink.signallingUri) };
}

const about = (sink: CommandProcess, event: string): number => sink.events.filter((each) => each.event === event).length;

describe('a camera', () => {
  it('whose H264 is passed on comes back after a restart; the session stays, and one line tells each', async () => {
    const server = await serveCamera();
    const { sink, page } = await watch([`rtsp://ann:secret@127.0.0.1:${server.port}/live`]);
    await playsOn(page);
    const stats = await sink.event('stats', ({ encodings }) =>
      (encodings as { passthrough: boolean; sessions: unknown[] }[]).some(
        (each) => each.passthrough && each.sessions.length === 1,
      ),
    );
    expect(stats.encodings).toContainEqual(expect.objectContaining({ codec: 'H264', passthrough: true, width: 640 }));
    expect((await figuresOf(page)).video!.codec).toBe('video/H264');
    await server.close();
    await sink.event('input-interrupted');
    await serveCamera(server.port);
    await sink.event('input-resumed');
    await playsOn(page);
    expect([about(sink, 'input-interrupted'), about(sink, 'input-resumed'), about(sink, 'consumer-removed')]).toEqual([1, 1, 0]);
    expect(sink.stderr.match(/was lost/g)).toHaveLength(1);
    expect(sink.stderr.match(/The input of video_0 and audio_0 is back/g)).toHaveLength(1);
    expect(sink.stderr + JSON.stringify(sink.events)).not.toContain('secret');
  }, 60_000);

  it('is encoded anew for who does not take its codec', async () => {
    const server = await serveCamera();
    const { page } = await watch([`rtsp://127.0.0.1:${server.port}/live`, '--video-codecs', 'VP8']);
    await playsOn(page);
    expect((await figuresOf(page)).video!.codec).toBe('video/VP8');
  }, 60_000);
});

describe('a FIFO', () => {
  it('whose writer leaves and comes back keeps its consumers', async () => {
    const fifo = at('fifo');
    spawnSync('mkfifo', [fifo]);
    // In MPEG-TS, which can be cut anywhere.
    await makeTestFile(at('film.ts'), { bFrames: 0, duration: 6, audio: false, width: 640, height: 360 });
    const write = (): void => void createReadStream(at('film.ts')).pipe(createWriteStream(fifo));
    write();
    const { sink, page } = await watch([fifo]);
    await sink.event('input-interrupted');
    write();
    await sink.event('input-resumed');
    await playsOn(page);
    expect(about(sink, 'consumer-removed')).toBe(0);
  }, 60_000);
});

describe('several inputs', () => {
  it('give two pictures and two sounds', async () => {
    const { page } = await watch([at('camera.mp4'), 'testsrc:width=320,height=240', 'tone', '--loop']);
    await playsOn(page);
    const tracks = await page.evaluate(() =>
      Array.from(document.querySelectorAll('video'), (video) => (video.srcObject as MediaStream | null)?.getTracks().length ?? 0),
    );
    expect(Math.max(...tracks)).toBe(4);
  }, 60_000);
});
