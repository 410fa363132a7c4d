/** What the application pushes, through real encoders and decoders. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeAudio, strengthAt } from '../decode.testing.ts';
import { loadMediaEngine } from '../engine.ts';
import { FrameLog } from '../frame-log.testing.ts';
import type { Picture } from '../output-types.ts';
import { type PictureLayout, pictureSize } from '../picture-layouts.ts';
import type { MediaEngine } from '../types.ts';
import { PushClock } from './push-clock.ts';
import { PushedAudio } from './pushed-audio.ts';
import { PushedVideo } from './pushed-video.ts';

let engine: MediaEngine;
beforeAll(async () => {
  engine = await loadMediaEngine();
});
afterAll(() => engine.close());

/** RGB of what is drawn in each quarter. */
const QUARTERS = [
  [200, 30, 40],
  [30, 160, 60],
  [40, 60, 210],
  [180, 170, 60],
] as const;

/** The quarters in a layout; YUV by BT.601, 16..235. */
function quarters(layout: PictureLayout, width: number, height: number): Uint8Array {
  const picture = new Uint8Array(pictureSize(layout, width, height));
  const [halfWidth, halfHeight] = [Math.ceil(width / 2), Math.ceil(height / 2)];
  const chroma = width * height;
  const put = (at: number, ...values: number[]): void => picture.set(values.map(Math.round), at);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [r, g, b] = QUARTERS[(y < height / 2 ? 0 : 2) + (x < width / 2 ? 0 : 1)]!;
      const pixel = y * width + x;
      if (layout === 'RGBA') put(pixel * 4, r, g, b, 255);
      else if (layout === 'BGRA') put(pixel * 4, b, g, r, 255);
      else if (layout === 'RGB24') put(pixel * 3, r, g, b);
      else {
        const luma = 0.299 * r + 0.587 * g + 0.114 * b;
        put(pixel, 16 + (luma * 219) / 255);
        const u = 128 + ((b - luma) / 1.772) * (224 / 255);
        const v = 128 + ((r - luma) / 1.402) * (224 / 255);
        const pair = (y >> 1) * halfWidth + (x >> 1);
        if (layout === 'NV12') put(chroma + pair * 2, u, v);
        else {
          put(chroma + pair, u);
          put(chroma + halfWidth * halfHeight + pair, v);
        }
      }
    }
  }
  return picture;
}

/** Colours in the middle of the quarters. */
function coloursOf({ data, width, height }: Picture): number[][] {
  return [0, 1, 2, 3].map((quarter) => {
    const x = Math.round(width * (quarter % 2 === 0 ? 0.25 : 0.75));
    const y = Math.round(height * (quarter < 2 ? 0.25 : 0.75));
    return [...data.subarray((y * width + x) * 4, (y * width + x) * 4 + 3)];
  });
}

function expectQuarters(picture: Picture): void {
  for (const [i, colour] of coloursOf(picture).entries()) {
    for (const [channel, value] of colour.entries()) expect(Math.abs(value - QUARTERS[i]![channel]!)).toBeLessThan(12);
  }
}

/** Writes the picture, as quickly as it is taken, until the decoder shows one that `isWanted`. */
async function shown(
  video: PushedVideo,
  frame: Uint8Array,
  size: { width: number; height: number },
  isWanted: (picture: Picture) => boolean = () => true,
): Promise<Picture> {
  const input = await engine.openInput(video);
  const encoding = await engine.openEncoding(input.tracks[0]!, { codec: 'VP8', bitrate: 2_000_000 });
  const decoding = await engine.openDecoding({ codec: 'VP8', format: 'RGBA' });
  try {
    let picture: Picture | undefined;
    decoding.on('decoded', (decoded) => {
      if (decoded.kind === 'video' && isWanted(decoded)) picture ??= decoded;
    });
    encoding.on('frame', (encoded) => {
      decoding.decode(encoded);
      encoded.release();
    });
    input.start();
    while (!picture) await video.write(frame, size);
    return picture;
  } finally {
    await Promise.all([decoding.close(), encoding.close(), input.close()]);
  }
}

describe('pushed pictures', () => {
  it.each<PictureLayout>(['I420', 'NV12', 'RGBA', 'BGRA', 'RGB24'])('in %s keep their colours', async (format) => {
    const size = { width: 128, height: 96 };
    const video = new PushedVideo({ ...size, format }, new PushClock());
    expectQuarters(await shown(video, quarters(format, 128, 96), size));
  });

  it.each<PictureLayout>(['I420', 'RGBA'])(
    'in %s may have an odd size, and another than the track began with',
    async (format) => {
      const video = new PushedVideo({ width: 128, height: 96, format }, new PushClock());
      const size = { width: 161, height: 91 };
      const picture = await shown(video, quarters(format, 161, 91), size, ({ width }) => width !== 128);
      expect(picture).toMatchObject({ width: 160, height: 90 });
      expectQuarters(picture);
    },
  );

  it('end the encoding after the last of them', async () => {
    const video = new PushedVideo({ width: 64, height: 64, format: 'I420', framerate: 100 }, new PushClock());
    const input = await engine.openInput(video);
    const encoding = await engine.openEncoding(input.tracks[0]!, { codec: 'H264', bitrate: 500_000 });
    const log = new FrameLog(encoding);
    let ended = false;
    input.on('ended', () => {
      ended = true;
    });
    input.start();
    const frame = quarters('I420', 64, 64);
    while (!video.watched) await video.write(frame);
    for (let i = 0; i < 10; i++) await video.write(frame);
    await video.end();
    expect(ended).toBe(true);
    await log.until((all) => all.ended);
    expect(log.frames.length).toBeGreaterThanOrEqual(10);
    await Promise.all([encoding.close(), input.close()]);
    await expect(engine.openInput(video)).rejects.toMatchObject({ code: 'INVALID_STATE' });
  });
});

const tone = (frequency: number, sampleRate: number, seconds: number, channels: number): Float32Array =>
  Float32Array.from(
    { length: seconds * sampleRate * channels },
    (_, i) => 0.4 * Math.sin((2 * Math.PI * frequency * Math.floor(i / channels)) / sampleRate),
  );

describe('pushed sound', () => {
  it.each([
    ['s16', 48_000, 2],
    ['f32', 48_000, 2],
    ['s16', 48_000, 1],
    ['s16', 44_100, 2],
    ['f32', 16_000, 1],
  ] as const)('in %s of %i Hz and %i channels is heard as it was, without a gap', async (format, sampleRate, channels) => {
    const audio = new PushedAudio({ format, sampleRate, channels }, new PushClock());
    const input = await engine.openInput(audio);
    const encoding = await engine.openEncoding(input.tracks[0]!, { codec: 'OPUS', bitrate: 96_000 });
    const log = new FrameLog(encoding);
    input.start();
    const floats = tone(1000, sampleRate, 1, channels);
    const samples = format === 'f32' ? floats : Int16Array.from(floats, (value) => value * 32767);
    const started = performance.now();
    await audio.write(samples);
    // All but 100 ms of it.
    expect(performance.now() - started).toBeGreaterThan(850);
    await audio.end();
    await log.until(({ ended }) => ended);
    const heard = await decodeAudio(log.frames);
    expect(log.frames.length).toBeGreaterThanOrEqual(49);
    for (const [i, frame] of log.frames.entries()) {
      if (i > 0) expect(frame.timestamp - log.frames[i - 1]!.timestamp).toBeCloseTo(20_000, -1);
    }
    expect(strengthAt(heard.subarray(4800, 43_200), 1000)).toBeGreaterThan(0.3);
    await Promise.all([encoding.close(), input.close()]);
  });
});
