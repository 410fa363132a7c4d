import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readClock } from './clock-picture.ts';
import { decodeAudio, decodeVideo, strengthAt } from './decode.testing.ts';
import { loadMediaEngine } from './engine.ts';
import { bitrateOf, FrameLog, type LoggedFrame } from './frame-log.testing.ts';
import type { MediaEngine, VideoCodecName } from './types.ts';
import { unevenness } from './watch.testing.ts';

let engine: MediaEngine;
beforeAll(async () => {
  engine = await loadMediaEngine();
});
afterAll(() => engine.close());

/** How far captureTime strays from a line through timestamp, ms. */
function captureTimeSpread(frames: readonly LoggedFrame[]): number {
  const epochs = frames.map(({ captureTime, timestamp }) => captureTime - timestamp / 1000);
  return Math.max(...epochs) - Math.min(...epochs);
}

describe.each<VideoCodecName>(['H264', 'VP8'])('a test picture in %s', (codec) => {
  it('comes at its frame rate, now, with timestamps on a grid, and decodes to as many pictures', async () => {
    const input = await engine.openInput({ type: 'testsrc', width: 640, height: 360, framerate: 30 });
    const encoding = await engine.openEncoding(input.tracks[0]!, { codec, bitrate: 800_000 });
    const log = new FrameLog(encoding);
    const started = performance.timeOrigin + performance.now();
    input.start();
    await log.until(({ frames }) => frames.length >= 45);
    const elapsed = log.frames.at(-1)!.receivedAt - started;
    const { framesPerSecond } = await encoding.getStats();
    expect(framesPerSecond).toBeGreaterThan(20);
    expect(framesPerSecond).toBeLessThan(33);
    await input.close();
    const { frames } = log;
    expect(frames[0]!.keyframe).toBe(true);
    expect(frames.slice(1, 45).some((frame) => frame.keyframe)).toBe(false);
    for (const [i, { timestamp }] of frames.entries()) {
      // A machine under load may skip a picture; it may not put one beside the grid.
      expect(Math.abs((timestamp * 30) / 1e6 - Math.round((timestamp * 30) / 1e6))).toBeLessThan(0.001);
      if (i > 0) expect(timestamp).toBeGreaterThan(frames[i - 1]!.timestamp);
    }
    expect(elapsed).toBeGreaterThan(1400);
    expect(elapsed).toBeLessThan(2500);
    expect(Math.abs(frames[0]!.captureTime - frames[0]!.timestamp / 1000 - started)).toBeLessThan(20);
    expect(captureTimeSpread(frames)).toBeLessThan(0.01);
    // No frame waits in the encoder for the next one.
    const delays = frames.map(({ receivedAt, captureTime }) => receivedAt - captureTime).sort((a, b) => a - b);
    expect(delays[frames.length >> 1]).toBeLessThan(30);
    const pictures = await decodeVideo(codec, frames);
    expect(pictures).toHaveLength(frames.length);
    expect(pictures[0]).toMatchObject({ width: 640, height: 360 });
    await encoding.close();
  });

  it('makes a keyframe within two frames when asked', async () => {
    const input = await engine.openInput({ type: 'testsrc', width: 320, height: 240 });
    const encoding = await engine.openEncoding(input.tracks[0]!, { codec, bitrate: 500_000 });
    const log = new FrameLog(encoding);
    input.start();
    await log.until(({ frames }) => frames.length >= 10);
    const asked = log.frames.length;
    encoding.requestKeyframe();
    await log.until(({ frames }) => frames.slice(asked).some((frame) => frame.keyframe));
    expect(log.frames.slice(asked, asked + 3).some((frame) => frame.keyframe)).toBe(true);
    await log.until(({ frames }) => frames.length >= asked + 10);
    expect(log.frames.slice(asked).filter((frame) => frame.keyframe)).toHaveLength(1);
    const fromKeyframe = log.frames.slice(log.frames.findLastIndex((frame) => frame.keyframe));
    expect(await decodeVideo(codec, fromKeyframe)).toHaveLength(fromKeyframe.length);
    expect(await encoding.getStats()).toMatchObject({ keyFramesEncoded: 2, frameWidth: 320, frameHeight: 240 });
    await input.close();
    await encoding.close();
  });

  it('follows another bitrate without a keyframe', async () => {
    const input = await engine.openInput({ type: 'testsrc', width: 640, height: 360 });
    const encoding = await engine.openEncoding(input.tracks[0]!, { codec, bitrate: 1_200_000 });
    const log = new FrameLog(encoding);
    input.start();
    await log.next(0.6);
    const high = await log.next(1.5);
    encoding.setBitrate(300_000);
    await log.next(0.6);
    const low = await log.next(1.5);
    expect(bitrateOf(high)).toBeGreaterThan(800_000);
    expect(bitrateOf(high)).toBeLessThan(1_600_000);
    expect(bitrateOf(low)).toBeGreaterThan(180_000);
    expect(bitrateOf(low)).toBeLessThan(450_000);
    expect(log.frames.slice(1).some((frame) => frame.keyframe)).toBe(false);
    await input.close();
    await encoding.close();
  });

  it('shows when it was captured', async () => {
    const input = await engine.openInput({ type: 'testsrc', pattern: 'ball', width: 1280, height: 720, clock: true });
    const encoding = await engine.openEncoding(input.tracks[0]!, { codec, bitrate: 2_000_000 });
    const log = new FrameLog(encoding);
    input.start();
    await log.until(({ frames }) => frames.length >= 15);
    await input.close();
    const pictures = await decodeVideo(codec, log.frames);
    for (const [i, { luma, stride }] of pictures.entries()) {
      expect(readClock(luma, stride)).toBe(Math.floor(log.frames[i]!.captureTime));
    }
    const moved = pictures[0]!.luma.some((value, i) => i > 16 * 1280 && Math.abs(value - pictures[14]!.luma[i]!) > 100);
    expect(moved).toBe(true);
    await encoding.close();
  });

  it('changes size and frame rate while it runs', async () => {
    const input = await engine.openInput({ type: 'testsrc', width: 640, height: 360 });
    const encoding = await engine.openEncoding(input.tracks[0]!, { codec, bitrate: 500_000 });
    const log = new FrameLog(encoding);
    input.start();
    await log.until(({ frames }) => frames.length >= 5);
    encoding.setFormat({ width: 320, framerate: 10 });
    await log.until(({ frames }) => frames.slice(1).some((frame) => frame.keyframe));
    const small = log.frames.findLastIndex((frame) => frame.keyframe);
    await log.until(({ frames }) => frames.length >= small + 6);
    const pictures = await decodeVideo(codec, log.frames.slice(small, small + 6));
    expect(pictures).toHaveLength(6);
    expect(pictures[0]).toMatchObject({ width: 320, height: 180 });
    const span = log.frames[small + 5]!.timestamp - log.frames[small]!.timestamp;
    expect(span).toBeGreaterThan(400_000);
    // The bars are where they were: grey on the left, blue on the right, and each decoded where the scaler put it.
    const { luma, stride } = pictures[5]!;
    expect(Math.abs(luma[40 * stride + 20]! - 180)).toBeLessThan(12);
    expect(Math.abs(luma[40 * stride + 300]! - 35)).toBeLessThan(12);
    encoding.setFormat({});
    await log.until(({ frames }) => frames.slice(small + 6).some((frame) => frame.keyframe));
    const [full] = await decodeVideo(codec, [log.frames.findLast((frame) => frame.keyframe)!]);
    expect(full).toMatchObject({ width: 640, height: 360 });
    await input.close();
    await encoding.close();
  });
});

