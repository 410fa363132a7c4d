/**
 * A sink publishes several sizes at once in a VideoRoom of Janus, of which Chromium watches one after the other.
 * `npm run interop -- simulcast`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { NetworkLab, networkMissing } from '../bench/network/network-lab.ts';
import { JanusClient } from '../examples/janus-videoroom/janus-client.js';
import { VideoRoomSignaller } from '../examples/janus-videoroom/videoroom-signaller.js';
import { testAudio, testVideo } from '../packages/tswebrtc/src/webrtcsink/tracks.ts';
import { WebRTCSink } from '../packages/tswebrtc/src/webrtcsink/webrtcsink.ts';
import { chromiumMissing, launchChromium } from './chromium.ts';
import { type Janus, janusMissing, janusVersion, ROOM, startJanus } from './janus.ts';
import { JanusViewer } from './janus-viewer.ts';

const WIDTH = 640;
const HEIGHT = 360;
const FRAMERATE = 30;
/** fps; on a machine that encodes, forwards and decodes at once. */
const SMOOTH = 20;
/** bit/s; more than the sink sends. */
const UNLIMITED = 10_000_000;

const EXAMPLE = fileURLToPath(new URL('../examples/janus-videoroom/main.js', import.meta.url));

let janus: Janus;
let client: JanusClient;
let browser: Browser;
let signaller: VideoRoomSignaller;
let sink: WebRTCSink | undefined;
/** Of Janus, to the sink. */
let answers: string[];
const missing = janusMissing ?? chromiumMissing();

beforeAll(async () => {
  if (missing) return;
  janus = await startJanus();
  browser = await launchChromium();
});
beforeEach(async (context) => {
  if (missing) return context.skip(missing);
  client = await JanusClient.connect(janus.uri);
});
afterEach(async () => {
  await sink?.close();
  sink = undefined;
  await client?.close();
});
afterAll(async () => {
  await browser?.close();
  await janus?.close();
});

async function publish(codec: 'VP8' | 'H264', simulcast: number): Promise<JanusViewer> {
  const manager = await client.attach('janus.plugin.videoroom');
  const { data } = await manager.request({ request: 'create', videocodec: codec.toLowerCase(), bitrate: UNLIMITED });
  signaller = new VideoRoomSignaller({ uri: janus.uri, room: data.room, bitrate: UNLIMITED });
  answers = [];
  signaller.on('session-description', (_, { sdp }) => answers.push(sdp));
  const registered = new Promise<number>((resolve) => signaller.on('registered', (id) => resolve(Number(id))));
  sink = new WebRTCSink({ signaller, simulcast, videoCodecs: [codec], stunServer: null });
  sink.addTrack(testVideo({ pattern: 'ball', width: WIDTH, height: HEIGHT, framerate: FRAMERATE }));
  sink.addTrack(testAudio());
  await sink.start();
  const feed = await registered;
  await expect.poll(() => answers.length, { timeout: 10_000 }).toBe(1);
  return JanusViewer.watch(client, data.room, feed, await browser.newPage());
}

/** Waits until the picture is so wide; resolves with how long that took, ms. */
async function becomes(viewer: JanusViewer, width: number, timeout = 15_000): Promise<number> {
  const begin = performance.now();
  await expect.poll(async () => (await viewer.figures()).width, { timeout, interval: 20 }).toBe(width);
  return performance.now() - begin;
}

/** Waits until frames come often enough; resolves with how many of them in a second. */
async function smooth(viewer: JanusViewer): Promise<number> {
  let framerate = 0;
  await expect.poll(async () => (framerate = await viewer.framerate(2000)), { timeout: 20_000 }).toBeGreaterThanOrEqual(SMOOTH);
  return framerate;
}

interface Layer {
  readonly rid: string;
  readonly ssrc: number;
  readonly bytesSent: number;
  /** Keyframes that were asked for. */
  readonly requests: number;
}

/** What the sink sends, the largest first. */
async function layers(): Promise<Layer[]> {
  const stats = [...(await sink!.sessions[0]!.getStats()).values()];
  const video = stats.filter(({ type, kind }) => type === 'outbound-rtp' && kind === 'video');
  return video.map(({ rid, ssrc, bytesSent, pliCount, firCount }) => ({
    rid: String(rid),
    ssrc: Number(ssrc),
    bytesSent: Number(bytesSent),
    requests: Number(pliCount) + Number(firCount),
  }));
}

/** The names of those that send within `duration` ms. */
async function sending(duration: number): Promise<string[]> {
  const before = await layers();
  await new Promise((resolve) => setTimeout(resolve, duration));
  const after = await layers();
  return after.filter(({ bytesSent }, index) => bytesSent > before[index]!.bytesSent).map(({ rid }) => rid);
}

