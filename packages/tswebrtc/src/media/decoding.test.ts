/** What FFmpeg's encoders made comes out of the engine's decoders: pictures in the form asked for, sound at its time. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
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
import type { EncodedFrameInput } from '../rtp/packetiser.ts';
import type { RecordedVideoCodec } from './containers.ts';
import { strengthAt } from './decode.testing.ts';
import { loadMediaEngine } from './engine.ts';
import type { Decoding, DecodingOptions, Picture, Sound } from './output-types.ts';
import type { MediaEngine } from './types.ts';

const COUNT = 20;

describe('a decoder', () => {
  let engine: MediaEngine;
  const open: Decoding[] = [];
  beforeAll(async () => {
    av.Log.setLevel(constants.AV_LOG_QUIET);
    engine = await loadMediaEngine();
  });
  afterEach(async () => {
    for (const decoding of open.splice(0)) await decoding.close();
  });
  afterAll(() => engine.close());

  const video = (codec: RecordedVideoCodec): Promise<EncodedFrameInput[]> =>
    encode(...VIDEO_ENCODERS[codec], configureVideo, picture(), COUNT, 1e6 / 90_000);

  async function decoder<T extends Picture | Sound>(options: DecodingOptions): Promise<{ decoding: Decoding; frames: T[] }> {
    const decoding = await engine.openDecoding(options);
    open.push(decoding);
    const frames: T[] = [];
    decoding.on('decoded', (frame) => frames.push(frame as T));
    return { decoding, frames };
  }

  /** As they would come: not faster than they are decoded. */
  async function feed(decoding: Decoding, frames: readonly EncodedFrameInput[], decoded: readonly unknown[]): Promise<void> {
    for (const [i, { data, timestamp, keyframe, captureTime }] of frames.entries()) {
      decoding.decode({ data, timestamp, keyframe, captureTime });
      await expect.poll(() => decoded.length, { interval: 2 }).toBeGreaterThan(i - 8);
    }
  }

  it.each<RecordedVideoCodec>(['VP8', 'VP9', 'H264', 'H265', 'AV1'])(
    'of %s gives every picture with its times',
    async (codec) => {
      const encoded = await video(codec);
      const { decoding, frames } = await decoder<Picture>({ codec });
      await feed(decoding, encoded, frames);
      await expect.poll(() => frames.length).toBe(COUNT);
      for (const [i, frame] of frames.entries()) {
        expect(frame).toMatchObject({ kind: 'video', format: 'I420', width: 320, height: 240 });
        expect(frame.data).toHaveLength((320 * 240 * 3) / 2);
        expect(frame.timestamp).toBe(Math.round(encoded[i]!.timestamp));
        expect(frame.captureTime).toBe(encoded[i]!.captureTime);
      }
      // The test picture: chroma is grey, luma a saw of 256 pixels that moves.
      const chroma = frames[3]!.data.subarray(320 * 240);
      expect(Math.abs(chroma.reduce((a, b) => a + b, 0) / chroma.length - 128)).toBeLessThan(3);
      const row = (at: number): number => frames[3]!.data.subarray(at, at + 8).reduce((a, b) => a + b, 0) / 8;
      expect(row(120 * 320 + 200) - row(120 * 320 + 20)).toBeGreaterThan(20);
    },
  );

  it.each<[DecodingOptions & { codec: 'VP8' }, bytes: number, width: number, height: number]>([
    [{ codec: 'VP8', format: 'NV12' }, 320 * 240 * 1.5, 320, 240],
    [{ codec: 'VP8', format: 'RGBA' }, 320 * 240 * 4, 320, 240],
    [{ codec: 'VP8', format: 'RGB24', width: 100 }, 100 * 76 * 3, 100, 76],
    [{ codec: 'VP8', format: 'I420', height: 120 }, 160 * 120 * 1.5, 160, 120],
    [{ codec: 'VP8', format: 'RGBA', width: 64, height: 64 }, 64 * 64 * 4, 64, 64],
  ])('makes %o', async (options, bytes, width, height) => {
    const { decoding, frames } = await decoder<Picture>(options);
    const [first] = await video('VP8');
    decoding.decode({ ...first!, captureTime: undefined });
    await expect.poll(() => frames.length).toBe(1);
    expect(frames[0]).toMatchObject({ width, height, format: options.format });
    expect(frames[0]!.data).toHaveLength(bytes);
    if (options.format === 'RGBA') expect(frames[0]!.data[3]).toBe(255);
  });

  it.each(['png', 'jpeg'] as const)('makes image files: %s', async (format) => {
    const { decoding, frames } = await decoder<Picture>({ codec: 'VP8', format });
    const encoded = await video('VP8');
    await feed(decoding, encoded.slice(0, 2), frames);
    await expect.poll(() => frames.length).toBe(2);
    const image = av.Codec.findDecoderByName((format === 'png' ? 'png' : 'mjpeg') as never)!;
    const context = new av.CodecContext();
    context.allocContext3(image);
    await context.open2(image, null);
    const packet = new av.Packet();
    packet.alloc();
    packet.data = Buffer.from(frames[1]!.data);
    expect(context.sendPacketSync(packet)).toBe(0);
    context.sendPacketSync(null);
    const seen = new av.Frame();
    seen.alloc();
    expect(context.receiveFrameSync(seen)).toBe(0);
    expect([seen.width, seen.height]).toEqual([320, 240]);
    packet.free();
    seen.free();
    context.freeContext();
  });

  it('asks for a keyframe after a damaged frame, and shows nothing until one comes', async () => {
    const encoded = await video('H264');
    const { decoding, frames } = await decoder<Picture>({ codec: 'H264' });
    let wanted = 0;
    decoding.on('keyframe-wanted', () => wanted++);
    await feed(decoding, encoded.slice(0, 4), frames);
    decoding.decode({ data: new Uint8Array(50).fill(0xff), timestamp: 2e5, keyframe: false, captureTime: undefined });
    await expect.poll(() => wanted).toBe(1);
    const before = frames.length;
    for (const { data, timestamp } of encoded.slice(5, 9)) {
      decoding.decode({ data, timestamp, keyframe: false, captureTime: undefined });
    }
    decoding.decode({ data: encoded[0]!.data, timestamp: 1e6, keyframe: true, captureTime: undefined });
    await expect.poll(() => frames.length).toBe(before + 1);
    expect(frames.at(-1)!.timestamp).toBe(1e6);
  });

  it('of Opus gives samples without a break, with silence where packets are missing', async () => {
    const packets = await encode('libopus', OPUS_OPTIONS, configureAudio, sound(), COUNT, 1);
    const { decoding, frames } = await decoder<Sound>({ codec: 'OPUS' });
    const missing = [6, 7];
    for (const [i, { data }] of packets.slice(0, COUNT).entries()) {
      if (!missing.includes(i)) decoding.decode({ data, timestamp: i * 20_000, keyframe: true, captureTime: 5000 + i * 20 });
    }
    const total = (): number => frames.reduce((sum, { samples }) => sum + samples.length / 2, 0);
    await expect.poll(total).toBe(COUNT * 960);
    for (const [i, { timestamp }] of frames.entries()) {
      const before = frames.slice(0, i).reduce((sum, { samples }) => sum + samples.length / 2, 0);
      expect(timestamp).toBeCloseTo((before * 1e6) / 48_000, 0);
    }
    const all = Float32Array.from(frames.flatMap(({ samples }) => [...samples]).filter((_, i) => i % 2 === 0));
    const tone = 48_000 / (2 * Math.PI * 17);
    expect(strengthAt(all.subarray(8 * 960 + 480, 16 * 960), tone)).toBeGreaterThan(0.15);
    expect(Math.max(...all.subarray(6 * 960, 8 * 960))).toBe(0);
  });

  it('gives one channel where one is asked for', async () => {
    const [packet] = await encode('libopus', OPUS_OPTIONS, configureAudio, sound(), 1, 1);
    const { decoding, frames } = await decoder<Sound>({ codec: 'OPUS', channels: 1 });
    decoding.decode({ data: packet!.data, timestamp: 0, keyframe: true, captureTime: undefined });
    await expect.poll(() => frames.length).toBe(1);
    expect(frames[0]).toMatchObject({ channels: 1, sampleRate: 48_000 });
    expect(frames[0]!.samples).toHaveLength(960);
  });

  it('refuses options that cannot be', async () => {
    await expect(engine.openDecoding({ codec: 'VP8', format: 'BGR' as 'RGBA' })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
    await expect(engine.openDecoding({ codec: 'VP8', width: 3 })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(engine.openDecoding({ codec: 'OPUS', channels: 9 })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});
