import { afterEach, describe, expect, it } from 'vitest';
import { NalUnits } from '../../../rtp/packetisers/annex-b.ts';
import { decodeVideo } from '../../decode.testing.ts';
import type { EncoderChoice } from '../../encoders.ts';
import { movingDetail } from '../../moving-detail.testing.ts';
import type { EncodingOptions, VideoCodecName } from '../../types.ts';
import { addWithResolvers } from '../with-resolvers.ts';
import type { RawFrame } from './inlet.ts';
import type { PacketInfo } from './video-encoder.ts';
import type { VideoEncoding } from './video-encoding.ts';

addWithResolvers();
const { Log } = await import('node-av/lib');
const { AV_LOG_QUIET } = await import('node-av/constants');
Log.setLevel(AV_LOG_QUIET);
const { VideoEncoding: Encoding } = await import('./video-encoding.ts');

const FRAMERATE = 30;
const LARGE = { width: 320, height: 240 };
const SMALL = { width: 160, height: 120 };
const draw = { large: movingDetail(LARGE.width, LARGE.height), small: movingDetail(SMALL.width, SMALL.height) };

interface Made extends Pick<PacketInfo, 'keyframe' | 'temporalLayer'> {
  readonly data: Uint8Array;
  /** Number of the frame it was made of. */
  readonly index: number;
}

let encoding: VideoEncoding;
let made: Made[];
let given: number;
let held: number;
let failures: unknown[];
let choices: EncoderChoice[];
afterEach(() => encoding.close());

async function open(codec: VideoCodecName, options: Partial<EncodingOptions> = {}): Promise<void> {
  made = [];
  failures = [];
  choices = [];
  given = held = 0;
  encoding = await Encoding.open(
    { codec, bitrate: 800_000, ...options },
    { ...LARGE, framerate: FRAMERATE, colorSpace: 2 },
    {
      write(data, { keyframe, temporalLayer }, { timestamp }) {
        made.push({ data: data.slice(), keyframe, temporalLayer, index: Math.round((timestamp * FRAMERATE) / 1e6) });
        return true;
      },
      failed: (error) => failures.push(error),
      chosen: (choice) => choices.push(choice),
    },
  );
}

/** Gives the next picture of the input. */
function give(size = LARGE, colorSpace = 2): void {
  const index = given++;
  const timestamp = (index * 1e6) / FRAMERATE;
  let released = false;
  held++;
  const frame: RawFrame = {
    type: 'frame',
    slot: 0,
    sequence: index,
    timestamp,
    duration: 1e6 / FRAMERATE,
    captureTime: timestamp / 1000,
    samples: 0,
    data: (size === LARGE ? draw.large : draw.small)(index),
    format: { kind: 'video', ...size, framerate: FRAMERATE, colorSpace },
    release() {
      if (!released) held--;
      released = true;
    },
  };
  encoding.take(frame);
}

/** Gives pictures, with time in between for encoders to open, until `condition` holds. */
async function giveUntil(condition: () => boolean, size = LARGE): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) {
    give(size);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  expect(condition()).toBe(true);
}

const width = (): number | undefined => encoding.counters.frameWidth;

/** Each keyframe and what follows it decodes; returns the size of every picture, in order. */
async function sizes(codec: VideoCodecName): Promise<string[]> {
  const all: string[] = [];
  for (let from = 0; from < made.length; ) {
    let to = from + 1;
    while (to < made.length && !made[to]!.keyframe) to++;
    const pictures = await decodeVideo(codec, made.slice(from, to));
    expect(pictures).toHaveLength(to - from);
    all.push(...pictures.map((picture) => `${picture.width}x${picture.height}`));
    from = to;
  }
  return all;
}

