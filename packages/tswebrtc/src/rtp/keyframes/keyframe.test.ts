/** FFmpeg's encoders make keyframes of many sizes; what is read of them is what was asked for. */
import { describe, expect, it } from 'vitest';
import { av, constants, encode, VIDEO_ENCODERS } from '../ffmpeg.testing.ts';
import { random } from '../ops.testing.ts';
import { readKeyframe } from './keyframe.ts';

const ENCODERS: readonly [codec: string, encoder: string, options: Record<string, string>][] = [
  ...Object.entries(VIDEO_ENCODERS).map(
    ([codec, [encoder, options]]) => [codec, encoder, options] as [string, string, Record<string, string>],
  ),
  ['H264', 'libx264', { preset: 'ultrafast', profile: 'high', 'x264-params': 'cqm=jvt' }],
  ['H264', 'libx264', { preset: 'ultrafast', 'x264-params': 'fake-interlaced=1' }],
];
const SIZES = [
  [320, 240],
  [642, 364],
  [176, 100],
] as const;

async function keyframe(encoder: string, options: Record<string, string>, width: number, height: number): Promise<Uint8Array> {
  const pixels = Buffer.alloc((width * height * 3) / 2, 90);
  const frames = await encode(
    encoder,
    options,
    (context) => {
      Object.assign(context, { width, height, pixelFormat: constants.AV_PIX_FMT_YUV420P, maxBFrames: 0, threadCount: 1 });
      context.timeBase = new av.Rational(1, 30);
      context.framerate = new av.Rational(30, 1);
      context.bitRate = 500_000n;
    },
    (index) => {
      const format = constants.AV_PIX_FMT_YUV420P;
      const frame = av.Frame.fromVideoBuffer(pixels, { width, height, format, timeBase: { num: 1, den: 30 } });
      frame.pts = BigInt(index);
      return frame;
    },
    2,
    1,
  );
  return frames[0]!.data;
}

describe('a keyframe', () => {
  it.each(ENCODERS)(
    'of %s tells its size (%s %o)',
    async (codec, encoder, options) => {
      for (const [width, height] of SIZES) {
        expect(readKeyframe(codec.toLowerCase(), await keyframe(encoder, options, width, height))).toMatchObject({
          width,
          height,
        });
      }
    },
    60_000,
  );

  it('carries the parameter sets or the sequence header, and only those', async () => {
    const configurationOf = async (codec: keyof typeof VIDEO_ENCODERS): Promise<string> => {
      const { configuration } = readKeyframe(codec, await keyframe(...VIDEO_ENCODERS[codec], 320, 240))!;
      return Buffer.from(configuration).toString('hex');
    };
    const h264 = (await configurationOf('H264')).split('00000001').slice(1);
    expect(h264.map((unit) => Number.parseInt(unit.slice(0, 2), 16) & 0x1f)).toEqual([7, 8]);
    const h265 = (await configurationOf('H265')).split('00000001').slice(1);
    expect(h265.map((unit) => (Number.parseInt(unit.slice(0, 2), 16) >> 1) & 0x3f)).toEqual([32, 33, 34]);
    expect((await configurationOf('AV1')).startsWith('0a')).toBe(true);
    expect(await configurationOf('VP8')).toBe('');
  }, 30_000);

  it('is nothing that is no keyframe, and no garbage does harm', async () => {
    const next = random(5);
    const whole = await keyframe('libx264', { preset: 'ultrafast' }, 320, 240);
    for (const codec of ['VP8', 'VP9', 'H264', 'H265', 'AV1', 'opus']) {
      expect(readKeyframe(codec, new Uint8Array(0))).toBeUndefined();
      for (let i = 0; i < 2000; i++) {
        const data = Uint8Array.from({ length: next() * 60 }, () => next() * 256);
        if (codec.startsWith('H26')) data.set([0, 0, 1, codec === 'H264' ? 0x67 : 0x42].slice(0, data.length));
        readKeyframe(codec, data);
      }
      for (let length = 0; length < 60; length++) readKeyframe(codec, whole.subarray(0, length));
    }
  });
});
