import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FramePool } from '../frame-pool.ts';
import type { RawMessage } from '../worker/messages.ts';
import { startTime } from '../worker/timeline.ts';
import { PushClock } from './push-clock.ts';
import { PushedAudio, type PushedAudioOptions } from './pushed-audio.ts';

const OPTIONS: PushedAudioOptions = { sampleRate: 48_000, channels: 1, format: 's16' };
const SLICE = 960;

let audio: PushedAudio;
let port: MessagePort;
beforeEach(() => {
  audio = new PushedAudio(OPTIONS, new PushClock());
  audio.start(startTime());
  const { port1, port2 } = new MessageChannel();
  audio.subscribe(1, port1);
  port = port2;
});
afterEach(() => audio.close());

interface Slice {
  readonly timestamp: number;
  readonly first: number;
  readonly last: number;
}

/** The slices that are there. */
function take(): Slice[] {
  const slices: Slice[] = [];
  let source: Extract<RawMessage, { type: 'pool' }> | undefined;
  for (let got = receiveMessageOnPort(port); got; got = receiveMessageOnPort(port)) {
    const message = got.message as RawMessage;
    if (message.type === 'pool') source = message;
    if (message.type !== 'frame') continue;
    port.postMessage({ type: 'ready' });
    const pool = FramePool.attach(source!.pool);
    const { buffer, byteOffset } = pool.data(message.slot);
    const samples = new Float32Array(buffer, byteOffset, message.samples);
    slices.push({ timestamp: message.timestamp, first: samples[0]!, last: samples.at(-1)! });
    pool.release(message.slot, source!.holder);
  }
  return slices;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('pushed sound', () => {
  it('waits once 100 ms lie ready, and is handed on when due, in order', async () => {
    const started = performance.now();
    for (let i = 0; i < 20; i++) await audio.write(new Int16Array(SLICE).fill(i * 100));
    const elapsed = performance.now() - started;
    expect(elapsed).toBeGreaterThan(250);
    await audio.end();
    const slices = take();
    expect(slices.map(({ first }) => Math.round(first * 32_768))).toEqual(Array.from({ length: 20 }, (_, i) => i * 100));
    for (const [i, { timestamp }] of slices.entries()) expect(timestamp - slices[0]!.timestamp).toBeCloseTo(i * 20_000, 3);
  });

  it('of any length makes slices of 20 ms; what is missing of the last is silence', async () => {
    await audio.write(new Int16Array(100).fill(8192));
    await audio.write(new Int16Array(1000).fill(8192));
    await audio.end();
    const slices = take();
    expect(slices.map(({ first, last }) => [first, last])).toEqual([
      [0.25, 0.25],
      [0.25, 0],
    ]);
  });

  it('leaves a hole where the application did', async () => {
    await audio.write(new Int16Array(SLICE));
    await pause(700);
    await audio.write(new Int16Array(SLICE));
    const [first, second] = take();
    expect(second!.timestamp - first!.timestamp).toBeGreaterThan(650_000);
  });

  it('follows the timestamps where they leave the count of samples', async () => {
    await audio.write(new Int16Array(SLICE), { timestamp: 1_000_000 });
    await audio.write(new Int16Array(SLICE), { timestamp: 1_021_000 });
    await audio.write(new Int16Array(SLICE), { timestamp: 1_090_000 });
    await audio.end();
    const times = take().map(({ timestamp }) => timestamp);
    expect(times.map((time) => Math.round(time - times[0]!))).toEqual([0, 20_000, 90_000]);
  });

  it('is given up where the application does not wait for its writes', async () => {
    const writes = Array.from({ length: 100 }, () => audio.write(new Int16Array(SLICE)));
    expect(audio.framesDropped).toBeGreaterThan(0);
    expect(audio.framesDropped).toBeLessThan(50);
    audio.close();
    const results = await Promise.allSettled(writes);
    expect(results.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(0);
  });

  it('may lie at any byte of a buffer', async () => {
    const bytes = Buffer.alloc(1 + 2 * SLICE);
    bytes.writeInt16LE(16_384, 1);
    await audio.write(bytes.subarray(1));
    expect(take()[0]!.first).toBe(0.5);
  });
});

describe('wrong sound', () => {
  it.each<[string, Partial<Record<keyof PushedAudioOptions, unknown>>]>([
    ['sampleRate', { sampleRate: 100 }],
    ['channels', { channels: 0 }],
    ['format', { format: 's24' }],
  ])('is refused with the name of its option: %s', (name, wrong) => {
    const make = () => new PushedAudio({ ...OPTIONS, ...wrong } as PushedAudioOptions, new PushClock());
    expect(make).toThrowError(expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining(`"${name}"`) }));
  });

  it('is refused when written', async () => {
    await expect(audio.write(new Float32Array(2))).rejects.toMatchObject({
      message: 'The samples are a Float32Array, but the track\'s format is "s16".',
    });
    await expect(audio.write(new Uint8Array(3))).rejects.toMatchObject({
      message: 'The samples have 3 bytes, which is not a multiple of 2: 1 channel in s16.',
    });
    audio.close();
    await expect(audio.write(new Int16Array(2))).rejects.toMatchObject({ code: 'INVALID_STATE' });
  });
});
