/** A film's six channels from a sink to a source, in every codec there is for sound: what is agreed on, heard and recorded. */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { SignallingServer } from '@tswebrtc/signalling-server';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { strengthAt } from '../media/decode.testing.ts';
import { loadMediaEngine } from '../media/engine.ts';
import { readFile } from '../media/read-file.testing.ts';
import { makeSurroundFile, toneOf } from '../media/surround-file.testing.ts';
import type { AudioCodecName, MediaEngine } from '../media/types.ts';
import { file } from '../webrtcsink/tracks.ts';
import { WebRTCSink } from '../webrtcsink/webrtcsink.ts';
import type { SrcTrack } from './src-track.ts';
import { WebRTCSrc } from './webrtcsrc.ts';

let engine: MediaEngine;
let server: SignallingServer;
let directory: string;
let surround: string;
const cleanups: (() => Promise<void>)[] = [];

beforeAll(async () => {
  engine = await loadMediaEngine();
  server = await SignallingServer.listen({ host: '127.0.0.1', port: 0 });
  directory = await mkdtemp(path.join(os.tmpdir(), 'tswebrtc-sound-'));
  surround = path.join(directory, 'surround.wav');
  await makeSurroundFile(surround, 6);
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(async () => {
  await engine.close();
  await server.close();
  await rm(directory, { recursive: true });
});

async function play(
  sent: readonly AudioCodecName[],
  taken: readonly AudioCodecName[],
  makeOffer = false,
): Promise<[WebRTCSrc, SrcTrack]> {
  const common = { engine, signaller: { uri: `ws://127.0.0.1:${server.port}` }, stunServer: null };
  const sink = new WebRTCSink({ ...common, audioCodecs: sent });
  cleanups.push(() => sink.close());
  sink.addTrack(file(surround, { loop: true }));
  await sink.start();
  const src = new WebRTCSrc({ ...common, audioCodecs: taken, makeOffer, connectToFirstProducer: true });
  cleanups.push(() => src.close());
  const track = new Promise<SrcTrack>((resolve) => src.on('track', resolve));
  await src.start();
  return [src, await track];
}

/** For each channel that is heard: of which channels of the file it has the tone. */
async function listen(track: SrcTrack): Promise<number[][]> {
  const parts: Float32Array[][] = [];
  let count = 0;
  for await (const { samples, channels } of track.sounds()) {
    const length = samples.length / channels;
    parts.push(Array.from({ length: channels }, (_, c) => Float32Array.from({ length }, (_, i) => samples[i * channels + c]!)));
    count += length;
    if (count > 96_000) break;
  }
  return parts[0]!.map((_, channel) => {
    // The first half second is for what settles.
    const heard = Float32Array.from(parts.flatMap((part) => [...part[channel]!])).subarray(24_000);
    return [0, 1, 2, 3, 4, 5].filter((i) => strengthAt(heard, toneOf(i)) > 0.02);
  });
}

const SIX = [[0], [1], [2], [3], [4], [5]];
const STEREO = [
  [0, 2, 4],
  [1, 2, 5],
];

describe('six channels', () => {
  it.each<[codec: AudioCodecName, heard: number[][], clockRate: number]>([
    ['OPUS', STEREO, 48_000],
    ['MULTIOPUS', SIX, 48_000],
    ['L16', SIX, 48_000],
    ['L24', SIX, 48_000],
    ['PCMU', [[0, 1, 2, 4, 5]], 8000],
    ['PCMA', [[0, 1, 2, 4, 5]], 8000],
  ])('in %s are heard where they belong', async (codec, heard, clockRate) => {
    const [, track] = await play([codec], [codec]);
    expect(track.codec.toUpperCase()).toBe(codec);
    expect(track.sound).toMatchObject({ clockRate });
    expect(await listen(track)).toEqual(heard);
  });

  it.each<[codec: AudioCodecName]>([['MULTIOPUS'], ['L16'], ['PCMU']])('in %s are sent to who makes the offer', async (codec) => {
    const [, track] = await play([codec, 'OPUS'], ['OPUS', codec], true);
    expect(track.codec.toUpperCase()).toBe(codec);
  });

  it('are sent as the first that both have: G.711 where there is nothing else', async () => {
    const [, track] = await play(['OPUS', 'MULTIOPUS', 'PCMU', 'PCMA'], ['PCMA']);
    expect(track.codec).toBe('PCMA');
  });

  it.each<[name: string, codec: AudioCodecName, transcodedTo: string | undefined, channels: number]>([
    ['surround.webm', 'MULTIOPUS', undefined, 6],
    ['plain.mkv', 'L24', undefined, 6],
    ['telephone.mkv', 'PCMU', undefined, 1],
    ['plain.mp4', 'L16', 'MULTIOPUS', 6],
    ['telephone.webm', 'PCMA', 'OPUS', 1],
  ])('are recorded into %s from %s', async (name, codec, transcodedTo, channels) => {
    const [src] = await play([codec], [codec]);
    const output = path.join(directory, name);
    const recording = src.record(output, { duration: 1500 });
    expect(await recording.finished).toMatchObject({
      reason: 'duration',
      tracks: [{ name: 'audio_0', codec, ...(transcodedTo ? { transcodedTo } : {}) }],
    });
    const { duration, streams } = await readFile(output);
    expect(duration).toBeGreaterThan(1.4);
    expect(duration).toBeLessThan(1.7);
    expect(streams[0]).toMatchObject({ errors: 0, channels });
  });
});
