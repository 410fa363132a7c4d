/**
 * What passing on costs: an RTSP camera's H264 of 720p30 at one viewer. CPU of the whole command, with the servers that it runs, and what
 * of that is not the stream's: the same process, with the same viewer, while the camera is silent. Beside that what a program takes that
 * does next to nothing with as many frames, the time from a frame's first byte leaving the camera until its last packet has reached the
 * viewer, and the same camera encoded anew.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { parseArgs } from 'node:util';
import { CommandProcess } from '../interop/command-process.ts';
import { type RtspServer, type ServedStream, startRtspServer } from '../packages/tswebrtc/src/media/rtsp-server.testing.ts';
import type { Reports } from './bare-relay.ts';
import { Child, sharedClock } from './child.ts';
import { FRAMERATE, filmCamera, GROUP } from './film-camera.ts';
import { LightViewer } from './light-viewer.ts';
import { mean } from './light-viewer-measure.ts';
import { atMost, type Figure, info, quantile, report } from './report.ts';
import { threadUses } from './threads.ts';
import { load } from './tswebrtc.ts';

/** s until congestion control has settled. */
const SETTLING = 5;
/** s from the camera's falling silent until that has been told and looked after. */
const FALLING_SILENT = 4;
/** s of silence that the command is not to take for a loss. */
const PATIENCE = 3600;
/** Of Chromium's reports on what arrived, ms. */
const REPORT_INTERVAL = 100;

export async function passthrough(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: 'string', default: '15' },
      rounds: { type: 'string', default: '3' },
      'warm-up': { type: 'string', default: '120' },
    },
  });
  const [seconds, rounds, warmUp] = [Number(values.seconds), Number(values.rounds), Number(values['warm-up'])];
  const camera = await filmCamera();
  const passed = await measure(camera, 'always', { seconds, rounds, warmUp });
  const bare = await measureBare(camera, seconds, warmUp);
  const anew = await measure(camera, 'never', { seconds, rounds: 1, warmUp: SETTLING });
  const { cpu, silent } = passed;
  const core = '% of a core';
  const figures: Figure[] = [
    atMost('passthrough.cpu_percent', cpu.process, core, 2),
    info('passthrough.cpu_silent', silent.process, core, 'the same process while the camera is silent'),
    info('passthrough.cpu_stream', cpu.process - silent.process, core, 'the difference: what the stream costs'),
    info('passthrough.cpu_main', cpu.main, core, `sessions, sending, servers; ${silent.main.toFixed(2)} while silent`),
    info('passthrough.cpu_input', cpu.input, core, `the thread of the camera; ${silent.input.toFixed(2)} while silent`),
    info('passthrough.cpu_rest', cpu.rest, core, `compiler and collector of Node; ${silent.rest.toFixed(2)} while silent`),
    info('passthrough.wakings', cpu.wakings, '/s', `of all threads; ${silent.wakings.toFixed(0)} while silent`),
    info('passthrough.cpu_first', passed.first.process, core, `in the first ${seconds} s, while Node compiles`),
    info(
      'bare_relay.cpu_percent',
      bare,
      core,
      'the least in Node: a frame read, its packets protected and sent, ten reports a second read',
    ),
    info('passthrough.cpu_floor', silent.process + bare, core, 'that, and the process while it is silent'),
    atMost('passthrough.added_p50_ms', quantile(passed.delays, 0.5), 'ms', 30),
    atMost('passthrough.added_p95_ms', quantile(passed.delays, 0.95), 'ms', 30),
    info('passthrough.added_max_ms', Math.max(...passed.delays), 'ms', 'the slowest frame'),
    info('passthrough.framerate', passed.framerate, 'frames/s', 'of 30'),
    info('passthrough.bitrate', passed.bitrate / 1000, 'kbit/s', 'of the camera'),
    info('encoded_anew.cpu_percent', anew.cpu.process, core, 'for comparison'),
  ];
  report('passthrough', figures);
}

interface Plan {
  /** Of each measurement. */
  readonly seconds: number;
  /** Measurements, of the stream and of silence in turn. */
  readonly rounds: number;
  /** s */
  readonly warmUp: number;
}

/** % of a core. */
interface Use {
  readonly process: number;
  readonly main: number;
  /** The busiest thread beside the main one. */
  readonly input: number;
  readonly rest: number;
  /** How often a thread that waited went on, in a second. */
  readonly wakings: number;
}

interface Measured {
  /** Right after the start. */
  readonly first: Use;
  readonly cpu: Use;
  readonly silent: Use;
  /** ms, of each frame. */
  readonly delays: readonly number[];
  readonly framerate: number;
  readonly bitrate: number;
}

