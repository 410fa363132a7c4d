/** A source records what a sink with real encoders sends, and hands its frames out decoded. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { SignallingServer } from '@tswebrtc/signalling-server';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { strengthAt } from '../media/decode.testing.ts';
import { loadMediaEngine } from '../media/engine.ts';
import { makeTestFile } from '../media/make-test-file.testing.ts';
import { offsetsOfBeeps, readFile } from '../media/read-file.testing.ts';
import type { InputDescription, MediaEngine } from '../media/types.ts';
import { file, testAudio, testVideo } from '../webrtcsink/tracks.ts';
import { WebRTCSink } from '../webrtcsink/webrtcsink.ts';
import type { WebRTCSrcOptions } from './properties.ts';
import type { SrcTrack } from './src-track.ts';
import { WebRTCSrc } from './webrtcsrc.ts';

let engine: MediaEngine;
let server: SignallingServer;
let directory: string;
const cleanups: (() => Promise<void>)[] = [];
beforeAll(async () => {
  engine = await loadMediaEngine();
  server = await SignallingServer.listen({ host: '127.0.0.1', port: 0 });
  directory = await mkdtemp(path.join(os.tmpdir(), 'tswebrtc-src-'));
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(async () => {
  await engine.close();
  await server.close();
  await rm(directory, { recursive: true });
});

const VIDEO = testVideo({ width: 320, height: 240, framerate: 30 });
const uri = (): string => `ws://127.0.0.1:${server.port}`;

async function produce(inputs: readonly InputDescription[], codec: 'H264' | 'VP8'): Promise<WebRTCSink> {
  const sink = new WebRTCSink({ engine, signaller: { uri: uri() }, stunServer: null, videoCodecs: [codec] });
  cleanups.push(() => sink.close());
  for (const input of inputs) sink.addTrack(input);
  await sink.start();
  return sink;
}

async function consume(options: WebRTCSrcOptions = {}): Promise<{ src: WebRTCSrc; tracks: SrcTrack[] }> {
  const src = new WebRTCSrc({ engine, signaller: { uri: uri() }, connectToFirstProducer: true, stunServer: null, ...options });
  cleanups.push(() => src.close());
  const tracks: SrcTrack[] = [];
  src.on('track', (track) => tracks.push(track));
  await src.start();
  return { src, tracks };
}

describe('a recording', () => {
  it.each<[name: string, codec: 'H264' | 'VP8', transcodedTo: string | undefined]>([
    ['a.mp4', 'H264', undefined],
    ['a.mkv', 'VP8', undefined],
    ['a.webm', 'VP8', undefined],
    ['b.mp4', 'VP8', 'H264'],
  ])('%s of %s holds what came, as much as was asked for', async (name, codec, transcodedTo) => {
    await produce([VIDEO, testAudio()], codec);
    const output = path.join(directory, name);
    const { src } = await consume();
    /** What came, s by the tracks' own clocks: a busy producer leaves gaps itself. */
    const came: Record<string, number[]> = { video: [], audio: [] };
    src.on('track', (track) => {
      track.on('frame', ({ timestamp, clockRate }) => came[track.kind]!.push(timestamp / clockRate));
    });
    const recording = src.record(output, { duration: 3000 });
    const begun = new Promise((resolve) => recording.on('begun', resolve));
    expect(await begun).toEqual([
      { name: 'video_0', codec, ...(transcodedTo ? { transcodedTo } : {}) },
      { name: 'audio_0', codec: 'OPUS' },
    ]);
    const summary = await recording.finished;
    expect(summary).toMatchObject({ reason: 'duration', framesDropped: 0 });
    const { duration, streams } = await readFile(output);
    expect(duration).toBeGreaterThan(2.9);
    expect(duration).toBeLessThan(3.1);
    const [video, audio] = streams;
    expect(video!.errors).toBe(0);
    expect(video!.times[0]).toBeLessThan(0.02);
    for (const [kind, stream] of [['video', video!] as const, ['audio', audio!] as const]) {
      // The same frames in the same distances: of all that came some 3 s in a row.
      const { times } = stream;
      const first = came[kind]!.findIndex((_, i, all) =>
        times.every((time, j) => Math.abs(all[i + j]! - all[i]! - time + times[0]!) < 0.004),
      );
      expect(first, `${kind} as it came`).toBeGreaterThanOrEqual(0);
      expect(times.at(-1)! - times[0]!).toBeGreaterThan(2.8);
      expect(stream.decoded.length).toBeGreaterThanOrEqual(times.length - 1);
    }
  });

  it('of a film keeps picture and sound together', async () => {
    const film = path.join(directory, 'film.mp4');
    await makeTestFile(film, { duration: 3 });
    await produce([file(film, { loop: true })], 'H264');
    const output = path.join(directory, 'film-recorded.mkv');
    const { src } = await consume();
    expect(await src.record(output, { duration: 6000 }).finished).toMatchObject({ reason: 'duration' });
    const offsets = offsetsOfBeeps(await readFile(output));
    expect(offsets.length).toBeGreaterThanOrEqual(4);
    // A frame is 33 ms, a packet of sound 20.
    for (const offset of offsets) expect(Math.abs(offset)).toBeLessThanOrEqual(0.04);
  });

  it('ends with the session, whole, and a stop completes it at once', async () => {
    const sink = await produce([VIDEO, testAudio()], 'H264');
    const { src, tracks } = await consume();
    const [first, second] = [src.record(path.join(directory, 'x.mp4')), src.record(path.join(directory, 'y.mkv'))];
    await expect.poll(() => second.figures.frames[0] ?? 0, { timeout: 15_000 }).toBeGreaterThan(15);
    expect(await second.stop()).toMatchObject({ reason: 'stopped' });
    await sink.close();
    expect(await first.finished).toMatchObject({ reason: 'session-ended' });
    for (const name of ['x.mp4', 'y.mkv']) {
      const { streams } = await readFile(path.join(directory, name));
      expect(streams[0]!.decoded.length).toBeGreaterThan(14);
    }
    expect(tracks.every(({ ended }) => ended)).toBe(true);
    // Nothing was written of what comes after.
    const waiting = src.record(path.join(directory, 'z.mp4'));
    expect(await waiting.stop()).toMatchObject({ reason: 'stopped', frames: [] });
  });

  it('goes on without a track that ends, says which ones came too late for it, and ends with its last', async () => {
    const sink = await produce([VIDEO, testAudio()], 'VP8');
    const { src, tracks } = await consume();
    const recording = src.record(path.join(directory, 'changing.mkv'));
    const leftOut: string[] = [];
    recording.on('left-out', ({ name }) => leftOut.push(name));
    const written = (index: number): number => recording.figures.frames[index] ?? 0;
    await expect.poll(() => Math.min(written(0), written(1)), { timeout: 15_000 }).toBeGreaterThan(15);

    sink.addTrack(testVideo({ width: 160, height: 120, framerate: 30 }));
    await expect.poll(() => leftOut, { timeout: 15_000 }).toEqual(['video_1']);
    await sink.removeTrack('video_0');
    await expect.poll(() => tracks[0]!.ended, { timeout: 15_000 }).toBe(true);
    const [pictures, sounds] = [written(0), written(1)];
    await expect.poll(() => written(1), { timeout: 15_000 }).toBeGreaterThan(sounds + 25);
    expect(written(0)).toBe(pictures);

    await sink.removeTrack('audio_0');
    expect(await recording.finished).toMatchObject({ reason: 'tracks-ended', framesDropped: 0 });
    const { streams } = await readFile(path.join(directory, 'changing.mkv'));
    expect(streams.map(({ errors }) => errors)).toEqual([0, 0]);
    expect(streams[0]!.times).toHaveLength(pictures);
    // The session has another track, which the next recording has.
    expect(src.tracks.map(({ name }) => name)).toEqual(['video_1']);
    const next = src.record(path.join(directory, 'changing-2.mkv'), { duration: 1000 });
    expect(await next.finished).toMatchObject({ reason: 'duration', tracks: [{ name: 'video_1', codec: 'VP8' }] });
  });

  it('holds what came even where it is stopped before it could begin', async () => {
    await produce([VIDEO, testAudio()], 'VP8');
    const { src, tracks } = await consume();
    const outputs = ['early.mkv', 'closed.mkv'].map((name) => path.join(directory, name));
    const [stopped, closed] = outputs.map((output) => src.record(output));
    await expect.poll(() => tracks.length, { timeout: 10_000 }).toBe(2);
    await new Promise<void>((resolve) => tracks[0]!.once('frame', () => resolve()));
    expect(await stopped!.stop()).toMatchObject({ reason: 'stopped' });
    await src.close();
    expect(await closed!.finished).toMatchObject({ reason: 'stopped' });
    for (const output of outputs) expect((await readFile(output)).streams[0]!.decoded.length).toBeGreaterThan(0);
  });

  it('goes to a stream, whose reader may leave', async () => {
    await produce([VIDEO], 'VP8');
    const { src } = await consume();
    const pipe = new PassThrough();
    const parts: Buffer[] = [];
    const recording = src.record(pipe, { container: 'webm' });
    for await (const part of pipe) {
      parts.push(part as Buffer);
      if (Buffer.concat(parts).length > 30_000) break;
    }
    expect(await recording.finished).toMatchObject({ reason: 'reader-gone' });
    const output = path.join(directory, 'piped.webm');
    await writeFile(output, Buffer.concat(parts));
    expect((await readFile(output)).streams[0]!.decoded.length).toBeGreaterThan(3);
  });

  it('says at once what cannot be', async () => {
    const { src } = await consume();
    expect(() => src.record('a.avi')).toThrow(/tells of no container.*\.mp4/);
    expect(() => src.record(path.join(directory, 'no/such/a.mp4'))).toThrow(
      expect.objectContaining({ code: 'RECORDING_FAILED' }),
    );
    expect(() => src.record(path.join(directory, 'a.mp4'), { duration: -1 })).toThrow(/duration/);
    expect(() => src.record(new PassThrough(), { container: 'hls' })).toThrow(/HLS is several files/);
    await src.close();
    expect(() => src.record('a.mp4')).toThrow(/closed/);
  });
});

