import { spawn } from 'node:child_process';
import { createReadStream, createWriteStream, statSync } from 'node:fs';
import { copyFile, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeVideo } from './decode.testing.ts';
import { FrameLog } from './frame-log.testing.ts';
import { makeTestFile } from './make-test-file.testing.ts';
import { h264Payloads, type RtspServer, type RtspServerOptions, startRtspServer } from './rtsp-server.testing.ts';
import { servedStreamsOf } from './served-file.testing.ts';
import type { InputDescription, MediaInput } from './types.ts';
import { type Opened, useMedia } from './use-media.testing.ts';
import { beeps, flashes } from './watch.testing.ts';

const media = useMedia('streams');

beforeAll(async () => {
  await makeTestFile(join(media.folder, 'camera.mp4'), { bFrames: 0, duration: 2 });
  await makeTestFile(join(media.folder, 'other.mp4'), { bFrames: 0, duration: 2, width: 480, height: 270 });
  await makeTestFile(join(media.folder, 'b-frames.mp4'), { bFrames: 2, duration: 2, audio: false });
  await makeTestFile(join(media.folder, 'film.mkv'), { duration: 2 });
});

const open = (description: InputDescription): Promise<Opened> => media.openInput(description);

async function serve(file: string, options: Omit<RtspServerOptions, 'streams'> = {}): Promise<RtspServer> {
  const server = await startRtspServer({ streams: await servedStreamsOf(join(media.folder, file)), ...options });
  media.closing.push(() => server.close().catch(() => {}));
  return server;
}

async function passed(input: MediaInput, index = 0): Promise<FrameLog> {
  return new FrameLog(await media.engine.openPassthrough(input.tracks[index]!));
}

async function encoded(input: MediaInput, index = 0): Promise<FrameLog> {
  const video = input.tracks[index]!.kind === 'video';
  return new FrameLog(
    await media.engine.openEncoding(input.tracks[index]!, { codec: video ? 'VP8' : 'OPUS', bitrate: video ? 500_000 : 64_000 }),
  );
}

const rising = (times: readonly number[]): boolean => times.every((time, i) => i === 0 || time > times[i - 1]!);