describe('a test tone', () => {
  it('sounds at its frequency in Opus packets 20 ms apart', async () => {
    const input = await engine.openInput({ type: 'tone', frequency: 440, volume: 0.3 });
    const encoding = await engine.openEncoding(input.tracks[0]!, { codec: 'OPUS', bitrate: 96_000 });
    const log = new FrameLog(encoding);
    input.start();
    await log.until(({ frames }) => frames.length >= 50);
    const frames = log.frames.slice(0, 50);
    frames.forEach((frame, i) => {
      expect(frame.timestamp - frames[0]!.timestamp).toBeCloseTo(i * 20_000, 3);
      expect(frame.duration).toBe(20_000);
    });
    expect(captureTimeSpread(frames)).toBeLessThan(0.01);
    expect(unevenness(frames).deviation).toBeLessThan(5);
    const samples = (await decodeAudio(frames)).subarray(4800);
    expect(strengthAt(samples, 440)).toBeGreaterThan(0.25);
    expect(strengthAt(samples, 440)).toBeLessThan(0.35);
    expect(strengthAt(samples, 880)).toBeLessThan(0.01);
    await input.close();
    await encoding.close();
  });

  it('takes another bitrate without a gap', async () => {
    const input = await engine.openInput({ type: 'tone' });
    const encoding = await engine.openEncoding(input.tracks[0]!, { codec: 'OPUS', bitrate: 128_000 });
    const log = new FrameLog(encoding);
    input.start();
    const high = await log.next(0.5);
    encoding.setBitrate(24_000);
    await log.next(0.2);
    const low = await log.next(0.5);
    expect(bitrateOf(high) / bitrateOf(low)).toBeGreaterThan(2.5);
    for (let i = 1; i < log.frames.length; i++) {
      expect(log.frames[i]!.timestamp - log.frames[i - 1]!.timestamp).toBeCloseTo(20_000, 3);
    }
    await input.close();
    await encoding.close();
  });

  it('shares its epoch with a picture started beside it', async () => {
    const inputs = await Promise.all([
      engine.openInput({ type: 'tone' }),
      engine.openInput({ type: 'testsrc', width: 64, height: 64 }),
    ]);
    const logs = await Promise.all(
      inputs.map(async (input, i) => {
        const encoding = await engine.openEncoding(input.tracks[0]!, { codec: i === 0 ? 'OPUS' : 'VP8', bitrate: 64_000 });
        return { encoding, log: new FrameLog(encoding) };
      }),
    );
    for (const input of inputs) input.start();
    await Promise.all(logs.map(({ log }) => log.until(({ frames }) => frames.length > 3)));
    const [tone, picture] = logs.map(({ log }) => log.frames[0]!.captureTime - log.frames[0]!.timestamp / 1000);
    expect(Math.abs(tone! - picture!)).toBeLessThan(5);
    await Promise.all(inputs.map((input) => input.close()));
    await Promise.all(logs.map(({ encoding }) => encoding.close()));
  });
});

