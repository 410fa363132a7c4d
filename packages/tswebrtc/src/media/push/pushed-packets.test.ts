/** Packets of the application, through the engine: passed on as they are, decoded where somebody needs something else. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeVideo } from '../decode.testing.ts';
import { VIDEO_CODECS } from '../encoders.ts';
import { loadMediaEngine } from '../engine.ts';
import { FrameLog } from '../frame-log.testing.ts';
import type { Encoding, MediaEngine } from '../types.ts';
import { PushClock } from './push-clock.ts';
import { PushedPackets } from './pushed-packets.ts';

let engine: MediaEngine;
beforeAll(async () => {
  engine = await loadMediaEngine();
});
afterAll(() => engine.close());

const SIZE = { width: 128, height: 96 };

/** An encoder of the application, which writes what it makes and makes keyframes when asked; gives back what was written. */
async function application(
  packets: PushedPackets,
): Promise<{ encoder: Encoding; written: Uint8Array[]; close(): Promise<void> }> {
  const description = packets.kind === 'video' ? ({ type: 'testsrc', ...SIZE } as const) : ({ type: 'tone' } as const);
  const input = await engine.openInput(description);
  const encoder = await engine.openEncoding(input.tracks[0]!, { codec: packets.codec, bitrate: 300_000 });
  const written: Uint8Array[] = [];
  packets.on('keyframe-request', () => encoder.requestKeyframe());
  encoder.on('frame', (frame) => {
    const data = frame.data.slice();
    const { timestamp } = frame;
    frame.release();
    written.push(data);
    packets.write(data, { timestamp }).catch(() => {});
  });
  input.start();
  return {
    encoder,
    written,
    close: async () => {
      await Promise.all([encoder.close(), input.close()]);
    },
  };
}

describe('pushed packets', () => {
  it.each(VIDEO_CODECS)(
    'are passed on as they are, beginning with a keyframe that the application is asked for: %s',
    async (codec) => {
      const packets = new PushedPackets('video', { codec, ...SIZE }, new PushClock());
      const input = await engine.openInput(packets);
      expect(input.tracks[0]).toMatchObject({ kind: 'video', encoded: { codec } });
      input.start();
      const app = await application(packets);
      await expect.poll(() => app.written.length).toBeGreaterThan(10);
      const seen = app.written.length;
      const passed = new FrameLog(await engine.openPassthrough(input.tracks[0]!));
      await passed.until(({ frames }) => frames.length >= 15);
      expect(passed.frames[0]!.keyframe).toBe(true);
      const first = app.written.findIndex((data) => Buffer.compare(data, passed.frames[0]!.data) === 0);
      expect(first).toBeGreaterThanOrEqual(seen - 1);
      const bytes = passed.frames.map(({ data }) => Buffer.from(data).toString('hex'));
      expect(bytes).toEqual(app.written.slice(first, first + bytes.length).map((data) => Buffer.from(data).toString('hex')));
      await app.close();
      await input.close();
      expect(packets.watched).toBe(false);
      await expect(packets.write(new Uint8Array([0, 0, 1, 5]))).rejects.toMatchObject({ code: 'INVALID_STATE' });
    },
  );

  it.each(['H264', 'VP8'] as const)('are decoded for who needs another codec or bitrate: %s', async (codec) => {
    const packets = new PushedPackets('video', { codec, ...SIZE }, new PushClock());
    const input = await engine.openInput(packets);
    input.start();
    const app = await application(packets);
    const encoding = await engine.openEncoding(input.tracks[0]!, { codec: 'VP8', bitrate: 200_000 });
    const log = new FrameLog(encoding);
    await log.until(({ frames }) => frames.length >= 10);
    const pictures = await decodeVideo('VP8', log.frames);
    expect(pictures[0]).toMatchObject(SIZE);
    expect(packets.watched).toBe(true);
    await encoding.close();
    // Nobody wants raw frames any more: nothing is decoded.
    expect(packets.watched).toBe(false);
    await app.close();
    await input.close();
  });
});

it('Opus packets are passed on, with times that follow from their lengths', async () => {
  const packets = new PushedPackets('audio', { codec: 'OPUS' }, new PushClock());
  const input = await engine.openInput(packets);
  input.start();
  const log = new FrameLog(await engine.openPassthrough(input.tracks[0]!));
  // 20 ms each, by their first byte.
  for (let i = 0; i < 20; i++) await packets.write(Uint8Array.of(0xf8, 0xff, i));
  await packets.end();
  await log.until(({ ended }) => ended);
  expect(log.frames.map(({ data }) => data[2])).toEqual(Array.from({ length: 20 }, (_, i) => i));
  for (const [i, { timestamp }] of log.frames.entries()) expect(timestamp - log.frames[0]!.timestamp).toBeCloseTo(i * 20_000, 1);
  await input.close();
});

it('wrong packets are refused in a sentence', async () => {
  const make = (options: object) => () => new PushedPackets('video', options as never, new PushClock());
  expect(make({ codec: 'OPUS', ...SIZE })).toThrow('"codec" is "OPUS" but must be one of');
  expect(make({ codec: 'H264', width: 1, height: 96 })).toThrow('"width"');
  const packets = new PushedPackets('video', { codec: 'H264', ...SIZE }, new PushClock());
  await expect(packets.write(new Uint8Array([0, 0, 0, 9, 5]))).rejects.toThrow('does not begin with a start code');
  await expect(packets.write(new Uint8Array())).rejects.toThrow('empty');
});
