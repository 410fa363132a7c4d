import net, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { freeUdpPort } from '../../../signalling-server/src/free-port.testing.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../../../signalling-server/src/test-certificate.testing.ts';
import { decodeVideo } from './decode.testing.ts';
import { FrameLog } from './frame-log.testing.ts';
import { takePictures } from './jpeg-camera.testing.ts';
import { jpegPayloads } from './jpeg-payloads.testing.ts';
import { startJpegServer } from './jpeg-server.testing.ts';
import { makeTestFile } from './make-test-file.testing.ts';
import { type NetworkSender, startNetworkSender } from './network-sender.testing.ts';
import { startRtspServer } from './rtsp-server.testing.ts';
import { servedStreamsOf } from './served-file.testing.ts';
import type { MediaInput, UrlInput } from './types.ts';
import { useMedia } from './use-media.testing.ts';

const media = useMedia('network');

beforeAll(async () => {
  await makeTestFile(join(media.folder, 'camera.mp4'), { bFrames: 0, duration: 2 });
  await makeTestFile(join(media.folder, 'b-frames.mp4'), { bFrames: 2, duration: 2 });
});

/** Opens an input, and logs its picture, encoded anew, and what it says of itself. */
async function watch(description: Omit<UrlInput, 'type'>): Promise<{ input: MediaInput; log: FrameLog; said: string[] }> {
  const { input, said } = await media.openInput({ type: 'url', ...description });
  const log = new FrameLog(await media.engine.openEncoding(input.tracks[0]!, { codec: 'VP8', bitrate: 500_000 }));
  input.start();
  return { input, log, said };
}

function send(file: string, url: string, format: 'mpegts' | 'flv' = 'mpegts'): NetworkSender {
  const sender = startNetworkSender(join(media.folder, file), url, format);
  media.closing.push(() => sender.stop());
  return sender;
}

function expectInOrder({ frames }: FrameLog): void {
  expect(frames.every(({ timestamp }, i) => i === 0 || timestamp > frames[i - 1]!.timestamp)).toBe(true);
}

