import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadMediaEngine } from './engine.ts';
import { FrameLog } from './frame-log.testing.ts';
import type { MediaEngine, MediaInput } from './types.ts';

/** The process's threads in the order in which they began, which is the order in which the engine gives them roles. */
let threads: Worker[];
let exited: Set<Worker>;
let engine: MediaEngine;

const onThread = (thread: Worker): void => {
  threads.push(thread);
  thread.once('exit', () => exited.add(thread));
};

beforeEach(async () => {
  threads = [];
  exited = new Set();
  process.on('worker', onThread);
  engine = await loadMediaEngine();
});
afterEach(async () => {
  await engine.close();
  process.off('worker', onThread);
  // The last to go may be one that was still loading.
  expect(threads.filter((thread) => !exited.has(thread))).toEqual([]);
});

/** Every `error` and `ended` of something, in order. */
function endings(source: {
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'ended', listener: () => void): unknown;
}): { seen: unknown[]; first: Promise<unknown> } {
  const seen: unknown[] = [];
  const first = new Promise<unknown>((resolve) => {
    const note = (what: unknown): void => {
      seen.push(what);
      resolve(what);
    };
    source.on('error', note);
    source.on('ended', () => note('ended'));
  });
  return { seen, first };
}

const openPicture = (): Promise<MediaInput> => engine.openInput({ type: 'testsrc', width: 160, height: 120 });

async function encode(input: MediaInput, codec: 'H264' | 'VP8') {
  const encoding = await engine.openEncoding(input.tracks[0]!, { codec, bitrate: 200_000 });
  const end = endings(encoding);
  return { encoding, end, log: new FrameLog(encoding) };
}

async function goesOn(log: FrameLog): Promise<void> {
  const seen = log.frames.length;
  await log.until(({ frames }) => frames.length >= seen + 15);
}

describe('a thread that dies', () => {
  it('as an input costs that input and its encodings, and nothing else', async () => {
    const doomed = await openPicture();
    const end = endings(doomed);
    const lost = await encode(doomed, 'H264');
    const other = await openPicture();
    const kept = await encode(other, 'H264');
    doomed.start();
    other.start();
    await Promise.all([goesOn(lost.log), goesOn(kept.log)]);
    await threads[0]!.terminate();
    expect(await end.first).toMatchObject({ code: 'INPUT_FAILED', message: expect.stringMatching(/^The thread .*\.$/) });
    expect(await lost.end.first).toBe('ended');
    await goesOn(kept.log);
    // What is asked of the dead has no effect and harms nobody.
    doomed.start();
    await expect(engine.openEncoding(doomed.tracks[0]!, { codec: 'VP8', bitrate: 200_000 })).rejects.toMatchObject({
      code: 'INVALID_STATE',
    });
    await Promise.all([doomed.close(), doomed.close(), lost.encoding.close()]);
    await goesOn(kept.log);
    expect(end.seen).toHaveLength(1);
    expect(lost.end.seen).toEqual(['ended']);
    expect(kept.end.seen).toEqual([]);
  });

  it('as an encoding costs that encoding, and its input serves the others and new ones', async () => {
    const input = await openPicture();
    const lost = await encode(input, 'H264');
    const kept = await encode(input, 'VP8');
    input.start();
    await Promise.all([goesOn(lost.log), goesOn(kept.log)]);
    await threads[1]!.terminate();
    expect(await lost.end.first).toMatchObject({ code: 'ENCODER_FAILED', message: expect.stringMatching(/^The thread .*\.$/) });
    expect(await lost.encoding.getStats()).toMatchObject({ targetBitrate: 200_000 });
    lost.encoding.requestKeyframe();
    lost.encoding.setBitrate(100_000);
    await goesOn(kept.log);
    const fresh = await encode(input, 'H264');
    await goesOn(fresh.log);
    await Promise.all([lost.encoding.close(), lost.encoding.close()]);
    await Promise.all([goesOn(kept.log), goesOn(fresh.log)]);
    expect(lost.end.seen).toHaveLength(1);
    expect([...kept.end.seen, ...fresh.end.seen]).toEqual([]);
  });

  it('while it answers or opens leaves nobody waiting', async () => {
    const input = await openPicture();
    const { encoding } = await encode(input, 'VP8');
    const stats = encoding.getStats();
    const opening = engine.openEncoding(input.tracks[0]!, { codec: 'H264', bitrate: 200_000 });
    // A new thread is announced a moment after it is made.
    await new Promise(setImmediate);
    await Promise.all([threads[1]!.terminate(), threads[2]!.terminate()]);
    expect(await stats).toMatchObject({ targetBitrate: 200_000 });
    await expect(opening).rejects.toMatchObject({ code: expect.stringMatching(/^ENCODER_FAILED|ENGINE_UNAVAILABLE$/) });
  });

  it('in reserve is not given to anybody', async () => {
    // Both are ready once a second one has been given away.
    await (await openPicture()).close();
    await (await openPicture()).close();
    const input = await openPicture();
    await Promise.all(threads.map((thread) => thread.terminate()));
    await input.close();
    const next = await openPicture();
    expect(next.tracks).toHaveLength(1);
  });
});