it.each<[codec: 'VP8' | 'H264', rids: string[]]>([
  ['VP8', ['h', 'm', 'l']],
  ['VP8', ['h', 'l']],
  ['H264', ['h', 'm', 'l']],
])('%s as %s: Chromium gets the size that it chooses', async (codec, rids) => {
  const viewer = await publish(codec, rids.length);
  expect(answers[0]).toContain(`a=simulcast:recv ${rids.join(';')}\r\n`);
  const largest = rids.length - 1;
  // Janus begins with the largest.
  await becomes(viewer, WIDTH);
  for (const substream of [0, largest, ...rids.keys(), 0, largest]) {
    const before = await layers();
    await viewer.choose(substream);
    const took = await becomes(viewer, WIDTH / 2 ** (largest - substream));
    const framerate = await smooth(viewer);
    const requests = (await layers()).map((layer, index) => layer.requests - before[index]!.requests);
    console.log(
      `Janus ${janusVersion}, ${codec} as ${rids}: ${rids[largest - substream]} after ${took.toFixed(0)} ms, ` +
        `${framerate.toFixed(1)} fps, keyframes asked for: ${requests}`,
    );
  }
  expect((await viewer.figures()).samples).toBeGreaterThan(0);
  expect(await sending(1000)).toEqual(rids);
});

it('Chromium gets every other frame of VP8 where it chooses the first temporal layer', async () => {
  const viewer = await publish('VP8', 3);
  await becomes(viewer, WIDTH);
  await viewer.choose(2, 0);
  await expect.poll(() => viewer.framerate(2000), { timeout: 15_000 }).toBeCloseTo(FRAMERATE / 2, -0.7);
  // Janus moves up when it sees a frame of the layer that is asked for, and ours are two.
  await viewer.choose(2, 1);
  await smooth(viewer);
});

it('layers pause as Janus lets the sink send less, and come back', async () => {
  const viewer = await publish('VP8', 3);
  await becomes(viewer, WIDTH);
  for (const [bitrate, rids, width] of [
    [450_000, ['m', 'l'], WIDTH / 2],
    [180_000, ['l'], WIDTH / 4],
    [450_000, ['m', 'l'], WIDTH / 2],
    [UNLIMITED, ['h', 'm', 'l'], WIDTH],
  ] as const) {
    await signaller.limit(bitrate);
    const took = await becomes(viewer, width, 30_000);
    const framerate = await smooth(viewer);
    // Longer than Janus takes to repeat itself.
    const sent = await sending(7000);
    console.log(
      `Janus ${janusVersion}, at most ${bitrate / 1000} kbit/s: ${sent} after ${took.toFixed(0)} ms, ${framerate.toFixed(1)} fps`,
    );
    expect(sent).toEqual(rids);
    expect((await viewer.figures()).width).toBe(width);
  }
}, 180_000);

it('all layers outlive an ICE restart of the sink', async () => {
  const viewer = await publish('VP8', 3);
  await becomes(viewer, WIDTH);
  const before = await layers();
  const pair = async (): Promise<unknown> => {
    const stats = [...(await sink!.sessions[0]!.getStats()).values()];
    return stats.find(({ type }) => type === 'transport')?.selectedCandidatePairId;
  };
  const path = await pair();
  await sink!.sessions[0]!.restartIce();
  await expect.poll(() => answers.length, { timeout: 10_000 }).toBe(2);
  await expect.poll(pair, { timeout: 10_000 }).not.toBe(path);
  expect(answers[1]).toContain('a=simulcast:recv h;m;l\r\n');
  for (const substream of [0, 1, 2]) {
    await viewer.choose(substream);
    await becomes(viewer, WIDTH / 2 ** (2 - substream));
    await smooth(viewer);
  }
  expect((await layers()).map(({ ssrc }) => ssrc)).toEqual(before.map(({ ssrc }) => ssrc));
});

it('layers pause on a path that gets narrow, and come back', async (context) => {
  const reason = networkMissing();
  if (reason) return context.skip(reason);
  const lab = new NetworkLab();
  const on = (namespace: string): string[] => ['ip', 'netns', 'exec', namespace];
  const { address } = lab.viewer;
  const distant = await startJanus({ address, through: on(lab.viewer.namespace) });
  lab.setRate(3_000_000);
  const [program, ...args] = [...on(lab.producer.namespace), process.execPath, EXAMPLE, distant.uri, String(ROOM)];
  const publisher = spawn(program!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    /** What the example says once in two seconds. */
    let said = '';
    createInterface({ input: publisher.stdout }).on('line', (line) => (said = line));
    const sent = (): string => said.replaceAll(/ \d+x\d+ \d+ kbit\/s/g, '');
    for (const [rate, layers] of [
      [3_000_000, 'h, m, l'],
      [600_000, 'h pauses, m, l'],
      [3_000_000, 'h, m, l'],
      // Sound takes half of it, and is not reported on.
      [200_000, 'h pauses, m pauses, l'],
      [3_000_000, 'h, m, l'],
    ] as const) {
      lab.setRate(rate);
      const begin = performance.now();
      await expect.poll(sent, { timeout: 60_000, interval: 200 }).toBe(layers);
      const took = (performance.now() - begin) / 1000;
      console.log(`Janus ${janusVersion}, path of ${rate / 1000} kbit/s: after ${took.toFixed(0)} s ${said}`);
    }
    publisher.kill('SIGINT');
    await once(publisher, 'exit');
  } finally {
    publisher.kill('SIGKILL');
    await distant.close();
    lab.remove();
  }
}, 300_000);