describe('an RTSP camera', () => {
  it.each(['tcp', 'udp'] as const)('is passed on and encoded anew, picture and sound together, over %s', async (transport) => {
    const server = await serve('camera.mp4');
    const { input, said } = await open({ type: 'url', url: `rtsp://127.0.0.1:${server.port}/live`, transport });
    expect(input.tracks).toMatchObject([
      { kind: 'video', format: { width: 320, height: 240 }, encoded: { codec: 'H264', profileLevelId: expect.any(String) } },
      { kind: 'audio', format: { sampleRate: 44_100, channels: 2 } },
    ]);
    const [own, anew, sound] = await Promise.all([passed(input), encoded(input, 0), encoded(input, 1)]);
    input.start();
    await own.until(({ frames }) => frames.length >= 90);
    expect(rising(own.frames.map(({ timestamp }) => timestamp))).toBe(true);
    expect(await decodeVideo('H264', own.frames)).toHaveLength(own.frames.length);
    await anew.until(({ frames }) => frames.length > 60);
    const [seen, heard] = await Promise.all([flashes(anew), beeps(sound)]);
    const apart = seen.flatMap((flash) => heard.map((beep) => Math.abs(beep - flash))).filter((ms) => ms < 400);
    expect(apart.length).toBeGreaterThan(0);
    // Where the camera's film starts over its sound does not fit to the frame.
    for (const ms of apart) expect(ms).toBeLessThan(80);
    expect(said).toEqual([]);
    await input.close();
    await expect.poll(() => server.requests).toContain('TEARDOWN');
  });

  it('that tells its parameter sets in its description alone is passed on with them before each keyframe', async () => {
    const [video] = await servedStreamsOf(join(media.folder, 'camera.mp4'));
    const isSet = ([first = 0]: Uint8Array): boolean => [7, 8].includes(first & 0x1f);
    const sets = h264Payloads(video!.frames[0]!.data).filter(isSet);
    expect(sets).toHaveLength(2);
    const fmtp = `sprop-parameter-sets=${sets.map((set) => Buffer.from(set).toString('base64')).join(',')}`;
    const server = await startRtspServer({
      streams: [
        {
          ...video!,
          payloads: (data) => h264Payloads(data).filter((payload) => !isSet(payload)),
          attributes: (type) => [`a=rtpmap:${type} H264/90000`, `a=fmtp:${type} packetization-mode=1;${fmtp}`],
        },
      ],
    });
    media.closing.push(() => server.close());
    const { input } = await open({ type: 'url', url: `rtsp://127.0.0.1:${server.port}/` });
    const own = await passed(input);
    input.start();
    await own.until(({ frames }) => frames.filter(({ keyframe }) => keyframe).length >= 3);
    for (const { keyframe, data } of own.frames) expect(h264Payloads(data).filter(isSet)).toHaveLength(keyframe ? 2 : 0);
    expect(await decodeVideo('H264', own.frames)).toHaveLength(own.frames.length);
  });

  it('that is restarted is waited for, said once each way, and goes on with a keyframe on the same timeline, whatever its size', async () => {
    const server = await serve('camera.mp4');
    const { input, said } = await open({ type: 'url', url: `rtsp://ann:secret@127.0.0.1:${server.port}/live?token=1` });
    const [own, anew] = await Promise.all([passed(input), encoded(input)]);
    input.start();
    await own.until(({ frames }) => frames.length >= 20);
    await server.close();
    await expect.poll(() => said.length).toBe(1);
    const [before, encodedBefore] = [own.frames.length, anew.frames.length];
    await serve('other.mp4', { port: server.port });
    await own.until(({ frames }) => frames.length >= before + 30);
    await anew.until(({ frames }) => frames.length >= encodedBefore + 30);
    expect(said).toEqual([
      `The stream rtsp://127.0.0.1:${server.port}/live was lost: the server closed the connection; it is tried again until it is back.`,
      'resumed',
    ]);
    expect(own.frames[before]!.keyframe).toBe(true);
    expect(rising(own.frames.map(({ timestamp }) => timestamp))).toBe(true);
    expect(rising(anew.frames.map(({ timestamp }) => timestamp))).toBe(true);
    expect((await decodeVideo('H264', own.frames.slice(before)))[0]).toMatchObject({ width: 480, height: 270 });
    expect((await decodeVideo('VP8', anew.frames)).at(-1)).toMatchObject({ width: 480, height: 270 });
  });

  it('that falls silent is said to, once, and is back when it is', async () => {
    const server = await serve('camera.mp4');
    const { input, said } = await open({ type: 'url', url: `rtsp://127.0.0.1:${server.port}/live`, timeout: 60 });
    const own = await passed(input);
    input.start();
    await own.until(({ frames }) => frames.length >= 10);
    server.pause();
    await expect
      .poll(() => said, { timeout: 10_000 })
      .toEqual([`The stream rtsp://127.0.0.1:${server.port}/live has given nothing for 3 s.`]);
    server.resume();
    await expect.poll(() => said.at(-1), { timeout: 10_000 }).toBe('resumed');
  });

  it('with B-frames is not passed on for long, and encoded anew', async () => {
    const server = await serve('b-frames.mp4');
    const { input } = await open({ type: 'url', url: `rtsp://127.0.0.1:${server.port}/` });
    const [own, anew] = await Promise.all([passed(input), encoded(input)]);
    input.start();
    await expect
      .poll(() => own.error?.message)
      .toBe('Its H264 has B-frames, which WebRTC receivers cannot put in order; it is encoded anew.');
    await anew.until(({ frames }) => frames.length > 20);
  });

  it('wants a password, and gets it', async () => {
    const server = await serve('camera.mp4', { credentials: { username: 'ann', password: 'p@ss word' } });
    const { input } = await open({
      type: 'url',
      url: `rtsp://ann:${encodeURIComponent('p@ss word')}@127.0.0.1:${server.port}/a`,
    });
    expect(input.tracks).toHaveLength(2);
    await expect(open({ type: 'url', url: `rtsp://ann:wrong@127.0.0.1:${server.port}/a` })).rejects.toMatchObject({
      code: 'INPUT_FAILED',
      message: `The stream rtsp://127.0.0.1:${server.port}/a cannot be opened: it wants a user name and a password, or others than those in the URL.`,
    });
  });

  it('that is not there is named without its secrets', async () => {
    await expect(open({ type: 'url', url: 'rtsp://ann:secret@127.0.0.1:9/live' })).rejects.toMatchObject({
      code: 'INPUT_FAILED',
      message: expect.stringMatching(/^The stream rtsp:\/\/127\.0\.0\.1:9\/live cannot be opened: (?!.*secret)/),
    });
  });
});