describe.each([
  ['SRT, where the sender listens', 'srt', '?mode=listener', false],
  ['SRT, where we listen', 'srt', '', true],
  ['RTMP, where we listen', 'rtmp', '/live/key', true],
])('%s', (_, scheme, path, listen) => {
  it('plays, says once that its sender is gone, and plays on when it is back', async () => {
    const address = `${scheme}://127.0.0.1:${await freeUdpPort()}`;
    const url = scheme === 'rtmp' ? `${address}${path}` : address;
    const format = scheme === 'rtmp' ? 'flv' : 'mpegts';
    // Who calls before there is anybody is refused, and calls again.
    const sending = { stopped: false, sender: undefined as NetworkSender | undefined };
    const start = async (): Promise<void> => {
      sending.stopped = false;
      while (!sending.stopped) {
        sending.sender = send('b-frames.mp4', `${address}${path}`, format);
        await sending.sender.over;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    let running: Promise<void> | undefined;
    const stop = async (): Promise<void> => {
      sending.stopped = true;
      await sending.sender?.stop();
      await running;
    };
    media.closing.unshift(stop);
    running = start();
    const { input, log, said } = await watch({ url, listen, timeout: 2 });
    expect(input.tracks.map(({ kind }) => kind)).toEqual(['video', 'audio']);
    await log.until(({ frames }) => frames.length >= 30);
    await stop();
    await expect.poll(() => said, { timeout: 15_000 }).toHaveLength(1);
    expect(said[0]).toMatch(
      new RegExp(
        `^The stream ${url} was lost: (it came to its end|the connection broke off); it is tried again until it is back\\.$`,
      ),
    );
    const before = log.frames.length;
    running = start();
    await log.until(({ frames }) => frames.length >= before + 30, 20_000);
    expect(said.slice(1)).toEqual(['resumed']);
    expectInOrder(log);
    await stop();
  }, 60_000);
});

it.each([
  ['SRT', 'srt', 'nobody answers'],
  ['UDP', 'udp', 'nothing comes within 1 s'],
])('%s where nobody is says so', async (_, scheme, reason) => {
  const url = `${scheme}://127.0.0.1:${await freeUdpPort()}`;
  await expect(watch({ url, timeout: 1 })).rejects.toMatchObject({
    code: 'INPUT_FAILED',
    message: `The stream ${url} cannot be opened: ${reason}.`,
  });
});

describe('RTMP', () => {
  /** Passes one connection after the other on to `port`; what it does not pass any more is lost without a word. */
  async function startPath(port: number): Promise<{ port: number; blocked: boolean }> {
    const path = { port: 0, blocked: false };
    const server = net.createServer((near) => {
      const far = net.connect(port, '127.0.0.1');
      const passTo = (to: net.Socket) => (data: Buffer) => void (path.blocked || to.write(data));
      near
        .on('data', passTo(far))
        .on('error', () => {})
        .on('close', () => path.blocked || far.destroy());
      far
        .on('data', passTo(near))
        .on('error', () => near.destroy())
        .on('close', () => near.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    media.closing.push(async () => void server.close());
    path.port = (server.address() as AddressInfo).port;
    return path;
  }

  it('takes the next sender where one falls silent and never leaves', async () => {
    const port = await freeUdpPort();
    const url = `rtmp://127.0.0.1:${port}/live/key`;
    const path = await startPath(port);
    let stopped = false;
    media.closing.unshift(async () => void (stopped = true));
    const call = async (): Promise<void> => {
      while (!stopped && !path.blocked) {
        await send('camera.mp4', `rtmp://127.0.0.1:${path.port}/live/key`, 'flv').over;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    const first = call();
    const { log, said } = await watch({ url, listen: true, timeout: 1 });
    await log.until(({ frames }) => frames.length >= 30);
    path.blocked = true;
    await expect.poll(() => said, { timeout: 15_000 }).toHaveLength(1);
    expect(said[0]).toBe(`The stream ${url} was lost: nothing came for 1 s; it is tried again until it is back.`);
    await first;
    path.blocked = false;
    void call();
    const before = log.frames.length;
    await log.until(({ frames }) => frames.length >= before + 30, 20_000);
    expect(said.slice(1)).toEqual(['resumed']);
    expectInOrder(log);
    stopped = true;
  }, 60_000);

  it('says so where a server never answers', async () => {
    const server = net.createServer((socket) => socket.on('error', () => {}));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    media.closing.push(async () => void server.close());
    const url = `rtmp://127.0.0.1:${(server.address() as AddressInfo).port}/live/key`;
    await expect(watch({ url, timeout: 1 })).rejects.toMatchObject({
      code: 'INPUT_FAILED',
      message: `The stream ${url} cannot be opened: nothing comes within 1 s.`,
    });
  });
});

it('only SRT and RTMP can listen', async () => {
  await expect(watch({ url: 'udp://127.0.0.1:5000', listen: true })).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    message: 'The option "listen" is true but must be left out of all but srt and rtmp.',
  });
});

it.each([
  ['to one', '127.0.0.1', ''],
  ['to a group', '239.255.77.77', '?localaddr=127.0.0.1'],
])('MPEG-TS over UDP %s plays, in order though its pictures come out of it', async (_, host, query) => {
  const address = `udp://${host}:${await freeUdpPort()}`;
  send('b-frames.mp4', `${address}?pkt_size=1316${query.replace('?', '&')}`);
  const { log, said } = await watch({ url: `${address}${query}` });
  await log.until(({ frames }) => frames.length >= 60);
  expectInOrder(log);
  expect(said).toEqual([]);
});

/** Pictures that get lighter, ten a second. */
const LUMAS = Array.from({ length: 10 }, (_, i) => 40 + 15 * i);

it('an HTTP camera that sends JPEGs plays as they come, at whatever rate', async () => {
  const pictures = await takePictures({ lumas: LUMAS });
  const server = await startJpegServer(pictures, 100);
  media.closing.push(async () => server.close());
  const { log, said } = await watch({ url: `http://127.0.0.1:${server.port}/video` });
  await log.until(({ frames }) => frames.length >= 30);
  const later = log.frames.slice(10);
  const [first, last] = [later[0]!, later.at(-1)!];
  // Told by their arrival: JPEGs have no time of their own.
  expect(Math.abs(last.timestamp - first.timestamp - 1000 * (last.receivedAt - first.receivedAt))).toBeLessThan(400_000);
  expect(said).toEqual([]);
});

describe('an RTSP camera', () => {
  it('that sends JPEGs plays', async () => {
    const pictures = await takePictures({ lumas: LUMAS });
    const frames = pictures.map((data, i) => ({ data, time: i / 10 }));
    const attributes = (type: number): string[] => [`a=rtpmap:${type} JPEG/90000`];
    const stream = { kind: 'video', clockRate: 90_000, duration: 1, frames, attributes } as const;
    const server = await startRtspServer({ streams: [{ ...stream, payloads: (data) => jpegPayloads(data) }] });
    media.closing.push(() => server.close());
    const { input, log } = await watch({ url: `rtsp://127.0.0.1:${server.port}/` });
    expect(input.tracks).toMatchObject([{ kind: 'video', format: { width: 320, height: 240 } }]);
    await log.until(({ frames: made }) => made.length >= 25);
    const seen = await decodeVideo('VP8', log.frames);
    const lumas = seen.slice(-10).map(({ luma }) => luma[luma.length >> 1]!);
    // JPEG has the whole range of values, video a part of it.
    expect(Math.max(...lumas)).toBeGreaterThan(165);
    expect(Math.min(...lumas)).toBeLessThan(75);
  });

  it('whose certificate proves nothing is refused, with what helps, and trusted where that is said', async () => {
    const streams = await servedStreamsOf(join(media.folder, 'camera.mp4'));
    const server = await startRtspServer({ streams, tls: { cert: TEST_CERTIFICATE, key: TEST_KEY } });
    media.closing.push(() => server.close());
    const url = `rtsps://127.0.0.1:${server.port}/`;
    await expect(watch({ url })).rejects.toMatchObject({
      code: 'INPUT_FAILED',
      message: `The stream ${url} cannot be opened: its certificate does not prove who it is (self-signed certificate); "insecure-tls" (insecureTls) does without a proof.`,
    });
    const { log } = await watch({ url, insecureTls: true });
    await log.until(({ frames }) => frames.length >= 10);
  });
});
