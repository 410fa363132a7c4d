/**
 * The receiver on a real link. First `tswebrtc sink` to `tswebrtc src` on one with delay, jitter and loss: how many of the frames
 * come, in order, and how long they are held back for that. Then Chromium to `tswebrtc src`: how much it dares to send on our
 * feedback, and whether it gives way when the link gets narrow.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CommandProcess } from '../interop/command-process.ts';
import '../interop/gst-webrtc-api.ts';
import { framesOf } from './media-file.ts';
import { openPageOn } from './network/chromium-on.ts';
import type { Host } from './network/network-lab.ts';
import { printTable } from './network/table.ts';
import { delayMissing, requireNetwork, type Surroundings, sleep, withLab } from './network/with-lab.ts';
import { atLeast, atMost, type Figure, info, report } from './report.ts';

const DELAY = 50;
const JITTER = 20;
/** 0..1 */
const LOSS = 0.02;
const FRAMERATE = 30;
/** bit/s that Chromium may send, and then can. */
const MAX_BITRATE = 2_500_000;
const NARROW = 500_000;
/** s */
const RISE = 10;
const MEASURED = 5;

const PORT = 8443;

export async function receive(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { seconds: { type: 'string', default: '30' }, codec: { type: 'string', default: 'VP8' } },
  });
  requireNetwork('receive');
  const figures: Figure[] = [];
  const missing = delayMissing();
  if (missing) console.log(`The path with delay is left out: ${missing}.`);
  else {
    const over = async ({ lab }: Surroundings): Promise<void> => {
      lab.setLoss(LOSS);
      figures.push(...(await throughJitter(lab.producer, lab.viewer, Number(values.seconds), values.codec)));
    };
    await withLab(0, over, DELAY, JITTER);
  }
  await withLab(0, async (around) => void figures.push(...(await fromChromium(around))));
  report('receive', figures);
}

const on = ({ namespace }: Host, args: readonly string[]): CommandProcess =>
  new CommandProcess(args, ['ip', 'netns', 'exec', namespace]);