describe('HTTP', () => {
  /** Serves the folder; `ranges`: also from the middle of a file. */
  async function serveFolder({ ranges = false } = {}): Promise<string> {
    const server = http.createServer((request, response) => {
      const start = ranges ? Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0) : 0;
      const path = join(media.folder, request.url!.slice(1));
      const stream = createReadStream(path, { start });
      stream.on('error', () => response.writeHead(404).end());
      stream.on('open', () => {
        const { size } = statSync(path);
        if (ranges) response.writeHead(206, { 'Content-Range': `bytes ${start}-${size - 1}/${size}` });
        else response.writeHead(200);
      });
      stream.pipe(response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    media.closing.push(async () => {
      server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it('files are played in real time to their end', async () => {
    const { input, said } = await open({ type: 'url', url: `${await serveFolder()}/film.mkv` });
    expect(input.tracks.map(({ kind, transcoded }) => [kind, transcoded !== undefined])).toEqual([
      ['video', true],
      ['audio', false],
    ]);
    const [video, audio] = await Promise.all([encoded(input, 0), encoded(input, 1)]);
    const started = performance.now();
    input.start();
    await Promise.all([video, audio].map((log) => log.until(({ ended }) => ended)));
    expect(performance.now() - started).toBeGreaterThan(1700);
    const [seen, heard] = await Promise.all([flashes(video), beeps(audio)]);
    expect(seen).toHaveLength(2);
    expect(heard).toHaveLength(2);
    for (const [i, flash] of seen.entries()) expect(Math.abs(flash - heard[i]!)).toBeLessThan(40);
    expect(said).toEqual(['ended']);
  });

  it.each([
    ['film.mkv', true],
    ['film.mkv', false],
    ['camera.mp4', true],
  ])('files start over at their end where that is asked for, and go on in time: %s, ranges: %s', async (file, ranges) => {
    const { input, said } = await open({ type: 'url', url: `${await serveFolder({ ranges })}/${file}`, loop: true });
    const [video, audio] = await Promise.all([encoded(input, 0), encoded(input, 1)]);
    input.start();
    await video.until(({ frames }) => frames.length > 0 && frames.at(-1)!.timestamp > 5e6);
    expect(rising(video.frames.map(({ timestamp }) => timestamp))).toBe(true);
    const [seen, heard] = await Promise.all([flashes(video), beeps(audio)]);
    // Twice over at least, one a second.
    expect(seen.length).toBeGreaterThanOrEqual(4);
    for (const [i, flash] of seen.entries()) {
      expect(Math.min(...heard.map((beep) => Math.abs(beep - flash)))).toBeLessThan(60);
      if (i > 0) expect(Math.abs(flash - seen[i - 1]! - 1000)).toBeLessThan(600);
    }
    expect(said).toEqual([]);
  });

  it('files that start over and are gone say so, and are back when they are', async () => {
    const files = await serveFolder();
    await copyFile(join(media.folder, 'film.mkv'), join(media.folder, 'gone.mkv'));
    const { input, said } = await open({ type: 'url', url: `${files}/gone.mkv`, loop: true });
    input.start();
    await rm(join(media.folder, 'gone.mkv'));
    await expect.poll(() => said, { timeout: 10_000 }).toHaveLength(1);
    expect(said[0]).toMatch(/^The stream \S+\/gone\.mkv was lost: .*404.*; it is tried again until it is back\.$/);
    await copyFile(join(media.folder, 'film.mkv'), join(media.folder, 'gone.mkv'));
    await expect.poll(() => said.at(-1), { timeout: 10_000 }).toBe('resumed');
  });

  it('what has no end cannot start over, and says so', async () => {
    const server = http.createServer((_, response) => {
      response.writeHead(200);
      createReadStream(join(media.folder, 'part.ts')).pipe(response, { end: false });
    });
    await makeTestFile(join(media.folder, 'part.ts'), { bFrames: 0, duration: 2 });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    media.closing.push(async () => {
      server.closeAllConnections();
      server.close();
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/live`;
    await expect(open({ type: 'url', url, loop: true })).rejects.toMatchObject({
      code: 'INPUT_FAILED',
      message: `The stream ${url} cannot be opened: it has no known end at which it could start over (loop); leave that out.`,
    });
    await expect(open({ type: 'url', url: 'rtsp://ann:secret@127.0.0.1/live', loop: true })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message:
        'The option "loop" is true but must be left out for rtsp://127.0.0.1/live, which is live and has no beginning to go back to.',
    });
  });

  it('playlists (HLS) are played', async () => {
    await makeTestFile(join(media.folder, 'part.ts'), { bFrames: 0, duration: 2 });
    const playlist = ['#EXTM3U', '#EXT-X-VERSION:3', '#EXT-X-TARGETDURATION:2', '#EXTINF:2,', 'part.ts', '#EXT-X-ENDLIST'];
    const { writeFile } = await import('node:fs/promises');
    await writeFile(join(media.folder, 'list.m3u8'), playlist.join('\n'));
    const { input } = await open({ type: 'url', url: `${await serveFolder()}/list.m3u8` });
    const log = await passed(input);
    input.start();
    await log.until(({ ended }) => ended);
    expect(log.frames.length).toBeGreaterThan(50);
    expect(await decodeVideo('H264', log.frames)).toHaveLength(log.frames.length);
  });

  it('that has nothing is said', async () => {
    await expect(open({ type: 'url', url: `${await serveFolder()}/no.mp4?key=secret` })).rejects.toMatchObject({
      code: 'INPUT_FAILED',
      message: expect.stringMatching(/^The stream http:\/\/127\.0\.0\.1:\d+\/no\.mp4 cannot be opened: .*404/),
    });
  });
});

describe('a FIFO', () => {
  async function makeFifo(): Promise<string> {
    const path = join(media.folder, `fifo-${Math.random()}`);
    await new Promise((resolve) => spawn('mkfifo', [path]).once('exit', resolve));
    return path;
  }

  it('whose writer leaves waits for the next one, and plays on', async () => {
    const path = await makeFifo();
    const write = (): Promise<void> => pipeline(createReadStream(join(media.folder, 'film.mkv')), createWriteStream(path));
    const first = write();
    const { input, said } = await open({ type: 'file', path });
    const log = await encoded(input);
    input.start();
    await first;
    await log.until(({ frames }) => frames.length >= 40);
    await expect.poll(() => said.length, { timeout: 10_000 }).toBe(1);
    expect(said[0]).toBe(`The FIFO ${path} was lost: it came to its end; it is tried again until it is back.`);
    const before = log.frames.length;
    const second = write();
    await log.until(({ frames }) => frames.length >= before + 30);
    await second;
    expect(said[1]).toBe('resumed');
    expect(rising(log.frames.map(({ timestamp }) => timestamp))).toBe(true);
  });

  it('loses nothing of a writer that comes at the very end of the last one', async () => {
    const path = await makeFifo();
    const write = (): Promise<void> => pipeline(createReadStream(join(media.folder, 'film.mkv')), createWriteStream(path));
    const writers = [write()];
    const { input, said } = await open({ type: 'file', path });
    input.on('interrupted', () => {
      if (writers.length < 4) writers.push(write());
    });
    input.start();
    await expect.poll(() => said.filter((each) => each === 'resumed').length, { timeout: 20_000 }).toBe(3);
    await Promise.all(writers);
  }, 30_000);

  it('carries raw pictures of which it is said what they are', async () => {
    const path = await makeFifo();
    const frame = Buffer.alloc((64 * 48 * 3) / 2, 128);
    const writer = createWriteStream(path);
    writer.on('error', () => {});
    for (let i = 0; i < 30; i++) writer.write(frame);
    const { input } = await open({ type: 'pipe', path, format: 'rawvideo', width: 64, height: 48, framerate: 30 });
    expect(input.tracks).toMatchObject([{ kind: 'video', format: { width: 64, height: 48, framerate: 30 } }]);
    const log = await encoded(input);
    input.start();
    await log.until(({ frames }) => frames.length >= 25);
    expect(log.frames.at(-1)!.receivedAt - log.frames[0]!.receivedAt).toBeGreaterThan(500);
    writer.end();
  });

  it('nobody writes into is given up when that is asked for', async () => {
    const path = await makeFifo();
    const abort = new AbortController();
    const opening = media.engine.openInput({ type: 'pipe', path }, { signal: abort.signal });
    const refused = expect(opening).rejects.toThrow('enough');
    setTimeout(() => abort.abort(new Error('enough')), 200);
    await refused;
    // Nothing waits for it any more.
    await expect(readFile(join(media.folder, 'camera.mp4'))).resolves.toBeDefined();
  });
});

describe('a device', () => {
  it('that is not there is named', async () => {
    await expect(open({ type: 'device', driver: 'v4l2', device: '/dev/video99' })).rejects.toMatchObject({
      code: 'INPUT_FAILED',
      // With those that there are.
      message: expect.stringMatching(
        /^The device v4l2:\/dev\/video99 cannot be opened: No such file or directory; (no such device is found here|there are .+)\.$/,
      ),
    });
    await expect(open({ type: 'device', driver: 'dshow', device: 'video=Camera' })).rejects.toMatchObject({
      code: 'INPUT_FAILED',
      message: 'The device dshow:video=Camera cannot be opened: the media library knows no format "dshow" here.',
    });
  });
});
