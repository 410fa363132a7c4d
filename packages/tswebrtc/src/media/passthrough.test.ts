import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeVideo } from './decode.testing.ts';
import { loadMediaEngine } from './engine.ts';
import { FrameLog } from './frame-log.testing.ts';
import { makeTestFile, type TestFileOptions } from './make-test-file.testing.ts';
import type { MediaEngine, MediaInput } from './types.ts';
import { beeps, flashes } from './watch.testing.ts';

let engine: MediaEngine;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tswebrtc-passthrough-'));
  engine = await loadMediaEngine();
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

async function open(name: string, options: TestFileOptions): Promise<MediaInput> {
  const path = join(folder, name);
  await makeTestFile(path, options);
  return engine.openInput({ type: 'file', path });
}

describe('the packets of a file', () => {
  it.each(['film.mp4', 'film.mkv'])('with H264 and AAC (%s) are passed on, decodable from every keyframe', async (name) => {
    const input = await open(name, { bFrames: 0, duration: 2 });
    const [video, audio] = input.tracks;
    expect(video).toMatchObject({
      kind: 'video',
      encoded: { codec: 'H264', profileLevelId: expect.stringMatching(/^64[0-9a-f]{4}$/) },
    });
    expect(audio!.encoded).toBeUndefined();
    const passthrough = await engine.openPassthrough(video!);
    const log = new FrameLog(passthrough);
    const sound = new FrameLog(await engine.openEncoding(audio!, { codec: 'OPUS', bitrate: 64_000 }));
    input.start();
    await Promise.all([log, sound].map((each) => each.until(({ ended }) => ended)));
    expect(log.frames).toHaveLength(60);
    const second = log.frames.findIndex(({ keyframe }, index) => keyframe && index > 0);
    expect(second).toBeGreaterThan(0);
    const pictures = await decodeVideo('H264', log.frames.slice(second));
    expect(pictures).toHaveLength(60 - second);
    expect(pictures[0]).toMatchObject({ width: 320, height: 240 });
    expect(log.frames.map(({ timestamp }) => Math.round((timestamp / 1e6) * 30))).toEqual(log.frames.map((_, i) => i));
    // In real time, and in time with the sound.
    expect(log.frames.at(-1)!.receivedAt - log.frames[0]!.receivedAt).toBeGreaterThan(1800);
    expect(log.frames.every(({ receivedAt, captureTime }) => receivedAt - captureTime > -5)).toBe(true);
    expect(await beeps(sound)).toHaveLength(2);
    expect(await passthrough.getStats()).toMatchObject({
      encoderImplementation: 'passthrough',
      framesEncoded: 60,
    });
    await input.close();
  });

  it('with VP8 and Opus are passed on, and encoded anew beside for who comes in the middle', async () => {
    const input = await open('film.webm', { video: 'libvpx', audio: 'libopus', duration: 3 });
    const [video, audio] = input.tracks;
    expect(video).toMatchObject({ encoded: { codec: 'VP8' } });
    expect(audio).toMatchObject({ encoded: { codec: 'OPUS' } });
    const passed = await Promise.all(input.tracks.map(async (track) => new FrameLog(await engine.openPassthrough(track))));
    input.start();
    // Halfway between two keyframes.
    await passed[0]!.until(({ frames }) => frames.length >= 40);
    const late = new FrameLog(await engine.openEncoding(video!, { codec: 'VP8', bitrate: 500_000 }));
    await late.until(({ frames }) => frames.length > 0);
    expect(passed[0]!.frames.length).toBeLessThan(60);
    await Promise.all([...passed, late].map((log) => log.until(({ ended }) => ended)));
    const [seen, heard] = await Promise.all([flashes(passed[0]!), beeps(passed[1]!)]);
    expect(seen).toHaveLength(3);
    expect(heard).toHaveLength(3);
    for (const [index, flash] of seen.entries()) expect(Math.abs(flash - heard[index]!)).toBeLessThan(25);
    expect((await flashes(late)).at(-1)).toBeCloseTo(seen[2]!, -1);
    await input.close();
  });

  it.each<[string, TestFileOptions, string | undefined]>([
    ['B-frames', { bFrames: 2 }, 'Its H264 has B-frames, which WebRTC receivers cannot put in order; it is encoded anew.'],
    ['pictures that lie on their side', { bFrames: 0, rotation: 90 }, undefined],
  ])('with %s are not passed on', async (_, options, transcoded) => {
    const input = await open('unfit.mp4', { duration: 0.5, audio: false, ...options });
    const [video] = input.tracks;
    expect([video!.encoded, video!.transcoded]).toEqual([undefined, transcoded]);
    await expect(engine.openPassthrough(video!)).rejects.toMatchObject({
      code: 'ENCODER_FAILED',
      message: `The track "${video!.id}" has no packets that could be passed on.`,
    });
    const log = new FrameLog(await engine.openEncoding(video!, { codec: 'VP8', bitrate: 500_000 }));
    input.start();
    await log.until(({ ended }) => ended);
    expect(log.frames.length).toBeGreaterThan(10);
    await input.close();
  });
});
