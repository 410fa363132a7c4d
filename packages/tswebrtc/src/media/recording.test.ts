/** Files that the engine writes, read back by FFmpeg: whole, decodable, every frame at its time. */
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  av,
  configureAudio,
  configureVideo,
  constants,
  encode,
  OPUS_OPTIONS,
  picture,
  sound,
  VIDEO_ENCODERS,
} from '../rtp/ffmpeg.testing.ts';
import { readKeyframe } from '../rtp/keyframes/keyframe.ts';
import type { EncodedFrameInput } from '../rtp/packetiser.ts';
import type { RecordedVideoCodec } from './containers.ts';
import { loadMediaEngine } from './engine.ts';
import type { RecordedTrack, Recording } from './output-types.ts';
import { readFile } from './read-file.testing.ts';
import type { MediaEngine } from './types.ts';

const FRAMES = 60;

const made = new Map<string, Promise<EncodedFrameInput[]>>();
/** 320x240, 29.97 frames a second. */
function video(codec: RecordedVideoCodec): Promise<EncodedFrameInput[]> {
  const [encoder, options] = VIDEO_ENCODERS[codec];
  if (!made.has(codec)) made.set(codec, encode(encoder, options, configureVideo, picture(), FRAMES, 1e6 / 90_000));
  return made.get(codec)!;
}
/** 20 ms each. */
async function opus(): Promise<EncodedFrameInput[]> {
  if (!made.has('OPUS')) made.set('OPUS', encode('libopus', OPUS_OPTIONS, configureAudio, sound(), 100, 1));
  const packets = await made.get('OPUS')!;
  return packets.slice(0, 100).map((packet, i) => ({ ...packet, timestamp: i * 20_000 }));
}

const AUDIO: RecordedTrack = { kind: 'audio', codec: 'OPUS', sent: { sampleRate: 48_000, channels: 2 } };
const videoTrack = (codec: RecordedVideoCodec, first: EncodedFrameInput): RecordedTrack => {
  const { width, height, configuration } = readKeyframe(codec, first.data)!;
  return { kind: 'video', codec, width, height, configuration };
};