describe('a track', () => {
  it('gives pictures, sound and images', async () => {
    await produce([testVideo({ width: 320, height: 240, pattern: 'smpte' }), testAudio({ frequency: 1000 })], 'VP8');
    const { tracks } = await consume();
    await expect.poll(() => tracks.length, { timeout: 10_000 }).toBe(2);
    const [video, audio] = tracks;
    const pictures = [];
    for await (const picture of video!.pictures({ format: 'RGBA', width: 64 })) if (pictures.push(picture) === 5) break;
    for (const picture of pictures) expect(picture).toMatchObject({ format: 'RGBA', width: 64, height: 48 });
    // The first bar is grey or white: its colours are alike.
    const [red, green, blue] = pictures[4]!.data.subarray(4 * (10 * 64 + 2));
    expect(Math.max(red!, green!, blue!) - Math.min(red!, green!, blue!)).toBeLessThan(30);
    expect(red).toBeGreaterThan(120);

    const heard: number[] = [];
    for await (const { samples, channels } of audio!.sounds()) {
      expect(channels).toBe(2);
      for (let i = 0; i < samples.length; i += 2) heard.push(samples[i]!);
      if (heard.length >= 24_000) break;
    }
    expect(strengthAt(Float32Array.from(heard.slice(4800)), 1000)).toBeGreaterThan(0.1);

    const png = await video!.snapshot();
    expect(Buffer.from(png.subarray(0, 8)).toString('latin1')).toBe('\x89PNG\r\n\x1a\n');
    const jpeg = await video!.snapshot({ format: 'jpeg' });
    expect([jpeg[0], jpeg[1]]).toEqual([0xff, 0xd8]);
    expect(() => audio!.pictures()).toThrow(/audio_0 is audio/);
    expect(() => video!.sounds()).toThrow(/video_0 is video/);
    await expect(audio!.snapshot()).rejects.toMatchObject({ code: 'INVALID_STATE' });
  });

  it('ends its readers with itself, and a snapshot of what has ended fails', async () => {
    const sink = await produce([VIDEO, testAudio()], 'H264');
    const { tracks } = await consume();
    await expect.poll(() => tracks.length, { timeout: 10_000 }).toBe(2);
    let pictures = 0;
    const reading = (async () => {
      for await (const _ of tracks[0]!.pictures()) pictures++;
    })();
    await expect.poll(() => pictures, { timeout: 10_000 }).toBeGreaterThan(3);
    await sink.close();
    await reading;
    await expect(tracks[0]!.snapshot()).rejects.toMatchObject({ code: 'CONNECTION_FAILED' });
  });
});