describe.each<[VideoCodecName, 1 | 2]>([
  ['H264', 1],
  ['VP8', 1],
  ['VP8', 2],
  ['VP9', 2],
])('%s in %i temporal layers', (codec, temporalLayers) => {
  it('loses no frame while an encoder for another size opens, and begins that size with a keyframe', async () => {
    await open(codec, { temporalLayers });
    for (let i = 0; i < 10; i++) give();
    encoding.setFormat({ width: 160 });
    await giveUntil(() => width() === 160);
    const change = given - 1;
    for (let i = 0; i < 10; i++) give();
    expect(made.map(({ index }) => index)).toEqual(Array.from({ length: given }, (_, i) => i));
    expect(held).toBe(0);
    expect(made.filter(({ keyframe }) => keyframe).map(({ index }) => index)).toEqual([0, change]);
    const seen = await sizes(codec);
    expect(new Set(seen.slice(0, change))).toEqual(new Set(['320x240']));
    expect(new Set(seen.slice(change))).toEqual(new Set(['160x120']));
    if (temporalLayers === 2) {
      expect(made.slice(change).map(({ temporalLayer }) => temporalLayer)).toEqual(made.slice(change).map((_, i) => i % 2));
    }
  });

  it('follows an input that changes its size, and an encoder never sees another size than its own', async () => {
    await open(codec, { temporalLayers });
    for (let i = 0; i < 5; i++) give(LARGE);
    await giveUntil(() => width() === 160, SMALL);
    await giveUntil(() => width() === 320, LARGE);
    expect(made).toHaveLength(given);
    const seen = await sizes(codec);
    expect(seen[0]).toBe('320x240');
    expect(seen.at(-1)).toBe('320x240');
    expect(seen).toContain('160x120');
  });

  it('survives sizes that change with every frame, by setFormat and by the input', async () => {
    await open(codec, { temporalLayers });
    for (let i = 0; i < 150; i++) {
      encoding.setFormat(
        i % 7 === 0 ? {} : { width: 64 + 2 * ((i * 37) % 100), ...(i % 3 ? { height: 48 + 2 * ((i * 11) % 60) } : {}) },
      );
      give(i % 5 < 3 ? LARGE : SMALL, i % 11 ? 2 : 6);
      if (i % 4 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    encoding.setFormat({ width: 200, height: 100 });
    await giveUntil(() => width() === 200);
    expect(failures).toEqual([]);
    expect(held).toBe(0);
    expect(made.length + encoding.counters.framesDropped).toBe(given);
    expect((await sizes(codec)).at(-1)).toBe('200x100');
  });

  it('takes the same format again as nothing new', async () => {
    await open(codec, { temporalLayers });
    encoding.setFormat({ width: 160, framerate: 10 });
    await giveUntil(() => width() === 160);
    const from = made.length;
    for (let i = 0; i < 60; i++) {
      encoding.setFormat({ width: 160, framerate: 10 });
      give();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const after = made.slice(from);
    expect(after.some(({ keyframe }) => keyframe)).toBe(false);
    expect(after).toHaveLength(20);
    const distances = after.slice(1).map(({ index }, i) => index - after[i]!.index);
    expect(new Set(distances)).toEqual(new Set([3]));
  });

  it('thins frames out without a keyframe, and spends the bitrate on those left', async () => {
    await open(codec, { temporalLayers, bitrate: 200_000 });
    for (let i = 0; i < 60; i++) give();
    encoding.setFormat({ framerate: 10 });
    for (let i = 0; i < 150; i++) give();
    expect(made.filter(({ keyframe }) => keyframe)).toHaveLength(1);
    const late = made.filter(({ index }) => index >= 120 && index < 210);
    expect(late.length).toBe(30);
    const bitrate = late.reduce((sum, { data }) => sum + data.length * 8, 0) / 3;
    expect(bitrate).toBeGreaterThan(150_000);
    expect(bitrate).toBeLessThan(230_000);
  });

  it('counts quantisers: coarser ones at a lower bitrate', async () => {
    await open(codec, { temporalLayers, bitrate: 1_500_000 });
    const mean = (): number => {
      const { qpSum, framesEncoded } = encoding.counters;
      for (let i = 0; i < 30; i++) give();
      return (encoding.counters.qpSum! - qpSum!) / (encoding.counters.framesEncoded - framesEncoded);
    };
    mean();
    const fine = mean();
    encoding.setBitrate(100_000);
    mean();
    const coarse = mean();
    expect(fine).toBeGreaterThan(0);
    expect(coarse).toBeGreaterThan(fine * 1.2);
    expect(coarse).toBeLessThanOrEqual({ VP8: 127, VP9: 255, H264: 51, H265: 51, AV1: 63 }[codec]);
  });
});

describe.each<VideoCodecName>(['H265', 'AV1'])('%s, whose encoder cannot change while it runs', (codec) => {
  it('goes down with a new encoder and a keyframe, loses no frame over it, and holds the bitrate', async () => {
    await open(codec, { bitrate: 1_500_000 });
    for (let i = 0; i < 30; i++) give();
    encoding.setBitrate(300_000);
    await giveUntil(() => made.slice(30).some(({ keyframe }) => keyframe));
    const change = made.findLastIndex(({ keyframe }) => keyframe);
    for (let i = 0; i < 90; i++) give();
    expect(made).toHaveLength(given);
    expect(made.filter(({ keyframe }) => keyframe).map(({ index }) => index)).toEqual([0, change]);
    expect(await sizes(codec)).toHaveLength(given);
    const late = made.slice(change + 30);
    const bitrate = (late.reduce((sum, { data }) => sum + data.length * 8, 0) * FRAMERATE) / late.length;
    expect(bitrate).toBeLessThan(400_000);
  });

  it('does not open another encoder for a bitrate that is a little higher, nor at once for one far higher', async () => {
    await open(codec, { bitrate: 800_000 });
    for (const bitrate of [850_000, 1_000_000, 2_000_000, 780_000, 3_000_000]) {
      encoding.setBitrate(bitrate);
      for (let i = 0; i < 5; i++) give();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(made.filter(({ keyframe }) => keyframe)).toHaveLength(1);
  });

  it('makes a keyframe when it is asked for one, and no other', async () => {
    await open(codec);
    for (let i = 0; i < 10; i++) give();
    encoding.requestKeyframe();
    for (let i = 0; i < 10; i++) give();
    expect(made.filter(({ keyframe }) => keyframe).map(({ index }) => index)).toEqual([0, 10]);
    expect(await sizes(codec)).toHaveLength(20);
    expect(encoding.counters.qpSum).toBeGreaterThan(0);
  });
});

describe('an encoder that breaks while it runs', () => {
  const inject = (faults: string): void => void (process.env.TSWEBRTC_TEST_ENCODER_FAULTS = faults);
  afterEach(() => void (process.env.TSWEBRTC_TEST_ENCODER_FAULTS = ''));

  it('is opened anew, and goes on with a keyframe', async () => {
    inject('libx264@11');
    await open('H264', { encoder: 'software' });
    for (let i = 0; i < 10; i++) give();
    await giveUntil(() => made.length > 20);
    expect(failures).toEqual([]);
    expect(held).toBe(0);
    expect(made.filter(({ keyframe }) => keyframe)).toHaveLength(2);
    expect(made.length + encoding.counters.framesDropped).toBe(given);
    expect(await sizes('H264')).toHaveLength(made.length);
    expect(choices).toEqual([
      { implementation: 'libx264', refused: [] },
      {
        implementation: 'libx264',
        refused: [],
        failed: { implementation: 'libx264', reason: 'The encoder "libx264" failed: a fault was injected.' },
      },
    ]);
  });

  it('is given up when it breaks time and again', async () => {
    inject('libvpx@5x9');
    await open('VP8', { encoder: 'software' });
    await giveUntil(() => failures.length > 0);
    expect(failures).toEqual([expect.objectContaining({ code: 'ENCODER_FAILED' })]);
    expect(made.filter(({ keyframe }) => keyframe)).toHaveLength(3);
  });

  it('and does not open is passed over for one that does, once', async () => {
    await open('H264');
    expect(choices.at(0)!.implementation).toBe('libx264');
    expect(choices.at(0)!.refused.every(({ implementation }) => implementation.startsWith('h264_'))).toBe(true);
  });
});

describe('settings of H.264', () => {
  it('are held to a level: size, frame rate and bitrate', async () => {
    await open('H264', { level: 11, bitrate: 5_000_000, encoder: 'software' });
    for (let i = 0; i < 60; i++) give();
    expect(encoding.counters.frameWidth).toBe(320);
    // 300 macroblocks at 3000 a second.
    expect(made.length).toBeLessThanOrEqual(22);
    const bitrate = (made.slice(1).reduce((sum, { data }) => sum + data.length * 8, 0) * 10) / (made.length - 1);
    expect(bitrate).toBeLessThan(250_000);
  });

  it.each([
    ['', undefined],
    [', also with none of our options', { options: { preset: 'ultrafast', tune: 'zerolatency' }, withoutDefaults: true }],
    [', also with others of their own kind', { options: { 'x264-params': 'aud=1' }, withoutDefaults: false }],
  ])('keep every NAL unit small for peers that take no fragments%s', async (_, libx264) => {
    await open('H264', { maxSliceSize: 1100, bitrate: 3_000_000, ...(libx264 && { overrides: { libx264 } }) });
    for (let i = 0; i < 20; i++) give();
    const units = new NalUnits();
    for (const { data } of made) {
      units.find(data);
      for (let i = 0; i < units.count; i++) expect(units.offsets[2 * i + 1]! - units.offsets[2 * i]!).toBeLessThanOrEqual(1100);
    }
    expect(await sizes('H264')).toHaveLength(20);
  });
});
