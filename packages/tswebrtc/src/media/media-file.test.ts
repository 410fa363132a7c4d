import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadMediaEngine } from './engine.ts';
import { FrameLog } from './frame-log.testing.ts';
import { makeTestFile } from './make-test-file.testing.ts';
import type { CodecName, InputTrack, MediaEngine, MediaInput } from './types.ts';
import { beeps, flashes, unevenness } from './watch.testing.ts';

let engine: MediaEngine;
let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tswebrtc-media-'));
  await makeTestFile(at('film.mp4'));
  await makeTestFile(at('film.webm'), { video: 'libvpx', audio: 'libopus', duration: 1 });
  await makeTestFile(at('short.mp4'), { soundStart: 0.2, duration: 0.7 });
  await makeTestFile(at('silent.mp4'), { audio: false, duration: 0.5, width: 322, height: 180 });
  await makeTestFile(at('sound.mp4'), { video: false, duration: 0.5 });
  engine = await loadMediaEngine();
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

async function encode(track: InputTrack): Promise<FrameLog> {
  const codec: CodecName = track.kind === 'video' ? 'VP8' : 'OPUS';
  return new FrameLog(await engine.openEncoding(track, { codec, bitrate: track.kind === 'video' ? 500_000 : 96_000 }));
}

function ended(input: MediaInput): Promise<void> {
  return new Promise((resolve) => input.on('ended', resolve));
}

describe('a media file', () => {
  it('plays in real time to its end, picture and sound together', async () => {
    const input = await engine.openInput({ type: 'file', path: at('film.mp4') });
    expect(input.tracks).toMatchObject([
      { kind: 'video', format: { width: 320, height: 240, framerate: 30 } },
      { kind: 'audio', format: { sampleRate: 44_100, channels: 2 } },
    ]);
    const [video, audio] = await Promise.all(input.tracks.map(encode));
    const started = performance.now();
    const end = ended(input);
    input.start();
    await Promise.all([end, video!.until((log) => log.ended), audio!.until((log) => log.ended)]);
    expect(performance.now() - started).toBeGreaterThan(1900);
    expect(performance.now() - started).toBeLessThan(3000);
    // 2 s of 30 frames; a machine under load may have given one up.
    expect(video!.frames.length).toBeGreaterThan(54);
    expect(video!.frames.length).toBeLessThanOrEqual(60);
    const [seen, heard] = await Promise.all([flashes(video!), beeps(audio!)]);
    expect(seen).toHaveLength(2);
    expect(heard).toHaveLength(2);
    for (const [i, time] of seen.entries()) expect(Math.abs(time - heard[i]!)).toBeLessThan(20);
    expect(Math.abs(seen[1]! - seen[0]! - 1000)).toBeLessThan(34);
    await input.close();
  });

  it.each([
    ['film.webm', 'pictures and sound of one length'],
    ['short.mp4', 'sound that begins late and ends otherwise than the pictures'],
  ])('starts over with timestamps that go on: %s, %s', async (name) => {
    const input = await engine.openInput({ type: 'file', path: at(name), loop: true });
    const [video, audio] = await Promise.all(input.tracks.map(encode));
    let over = false;
    input.on('ended', () => {
      over = true;
    });
    input.start();
    await Promise.all([video!, audio!].map((log) => log.until(({ frames }) => (frames.at(-1)?.timestamp ?? 0) > 2_700_000)));
    expect(over).toBe(false);
    await input.close();
    for (const log of [video!, audio!]) {
      for (let i = 1; i < log.frames.length; i++) {
        const step = log.frames[i]!.timestamp - log.frames[i - 1]!.timestamp;
        expect(step).toBeGreaterThan(0);
        // A machine that is late gives up pictures, but never so many that it looks like a freeze.
        expect(step).toBeLessThan(300_000);
      }
    }
    const [seen, heard] = await Promise.all([flashes(video!), beeps(audio!)]);
    expect(seen.length).toBeGreaterThanOrEqual(2);
    for (const [i, time] of seen.entries()) expect(Math.abs(time - heard[i]!)).toBeLessThan(30);
  });

  it('sends its sound as evenly as it is heard, whatever the decoder gives at once', async () => {
    // Frames of 46 ms.
    await makeTestFile(at('slow.mp4'), { sampleRate: 22_050, duration: 1.3 });
    const input = await engine.openInput({ type: 'file', path: at('slow.mp4') });
    const logs = await Promise.all(input.tracks.map(encode));
    input.start();
    await Promise.all(logs.map((log) => log.until((each) => each.ended)));
    await input.close();
    const [video, audio] = logs.map((log) => unevenness(log.frames));
    expect(audio!.deviation).toBeLessThan(5);
    // A packet leaves when its first sample is due, as a picture does: neither runs ahead of the other.
    expect(Math.abs(audio!.lag - video!.lag)).toBeLessThan(8);
    for (const [i, { timestamp }] of logs[1]!.frames.entries()) {
      expect(timestamp - logs[1]!.frames[0]!.timestamp).toBeCloseTo(i * 20_000, 3);
    }
    const [seen, heard] = await Promise.all([flashes(logs[0]!), beeps(logs[1]!)]);
    expect(heard).toHaveLength(seen.length);
    for (const [i, time] of seen.entries()) expect(Math.abs(time - heard[i]!)).toBeLessThan(20);
  });

  it('may have one medium only', async () => {
    const silent = await engine.openInput({ type: 'file', path: at('silent.mp4') });
    const sound = await engine.openInput({ type: 'file', path: at('sound.mp4') });
    expect(silent.tracks).toMatchObject([{ kind: 'video', format: { width: 322, height: 180 } }]);
    expect(sound.tracks).toMatchObject([{ kind: 'audio' }]);
    const logs = await Promise.all([silent, sound].map((input) => encode(input.tracks[0]!)));
    for (const input of [silent, sound]) input.start();
    await Promise.all(logs.map((log) => log.until(({ ended }) => ended)));
    expect(logs[0]!.frames.length).toBeGreaterThan(10);
    expect(logs[1]!.frames.length).toBeGreaterThan(20);
    await Promise.all([silent.close(), sound.close()]);
  });

  it('is named when it does not exist', async () => {
    await expect(engine.openInput({ type: 'file', path: at('nowhere.mp4') })).rejects.toMatchObject({
      code: 'INPUT_NOT_FOUND',
      message: expect.stringContaining(at('nowhere.mp4')),
    });
  });

  it.each([
    ['text', 'broken.txt', 'Not a film, only words.\n'.repeat(200)],
    ['data with an ending that means little', 'broken.bin', 'Neither a film nor a sound.\n'.repeat(200)],
    ['nothing', 'empty.mp4', ''],
    ['a playlist that points elsewhere', 'list.m3u8', '#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/film.ts\n'],
  ])('is named when it is %s', async (_, name, content) => {
    const path = at(name);
    await writeFile(path, content);
    await expect(engine.openInput({ type: 'file', path })).rejects.toMatchObject({
      code: 'INPUT_FAILED',
      message: expect.stringContaining(path),
    });
  });

  it('is refused when it is a folder', async () => {
    await expect(engine.openInput({ type: 'file', path: folder })).rejects.toMatchObject({ code: 'INPUT_FAILED' });
  });
});
