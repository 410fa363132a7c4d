/** Time codes of a file, over the control channel: encoded anew and passed on as it is, around its end and on. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignallingServer } from '@tswebrtc/signalling-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countFrames, parseTimeCode } from '../../common/time-code.ts';
import { loadMediaEngine } from '../../media/engine.ts';
import { FrameLog } from '../../media/frame-log.testing.ts';
import { makeTestFile } from '../../media/make-test-file.testing.ts';
import type { MediaEngine } from '../../media/types.ts';
import { flashes } from '../../media/watch.testing.ts';
import { WebRTCSrc } from '../../webrtcsrc/webrtcsrc.ts';
import { file } from '../tracks.ts';
import { WebRTCSink } from '../webrtcsink.ts';

const NTSC = 30_000 / 1001;
const FRAMES = 30;
const START = countFrames(parseTimeCode('01:02:03;04', NTSC)!, NTSC);

let engine: MediaEngine;
let folder: string;
let film: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tswebrtc-time-codes-'));
  film = join(folder, 'film.mov');
  await makeTestFile(film, { audio: false, ntsc: true, timeCode: '01:02:03;04', duration: FRAMES / NTSC - 0.01, bFrames: 0 });
  engine = await loadMediaEngine();
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

describe('the time codes of a file', () => {
  it.each([
    ['encoded anew', 'VP8', 'never'],
    ['passed on', 'H264', 'always'],
  ] as const)('are told where it is %s, and begin anew with it', async (_how, codec, passthrough) => {
    const server = await SignallingServer.listen({ host: '127.0.0.1', port: 0 });
    const uri = `ws://127.0.0.1:${server.port}`;
    const shared = { engine, signaller: { uri }, stunServer: null, passthrough, videoCodecs: [codec] };
    const sink = new WebRTCSink({ ...shared, enableControlDataChannel: true, forwardMetas: ['timecode'] });
    const src = new WebRTCSrc({
      signaller: { uri },
      connectToFirstProducer: true,
      stunServer: null,
      enableControlDataChannel: true,
    });
    const counts: number[] = [];
    const others = new Set<string>();
    src.on('info', ({ meta: { hours, minutes, seconds, frames, ...rest } }) => {
      counts.push(countFrames({ hours, minutes, seconds, frames, dropFrame: true }, NTSC) - START);
      others.add(JSON.stringify(rest));
    });
    try {
      sink.addTrack(file(film, { loop: true }));
      await sink.start();
      await src.start();
      await expect.poll(() => counts.length, { timeout: 20_000 }).toBeGreaterThan(2 * FRAMES);
    } finally {
      await src.close();
      await sink.close();
      await server.close();
    }
    const rest = { type: 'timeCode', field_count: 0, fps: [30_000, 1001], flags: 'drop-frame', latest_daily_jam: null };
    expect([...others].map((text) => JSON.parse(text))).toEqual([rest]);
    // A busy machine may give up a picture.
    const [first, last] = [Math.min(...counts), Math.max(...counts)];
    expect([first >= 0, first < 3, last < FRAMES, last >= FRAMES - 3]).toEqual(Array(4).fill(true));
    const backward = counts.filter((count, i) => i > 0 && count < counts[i - 1]!);
    expect(backward.length).toBeGreaterThanOrEqual(1);
    expect(backward.length).toBeLessThanOrEqual(3);
  });

  it('are those of the pictures', async () => {
    const input = await engine.openInput({ type: 'file', path: film, loop: true });
    const [track] = input.tracks;
    const log = new FrameLog(await engine.openEncoding(track!, { codec: 'VP8', bitrate: 500_000 }));
    input.start();
    await log.until(({ frames }) => (frames.at(-1)?.timestamp ?? 0) > 2_000_000);
    const codes = log.frames.map(({ timestamp }) => track!.timeCodes?.at(timestamp));
    await input.close();
    // It is white from the fifteenth picture on, as at 29.97 a second the half second is within it.
    for (const time of await flashes(log)) {
      const index = log.frames.findIndex(({ captureTime }) => captureTime === time);
      expect(countFrames(codes[index]!, NTSC) - START).toBe(15);
    }
    expect(await flashes(log)).toHaveLength(2);
  });
});
