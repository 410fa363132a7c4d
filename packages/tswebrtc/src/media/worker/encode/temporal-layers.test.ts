import { afterEach, describe, expect, it } from 'vitest';
import { type DecodedPicture, decodeVideo } from '../../decode.testing.ts';
import { type EncodedPicture, EncodeRun, psnr } from '../../encode-run.testing.ts';

let run: EncodeRun;
afterEach(() => run.close());

const open = async (options: { temporalLayers?: 1 | 2; bitrate?: number; codec?: 'VP8' | 'H264' } = {}): Promise<EncodeRun> => {
  run = await EncodeRun.open({ codec: 'VP8', temporalLayers: 2, width: 320, height: 180, bitrate: 400_000, ...options });
  return run;
};

const bytes = (frames: readonly EncodedPicture[]): number => frames.reduce((sum, { data }) => sum + data.length, 0);

/** Decodes what `keep` leaves over; pictures by the number of their source. */
async function decodeSome(keep: (frame: EncodedPicture) => boolean): Promise<Map<number, DecodedPicture>> {
  const kept = run.frames.filter(keep);
  const pictures = await decodeVideo('VP8', kept);
  expect(pictures).toHaveLength(kept.length);
  return new Map(kept.map(({ index }, i) => [index, pictures[i]!]));
}

/** What is left decodes to the very bytes that it decodes to among all the others, and so to the source as well as these. */
async function expectNoDrift(keep: (frame: EncodedPicture) => boolean): Promise<void> {
  const full = await decodeSome(() => true);
  const some = await decodeSome(keep);
  expect(some.size).toBeLessThan(full.size);
  for (const [index, picture] of some) {
    if (Buffer.compare(picture.luma, full.get(index)!.luma) !== 0) throw new Error(`picture ${index} decodes to another`);
  }
  const loss = [...some].map(
    ([index, picture]) => psnr(full.get(index)!, run.picture(index)) - psnr(picture, run.picture(index)),
  );
  expect(Math.max(...loss)).toBe(0);
}

describe('VP8 in two temporal layers', () => {
  it('has every other frame in layer 1, and in layer 0 well below all of the bits', async () => {
    await open();
    const frames = run.encode(6);
    const base = frames.filter(({ temporalLayer }) => temporalLayer === 0);
    expect(frames.length).toBeGreaterThan(170);
    expect(base.length / frames.length).toBeCloseTo(0.5, 1);
    expect(bytes(base) / bytes(frames)).toBeLessThan(0.72);
    expect(bytes(base) / bytes(frames)).toBeGreaterThan(0.45);
    for (let i = 1; i < frames.length; i++) expect(frames[i]!.temporalLayer).toBe(1 - frames[i - 1]!.temporalLayer);
  });

  it('decodes without layer 1, to the same pictures', async () => {
    await open();
    run.encode(4);
    await expectNoDrift(({ temporalLayer }) => temporalLayer === 0);
  });

  it('decodes without some of layer 1, to the same pictures', async () => {
    await open();
    run.encode(4);
    let random = 7;
    await expectNoDrift(({ temporalLayer }) => {
      random = (Math.imul(random, 1103515245) + 12345) >>> 0;
      return temporalLayer === 0 || random % 3 === 0;
    });
  });

  it('keeps its layers right across keyframes on demand, other bitrates and frames given up', async () => {
    await open({ bitrate: 1_500_000 });
    for (const [i, bitrate] of [1_500_000, 20_000, 60_000, 1_000_000, 15_000].entries()) {
      run.setBitrate(bitrate);
      run.encode(1 + i / 30);
      run.requestKeyframe();
      run.encode(1.1 - i / 30);
    }
    const keyframes = run.frames.filter(({ keyframe }) => keyframe);
    expect(keyframes.length).toBe(6);
    expect(keyframes.every(({ temporalLayer }) => temporalLayer === 0)).toBe(true);
    expect(run.frames.length).toBeLessThan(run.count - 20);
    await expectNoDrift(({ temporalLayer }) => temporalLayer === 0);
    await expectNoDrift(({ temporalLayer, index }) => temporalLayer === 0 || index % 5 < 2);
  });

  it('would drift if frames of layer 0 were left out instead: the check can fail', async () => {
    await open();
    run.encode(2);
    await expect(expectNoDrift(({ temporalLayer, index }) => temporalLayer === 1 || index % 6 !== 2)).rejects.toThrow('another');
  });
});

it.each(['VP8', 'H264'] as const)('%s in one layer has all frames in layer 0', async (codec) => {
  await open({ codec, temporalLayers: codec === 'VP8' ? 1 : 2 });
  const frames = run.encode(2);
  expect(frames.length).toBeGreaterThan(50);
  expect(frames.every(({ temporalLayer }) => temporalLayer === 0)).toBe(true);
});