describe('a recording', () => {
  let engine: MediaEngine;
  let directory: string;
  const open: Recording[] = [];

  beforeAll(async () => {
    av.Log.setLevel(constants.AV_LOG_QUIET);
    engine = await loadMediaEngine();
  });
  beforeEach(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'tswebrtc-recording-'));
  });
  afterEach(async () => {
    for (const recording of open.splice(0)) await recording.close().catch(() => {});
    await rm(directory, { recursive: true });
  });
  afterAll(() => engine.close());

  /** Both tracks, in the order of their times; those that `keep` takes. */
  async function record(
    name: string,
    container: 'mp4' | 'webm' | 'matroska' | 'hls',
    codec: RecordedVideoCodec,
    keep: (frame: EncodedFrameInput, track: number) => boolean = () => true,
  ): Promise<{ file: string; recording: Recording }> {
    const file = path.join(directory, name);
    const [pictures, packets] = [await video(codec), await opus()];
    const recording = await engine.openRecording({ container, output: file, tracks: [videoTrack(codec, pictures[0]!), AUDIO] });
    open.push(recording);
    const frames = [...pictures.map((frame) => [0, frame] as const), ...packets.map((frame) => [1, frame] as const)];
    frames.sort((a, b) => a[1].timestamp - b[1].timestamp);
    for (const [track, frame] of frames) {
      const { data, timestamp, keyframe } = frame;
      if (keep(frame, track)) recording.write({ track, data, timestamp, keyframe: keyframe || track === 1 });
    }
    return { file, recording };
  }

  const settled = (recording: Recording, frames: number) =>
    expect.poll(() => recording.figures.frames.reduce((a, b) => a + b, 0)).toBe(frames);

  it.each<[string, 'mp4' | 'webm' | 'matroska' | 'hls', RecordedVideoCodec, format: string]>([
    ['a.mp4', 'mp4', 'H264', 'mov'],
    ['a.mp4', 'mp4', 'H265', 'mov'],
    ['a.mp4', 'mp4', 'VP9', 'mov'],
    ['a.mp4', 'mp4', 'AV1', 'mov'],
    ['a.webm', 'webm', 'VP8', 'matroska'],
    ['a.webm', 'webm', 'VP9', 'matroska'],
    ['a.webm', 'webm', 'AV1', 'matroska'],
    ['a.mkv', 'matroska', 'H264', 'matroska'],
    ['a.mkv', 'matroska', 'H265', 'matroska'],
    ['a.mkv', 'matroska', 'VP8', 'matroska'],
    ['a.m3u8', 'hls', 'H264', 'hls'],
    ['a.m3u8', 'hls', 'AV1', 'hls'],
  ])('as %s (%s) of %s keeps every frame as it is, at its time', async (name, container, codec, format) => {
    const { file, recording } = await record(name, container, codec);
    await recording.close();
    const read = await readFile(file);
    expect(read.format).toContain(format);
    const [pictures, heard] = read.streams;
    expect(pictures).toMatchObject({ kind: 'video', width: 320, height: 240, errors: 0 });
    expect(pictures!.decoded).toHaveLength(FRAMES);
    expect(pictures!.codec).toMatch({ VP8: /vp8/, VP9: /vp9/, H264: /h264/, H265: /hevc/, AV1: /av1/ }[codec]);
    // Containers count in milliseconds or finer.
    for (const [i, time] of pictures!.times.entries()) expect(Math.abs(time - (i * 3003) / 90_000)).toBeLessThan(0.0011);
    expect(heard!.codec).toMatch(/opus/);
    expect(heard!.times).toHaveLength(100);
    for (const [i, time] of heard!.times.entries()) expect(Math.abs(time - i * 0.02)).toBeLessThan(0.0011);
    expect(heard!.decoded.slice(10).every(({ level }) => level > 0.1)).toBe(true);
    if (container !== 'hls') expect(Math.abs(read.duration - 2)).toBeLessThan(0.05);
    expect(recording.figures).toMatchObject({ frames: [FRAMES, 100], framesDropped: 0 });
  });

  it.each<[string, 'mp4' | 'webm' | 'hls', RecordedVideoCodec, becomes: RegExp]>([
    ['a.mp4', 'mp4', 'VP8', /h264/],
    ['a.webm', 'webm', 'H264', /vp8/],
    ['a.m3u8', 'hls', 'VP8', /h264/],
  ])('re-encodes for %s (%s) what it does not take: %s', async (name, container, codec, becomes) => {
    const { file, recording } = await record(name, container, codec);
    await recording.close();
    const [pictures] = (await readFile(file)).streams;
    expect(pictures!.codec).toMatch(becomes);
    expect(pictures).toMatchObject({ width: 320, height: 240, errors: 0 });
    expect(pictures!.decoded).toHaveLength(FRAMES);
    for (const [i, { time }] of pictures!.decoded.entries()) expect(Math.abs(time - (i * 3003) / 90_000)).toBeLessThan(0.0011);
  });

  it.each<['mp4' | 'matroska' | 'webm', RecordedVideoCodec]>([
    ['mp4', 'H264'],
    ['matroska', 'H264'],
    ['webm', 'VP8'],
  ])('keeps gaps as gaps in %s', async (container, codec) => {
    const missing = (seconds: number): boolean => (seconds > 0.7 && seconds < 1.3) || (seconds > 0.3 && seconds < 0.345);
    const { file, recording } = await record(`gap.${container}`, container, codec, ({ timestamp }) => !missing(timestamp / 1e6));
    await recording.close();
    const { streams } = await readFile(file);
    for (const { kind, times } of streams) {
      expect(times.filter((time) => time > 0.71 && time < 1.29)).toEqual([]);
      const unit = kind === 'video' ? 3003 / 90_000 : 0.02;
      for (const time of times) expect(Math.abs(time - Math.round(time / unit) * unit)).toBeLessThan(0.0011);
      expect(times.at(-1)!).toBeGreaterThan(1.9);
    }
  });

  it.each<['mp4' | 'matroska' | 'webm', RecordedVideoCodec]>([
    ['mp4', 'H264'],
    ['mp4', 'AV1'],
    ['matroska', 'H264'],
    ['webm', 'VP8'],
  ])('is playable as it lies there, unfinished: %s of %s', async (container, codec) => {
    const { file, recording } = await record(`crash.${container}`, container, codec);
    await settled(recording, FRAMES + 100);
    await expect.poll(async () => (await stat(file)).size, { timeout: 5000 }).toBeGreaterThan(10_000);
    const { streams } = await readFile(file);
    expect(streams.map(({ kind }) => kind)).toEqual(['video', 'audio']);
    // All but the last second.
    expect(streams[0]!.decoded.length).toBeGreaterThanOrEqual(25);
    expect(streams[0]!.errors).toBe(0);
  });

  it.each<['mp4' | 'matroska', RecordedVideoCodec]>([
    ['mp4', 'H264'],
    ['matroska', 'H264'],
  ])('lets a track begin later than the other in %s', async (container, codec) => {
    const { file, recording } = await record(
      `late.${container}`,
      container,
      codec,
      (frame, track) => track === 0 || frame.timestamp >= 300_000,
    );
    await recording.close();
    const [pictures, heard] = (await readFile(file)).streams;
    expect(pictures!.times[0]).toBe(0);
    expect(heard!.times[0]).toBeCloseTo(0.3, 2);
    expect(heard!.times[1]).toBeCloseTo(0.32, 2);
  });

  it('of HLS lists its parts while it is written, and cuts them at keyframes', async () => {
    const { file, recording } = await record('live.m3u8', 'hls', 'H264');
    await recording.close();
    const names = (await readdir(directory)).sort();
    expect(names).toEqual(['live-00000.m4s', 'live-init.mp4', 'live.m3u8']);
    expect((await readFile(file)).streams[0]!.keyframes[0]).toBe(0);
  });

  it.each(['mp4', 'matroska'] as const)('goes to a reader as it is made: %s', async (container) => {
    const parts: Uint8Array[] = [];
    const [pictures, packets] = [await video('H264'), await opus()];
    const recording = await engine.openRecording({
      container,
      output: { write: (data) => parts.push(data), waiting: 0 },
      tracks: [videoTrack('H264', pictures[0]!), AUDIO],
    });
    open.push(recording);
    for (const { data, timestamp, keyframe } of pictures) recording.write({ track: 0, data, timestamp, keyframe });
    for (const { data, timestamp } of packets) recording.write({ track: 1, data, timestamp, keyframe: true });
    await recording.close();
    const file = path.join(directory, 'from-pipe');
    await writeFile(file, Buffer.concat(parts));
    const { streams } = await readFile(file);
    expect(streams[0]!.decoded).toHaveLength(FRAMES);
    expect(streams[1]!.times).toHaveLength(100);
  });

  it('gives up frames for a reader that does not read, and goes on with a keyframe', async () => {
    const reader = { write: () => {}, waiting: 0 };
    const pictures = await video('VP8');
    const recording = await engine.openRecording({
      container: 'webm',
      output: reader,
      tracks: [videoTrack('VP8', pictures[0]!)],
    });
    open.push(recording);
    for (const [i, { data, timestamp, keyframe }] of pictures.entries()) {
      reader.waiting = i >= 5 && i < 10 ? 100e6 : 0;
      recording.write({ track: 0, data, timestamp, keyframe });
    }
    const next = pictures.findIndex(({ keyframe }, i) => keyframe && i >= 10);
    expect(recording.figures).toMatchObject({ framesDropped: next - 5, frames: [FRAMES - (next - 5)] });
  });

  it('says what is wrong with a file that cannot be written, a container that is none, and no tracks', async () => {
    const first = (await video('H264'))[0]!;
    const tracks = [videoTrack('H264', first)];
    const nowhere = path.join(directory, 'no', 'such', 'a.mp4');
    await expect(engine.openRecording({ container: 'mp4', output: nowhere, tracks })).rejects.toMatchObject({
      code: 'RECORDING_FAILED',
      message: expect.stringContaining(nowhere),
    });
    await expect(engine.openRecording({ container: 'avi' as 'mp4', output: 'a', tracks })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
    await expect(engine.openRecording({ container: 'mp4', output: 'a.mp4', tracks: [] })).rejects.toThrow(/one track or more/);
  });

  it('says that the disk is full', async () => {
    const pictures = await video('H264');
    const recording = await engine.openRecording({
      container: 'matroska',
      output: '/dev/full',
      tracks: [videoTrack('H264', pictures[0]!)],
    });
    const failed = new Promise<Error>((resolve) => recording.on('error', resolve));
    for (const { data, timestamp, keyframe } of pictures) recording.write({ track: 0, data, timestamp, keyframe });
    expect(await failed).toMatchObject({ code: 'RECORDING_FAILED', message: expect.stringMatching(/No space left/) });
    await expect(recording.close()).rejects.toMatchObject({ code: 'RECORDING_FAILED' });
  });
});