async function measure(camera: ServedStream, mode: 'always' | 'never', plan: Plan): Promise<Measured> {
  const { NodeSrtpSender } = await load('connection/srtp/node-srtp-sender');
  const server = await startRtspServer({ streams: [camera] });
  const input = `rtsp://127.0.0.1:${server.port}/#timeout=${PATIENCE}`;
  const sink = await CommandProcess.startSink([input, '--passthrough', mode, '--video-codecs', 'H264']);
  const srtpSender = new NodeSrtpSender();
  let viewer: LightViewer | undefined;
  try {
    viewer = await LightViewer.watch({ uri: sink.signallingUri, codec: 'H264', srtpSender, gatherLoopback: true });
    await sleep(SETTLING);
    const first = await use(sink, plan.seconds);
    await sleep(Math.max(0, plan.warmUp - plan.seconds));
    const spans: { readonly from: number; readonly to: number }[] = [];
    const [playing, silent]: [Use[], Use[]] = [[], []];
    for (let round = 0; round < plan.rounds; round++) {
      const from = sharedClock();
      playing.push(await use(sink, plan.seconds));
      spans.push({ from, to: sharedClock() });
      silent.push(await silence(server, sink, plan.seconds));
    }
    const { frames } = viewer.seen;
    const within = (time: number): boolean => spans.some(({ from, to }) => time >= from && time < to);
    const offset = sharedClock() - (performance.timeOrigin + performance.now());
    const sent = server.sent.map((time) => time + offset);
    const duration = spans.reduce((sum, { from, to }) => sum + (to - from) / 1000, 0);
    const bytes = camera.frames.reduce((sum, { data }) => sum + data.length, 0);
    return {
      first,
      cpu: meanUse(playing),
      silent: meanUse(silent),
      delays: mode === 'always' ? delaysOf(frames, sent).filter((_, index) => within(frames[index]!.time)) : [],
      framerate: frames.filter(({ time }) => within(time)).length / duration,
      bitrate: (8 * bytes) / camera.duration,
    };
  } finally {
    await viewer?.close();
    srtpSender.close();
    await sink.stop();
    await server.close();
  }
}

/** The first frame seen is a keyframe, the last one sent by then; the others follow one by one. */
function delaysOf(frames: readonly { readonly time: number }[], sent: readonly number[]): number[] {
  const first = frames[0];
  if (!first) throw new Error('the viewer saw nothing');
  let start = 0;
  while ((sent[start + GROUP] ?? Number.POSITIVE_INFINITY) <= first.time) start += GROUP;
  return frames.flatMap(({ time }, index) => (sent[start + index] === undefined ? [] : [time - sent[start + index]!]));
}

/** What the process takes while the camera is connected and sends nothing. */
async function silence(server: RtspServer, sink: CommandProcess, seconds: number): Promise<Use> {
  server.pause();
  await sleep(FALLING_SILENT);
  const used = await use(sink, seconds);
  server.resume();
  await sleep(SETTLING);
  return used;
}

/** % of a core that `bare-relay.ts` takes with as many frames of the same size, and as many reports as of Chromium. */
async function measureBare(camera: ServedStream, seconds: number, warmUp: number): Promise<number> {
  const frame = Buffer.alloc(camera.frames.reduce((sum, { data }) => sum + data.length, 0) / camera.frames.length);
  const server = createServer((socket) => {
    const timer = setInterval(() => socket.write(frame), 1000 / FRAMERATE);
    socket.setNoDelay(true);
    socket.on('error', () => {}).on('close', () => clearInterval(timer));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const relay = new Child('bare-relay.js');
  const viewer = createSocket('udp4');
  let reporting: NodeJS.Timeout | undefined;
  try {
    const { port, report } = await relay.ask<Reports>('read', (server.address() as AddressInfo).port);
    reporting = setInterval(() => viewer.send(Buffer.from(report), port, '127.0.0.1'), REPORT_INTERVAL);
    await sleep(warmUp);
    const [from, before] = [sharedClock(), await relay.ask<number>('used')];
    await sleep(seconds);
    return (100 * ((await relay.ask<number>('used')) - before)) / ((sharedClock() - from) / 1000);
  } finally {
    clearInterval(reporting);
    viewer.close();
    await relay.close();
    server.close();
  }
}

async function use({ child }: CommandProcess, seconds: number): Promise<Use> {
  const pid = child.pid!;
  const [from, before] = [sharedClock(), threadUses(pid)];
  await sleep(seconds);
  const [to, after] = [sharedClock(), threadUses(pid)];
  const duration = (to - from) / 1000;
  const percent = (tid: number): number => (100 * (after.get(tid)!.cpu - (before.get(tid)?.cpu ?? 0))) / duration;
  const others = [...after.keys()].filter((tid) => tid !== pid).map(percent);
  const [main, input, sum] = [percent(pid), Math.max(...others), others.reduce((total, part) => total + part, 0)];
  const wakings = [...after].reduce((total, [tid, thread]) => total + thread.wakings - (before.get(tid)?.wakings ?? 0), 0);
  return { process: main + sum, main, input, rest: sum - input, wakings: wakings / duration };
}

function meanUse(uses: readonly Use[]): Use {
  const of = (key: keyof Use): number => mean(uses.map((one) => one[key]));
  return { process: of('process'), main: of('main'), input: of('input'), rest: of('rest'), wakings: of('wakings') };
}

function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