describe('the engine', () => {
  it('encodes one input as often as asked, each encoding on its own', async () => {
    const input = await engine.openInput({ type: 'testsrc', width: 320, height: 240 });
    const first = await engine.openEncoding(input.tracks[0]!, { codec: 'H264', bitrate: 300_000 });
    const second = await engine.openEncoding(input.tracks[0]!, { codec: 'VP8', bitrate: 300_000 });
    const logs = [new FrameLog(first), new FrameLog(second)];
    input.start();
    await Promise.all(logs.map((log) => log.until(({ frames }) => frames.length >= 10)));
    await first.close();
    const seen = logs[1]!.frames.length;
    await logs[1]!.until(({ frames }) => frames.length >= seen + 10);
    const late = new FrameLog(await engine.openEncoding(input.tracks[0]!, { codec: 'H264', bitrate: 300_000 }));
    await late.until(({ frames }) => frames.length >= 5);
    expect(late.frames[0]!.keyframe).toBe(true);
    await input.close();
    await Promise.all([logs[1]!, late].map((log) => log.until(({ ended }) => ended)));
    expect(logs[0]!.ended).toBe(false);
    await second.close();
  });

  it('loses frames, not memory, when nobody releases them, and recovers with a keyframe', async () => {
    const input = await engine.openInput({ type: 'testsrc', width: 640, height: 360, framerate: 120 });
    const encoding = await engine.openEncoding(input.tracks[0]!, { codec: 'H264', bitrate: 100_000_000 });
    const held: { release(): void; keyframe: boolean; timestamp: number }[] = [];
    let hold = true;
    let first: boolean | undefined;
    const recovered = new Promise<void>((resolve) => {
      encoding.on('frame', (frame) => {
        if (hold) {
          held.push(frame);
          return;
        }
        first ??= frame.keyframe;
        resolve();
        frame.release();
      });
    });
    input.start();
    // A busy machine loses frames before they are encoded as well. The ring is full when frames are lost and none arrives.
    let arrived = -1;
    while (arrived !== held.length || arrived <= 5) {
      arrived = held.length;
      const { framesDropped: before } = await encoding.getStats();
      while ((await encoding.getStats()).framesDropped < before + 3);
    }
    hold = false;
    for (const frame of held) frame.release();
    await recovered;
    expect(first).toBe(true);
    await encoding.close();
    await input.close();
  });

  it.each([
    [{ type: 'testsrc', width: 641 } as const, 'width'],
    [{ type: 'testsrc', height: 0 } as const, 'height'],
    [{ type: 'testsrc', framerate: 0 } as const, 'framerate'],
    [{ type: 'testsrc', width: 640, clock: true } as const, 'width'],
    [{ type: 'testsrc', pattern: 'snow' as 'ball' } as const, 'pattern'],
    [{ type: 'tone', frequency: -1 } as const, 'frequency'],
    [{ type: 'tone', volume: 2 } as const, 'volume'],
    [{ type: 'nothing' } as never, 'type'],
  ])('refuses %j and names the option', async (description, option) => {
    await expect(engine.openInput(description)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(`"${option}"`),
    });
  });

  it('tells the temporal layer of each frame', async () => {
    const input = await engine.openInput({ type: 'testsrc', width: 320, height: 240 });
    const encoding = await engine.openEncoding(input.tracks[0]!, { codec: 'VP8', bitrate: 300_000, temporalLayers: 2 });
    const log = new FrameLog(encoding);
    input.start();
    await log.until(({ frames }) => frames.length >= 20);
    expect(log.frames.slice(0, 20).map(({ temporalLayer }) => temporalLayer)).toEqual(
      log.frames.slice(0, 20).map((_, i) => i % 2),
    );
    await input.close();
    await encoding.close();
  });

  it.each([
    ['temporalLayers', 3],
    ['expectedLoss', 101],
    ['dtx', 'yes'],
  ])('refuses %s %s for an encoding', async (option, value) => {
    const input = await engine.openInput({ type: 'tone' });
    const options = { codec: 'OPUS', bitrate: 64_000, [option]: value } as const;
    await expect(engine.openEncoding(input.tracks[0]!, options as never)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(`"${option}"`),
    });
    await input.close();
  });

  it('refuses a codec that does not fit the track, and a track that is closed', async () => {
    const input = await engine.openInput({ type: 'tone' });
    const [track] = input.tracks;
    await expect(engine.openEncoding(track!, { codec: 'VP8', bitrate: 1e6 })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(engine.openEncoding(track!, { codec: 'OPUS', bitrate: Number.NaN })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
    await input.close();
    await input.close();
    await expect(engine.openEncoding(track!, { codec: 'OPUS', bitrate: 64_000 })).rejects.toMatchObject({
      code: 'INVALID_STATE',
    });
  });

  it('stops opening an input when told to', async () => {
    const abort = new AbortController();
    const opening = engine.openInput({ type: 'testsrc' }, { signal: abort.signal });
    abort.abort(new Error('changed my mind'));
    await expect(opening).rejects.toThrow('changed my mind');
  });

  it('leaves nothing behind when it is closed', async () => {
    const url = new URL('../../dist/media/engine.js', import.meta.url);
    const script = `
      const { loadMediaEngine } = await import(${JSON.stringify(url.href)});
      const engine = await loadMediaEngine();
      const input = await engine.openInput({ type: 'testsrc', width: 320, height: 240 });
      const encoding = await engine.openEncoding(input.tracks[0], { codec: 'VP8', bitrate: 300000 });
      input.start();
      await new Promise((resolve) => encoding.on('frame', (frame) => { frame.release(); resolve(); }));
      const pending = engine.openInput({ type: 'tone' }).catch((error) => error.code);
      await engine.close();
      await engine.close();
      console.log(JSON.stringify({ pending: await pending, left: process.getActiveResourcesInfo() }));
    `;
    // Ends by itself, or is killed and fails.
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { timeout: 15_000 });
    const { pending, left } = JSON.parse(stdout) as { pending: string; left: string[] };
    expect(pending).toBe('INVALID_STATE');
    expect(left.filter((resource) => !/Pipe|TTY|FSReq|CloseReq/.test(resource))).toEqual([]);
  });
});