async function throughJitter(producer: Host, viewer: Host, seconds: number, codec: string): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tswebrtc-receive-'));
  const file = join(folder, 'out.mkv');
  const server = [
    '--run-signalling-server',
    '--signalling-server-host',
    producer.address,
    '--signalling-server-port',
    String(PORT),
  ];
  const sink = on(producer, ['sink', '--json', ...server, '--stun-server', 'none', '--video-codecs', codec, 'testsrc', 'tone']);
  try {
    await sink.event('registered');
    const options = ['--stun-server', 'none', '--stats-interval', '1', '--record', file, '--duration', String(seconds)];
    const src = on(viewer, ['src', '--json', `gstwebrtc://${producer.address}:${PORT}`, ...options]);
    const { code } = await src.exit;
    if (code !== 0) throw new Error(`tswebrtc src ended with ${code}: ${src.stderr}`);
    const [video, audio] = await framesOf(file);
    const last = src.events.filter(({ event }) => event === 'stats').at(-1) as unknown as {
      tracks: { kind: string; playoutDelay: number; packetsLost: number; gaps: number; jitter: number }[];
    };
    const picture = last.tracks.find(({ kind }) => kind === 'video')!;
    const expected = Math.round((video!.at(-1)! - video![0]!) * FRAMERATE) + 1;
    const part = video!.length / expected;
    const ordered = [video!, audio!].every((times) => times.every((time, i) => i === 0 || time > times[i - 1]!));
    console.log(`${DELAY} ms each way, ${JITTER} ms jitter, ${LOSS * 100} % loss, ${codec} 720p30, ${seconds} s`);
    printTable([
      ['frames', 'of', 'part', 'in order', 'gaps', 'jitter', 'held back', 'sound packets'],
      [
        String(video!.length),
        String(expected),
        `${(part * 100).toFixed(2)} %`,
        ordered ? 'all' : 'not all',
        String(picture.gaps),
        `${(picture.jitter * 1000).toFixed(0)} ms`,
        `${(picture.playoutDelay * 1000).toFixed(0)} ms`,
        String(audio!.length),
      ],
    ]);
    return [
      atLeast('receive.frames_percent', part * 100, '%', 99),
      atLeast('receive.in_order', ordered ? 1 : 0, '', 1),
      info('receive.added_delay_ms', picture.playoutDelay * 1000, 'ms'),
    ];
  } finally {
    sink.child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

declare global {
  var noiseSession: { rtcPeerConnection: RTCPeerConnection };
}

async function fromChromium({ lab, url }: Surroundings): Promise<Figure[]> {
  const server = on(lab.viewer, ['signalling-server', '--json', '--host', lab.viewer.address, '--port', String(PORT)]);
  const remote = await openPageOn(lab.producer, url);
  try {
    await server.event('listening');
    await remote.page.evaluate(startNoise, { signalling: `ws://${lab.viewer.address}:${PORT}`, maxBitrate: MAX_BITRATE });
    const src = on(lab.viewer, ['src', '--json', `ws://${lab.viewer.address}:${PORT}`, '--stun-server', 'none']);
    await src.event('track');
    const sent = () => remote.page.evaluate(sentByNoise);
    const rate = async (): Promise<{ sent: number; available: number }> => {
      const before = await sent();
      await sleep(MEASURED * 1000);
      const after = await sent();
      return { sent: (8000 * (after.bytes - before.bytes)) / (after.time - before.time), available: after.available };
    };
    await sleep(RISE * 1000);
    const wide = await rate();
    lab.setRate(NARROW);
    await sleep(3000);
    const narrow = await rate();
    src.child.kill('SIGINT');
    console.log('\nChromium with noise and 2.5 Mbit/s allowed, on our transport-wide feedback');
    const mbit = (value: number): string => `${(value / 1e6).toFixed(2)} Mbit/s`;
    printTable([
      ['link', 'sent', 'believed available'],
      ['no limit', mbit(wide.sent), mbit(wide.available)],
      ['500 kbit/s, 3 s after', mbit(narrow.sent), mbit(narrow.available)],
    ]);
    return [
      atLeast('receive.chromium_sent', wide.sent, 'bit/s', 0.9 * MAX_BITRATE),
      atLeast('receive.chromium_available', wide.available, 'bit/s', 0.9 * MAX_BITRATE),
      atMost('receive.chromium_narrow', narrow.sent, 'bit/s', 1.1 * NARROW),
    ];
  } finally {
    await remote.close();
    server.child.kill('SIGKILL');
  }
}

/** In the page: noise on a canvas, by the published gstwebrtc-api; resolves when it is on air. */
async function startNoise({ signalling, maxBitrate }: { signalling: string; maxBitrate: number }): Promise<void> {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [640, 360];
  const context = canvas.getContext('2d')!;
  const image = context.createImageData(640, 360);
  const pixels = new Uint32Array(image.data.buffer);
  setInterval(() => {
    for (let i = 0; i < pixels.length; i++) pixels[i] = 0xff000000 | (Math.random() * 0x1000000);
    context.putImageData(image, 0, 0);
  }, 33);
  const stream = canvas.captureStream(30);
  const api = new GstWebRTCAPI({ meta: { name: 'noise' }, signalingServerUrl: signalling, webrtcConfig: { iceServers: [] } });
  await new Promise((resolve) => api.registerConnectionListener({ connected: resolve, disconnected: () => {} }));
  const session = api.createProducerSession(stream);
  session.addEventListener('clientConsumerAdded', async (event) => {
    globalThis.noiseSession = (event as CustomEvent).detail;
    // Its connection is made a moment later.
    while (!noiseSession.rtcPeerConnection?.getSenders()[0]) await new Promise((resolve) => setTimeout(resolve, 10));
    const sender = noiseSession.rtcPeerConnection.getSenders()[0]!;
    while (!sender.getParameters().encodings?.length) await new Promise((resolve) => setTimeout(resolve, 10));
    const parameters = sender.getParameters();
    parameters.encodings[0]!.maxBitrate = maxBitrate;
    await sender.setParameters(parameters);
  });
  await new Promise((resolve) => {
    session.addEventListener('stateChanged', resolve);
    session.start();
  });
}

/** In the page. */
async function sentByNoise(): Promise<{ bytes: number; time: number; available: number }> {
  const entries = [...(await noiseSession.rtcPeerConnection.getStats()).values()] as Record<string, unknown>[];
  const video = entries.find(({ type, kind }) => type === 'outbound-rtp' && kind === 'video')!;
  const pair = entries.find(({ availableOutgoingBitrate }) => availableOutgoingBitrate !== undefined);
  return {
    bytes: (video.bytesSent as number) + (video.headerBytesSent as number),
    time: video.timestamp as number,
    available: (pair?.availableOutgoingBitrate as number | undefined) ?? 0,
  };
}
