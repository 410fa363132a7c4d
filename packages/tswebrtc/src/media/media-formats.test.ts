import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeVideo } from './decode.testing.ts';
import { loadMediaEngine } from './engine.ts';
import { FrameLog } from './frame-log.testing.ts';
import { makeTestFile, type TestFileOptions } from './make-test-file.testing.ts';
import type { InputTrack, MediaEngine } from './types.ts';
import { beeps, flashes } from './watch.testing.ts';

let engine: MediaEngine;
let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tswebrtc-formats-'));
  engine = await loadMediaEngine();
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

/** Plays a file to its end. */
async function play(path: string): Promise<{ tracks: readonly InputTrack[]; logs: FrameLog[] }> {
  const input = await engine.openInput({ type: 'file', path });
  const logs = await Promise.all(
    input.tracks.map(async (track) => {
      const video = track.kind === 'video';
      const options = { codec: video ? 'VP8' : 'OPUS', bitrate: video ? 500_000 : 96_000 } as const;
      return new FrameLog(await engine.openEncoding(track, options));
    }),
  );
  input.start();
  await Promise.all(logs.map((log) => log.until(({ ended }) => ended)));
  await input.close();
  return { tracks: input.tracks, logs };
}

describe('a media file plays, picture and sound together,', () => {
  it.each<[string, string, TestFileOptions, object?]>([
    ['as Matroska with FLAC', 'flac.mkv', { audio: 'flac' }],
    [
      'with pictures of odd size',
      'odd.webm',
      { video: 'libvpx', audio: 'libopus', width: 321, height: 181 },
      { width: 320, height: 180 },
    ],
    ['with pictures at a variable rate', 'variable.mp4', { variable: true }],
    ['with pictures of ten bits', 'ten.mp4', { tenBit: true }],
    ['with sound that starts late', 'late.mp4', { soundStart: 0.3 }],
    ['with sound in mono', 'mono.mp4', { channels: 1 }],
    ['with sound in 5.1', 'surround.mp4', { channels: 6, sampleRate: 48_000 }],
  ])('%s', async (_, name, options, format = {}) => {
    await makeTestFile(at(name), { duration: 1, ...options });
    const { tracks, logs } = await play(at(name));
    expect(tracks[0]).toMatchObject({ kind: 'video', format });
    const [video, audio] = logs;
    const [seen, heard] = await Promise.all([flashes(video!), beeps(audio!)]);
    expect(seen).toHaveLength(1);
    expect(heard).toHaveLength(1);
    // A picture may stay for 100 ms where the rate varies.
    expect(Math.abs(seen[0]! - heard[0]!)).toBeLessThan(options.variable ? 70 : 25);
    const start = (options.soundStart ?? 0) * 1e6;
    expect(Math.abs(audio!.frames[0]!.timestamp - start)).toBeLessThan(30_000);
  });

  it.each([
    [90, { width: 120, height: 160 }, [1, 0]],
    [180, { width: 160, height: 120 }, [1, 1]],
    [270, { width: 120, height: 160 }, [0, 1]],
  ] as const)('turned upright by %i degrees', async (rotation, size, [right, bottom]) => {
    await makeTestFile(at('phone.mp4'), { rotation, duration: 0.3, audio: false, width: 160, height: 120 });
    const { tracks, logs } = await play(at('phone.mp4'));
    expect(tracks[0]).toMatchObject({ format: size });
    const [picture] = await decodeVideo('VP8', logs[0]!.frames);
    expect(picture).toMatchObject(size);
    const { luma, stride, width, height } = picture!;
    const marked = [0, 1].flatMap((y) =>
      [0, 1].filter((x) => luma[(y ? height - 10 : 10) * stride + (x ? width - 10 : 10)]! < 35).map((x) => [x, y]),
    );
    expect(marked).toEqual([[right, bottom]]);
  });

  it('not when it was cut short before its index', async () => {
    await makeTestFile(at('whole.mp4'), { duration: 1 });
    const whole = await readFile(at('whole.mp4'));
    await writeFile(at('cut.mp4'), whole.subarray(0, whole.length >> 1));
    await expect(engine.openInput({ type: 'file', path: at('cut.mp4') })).rejects.toMatchObject({
      code: 'INPUT_FAILED',
      message: `The file "${at('cut.mp4')}" cannot be played as media: it is damaged, cut short or of another kind.`,
    });
  });
});
