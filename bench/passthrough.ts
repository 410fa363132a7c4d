/**
 * What passing on costs: an RTSP camera's H264 of 720p30 at one viewer. CPU of the whole command, and the time from a frame's first byte
 * leaving the camera until its last packet has reached the viewer; beside it the same camera encoded anew.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type ServedStream, startRtspServer } from '../packages/tswebrtc/src/media/rtsp-server.testing.ts';
import { sharedClock } from './child.ts';
import { filmCamera, GROUP } from './film-camera.ts';
import { LightViewer } from './light-viewer.ts';
import { startSink } from './light-viewer-sink.ts';
import { atMost, type Figure, info, quantile, report } from './report.ts';
import { load } from './tswebrtc.ts';

/** s until congestion control has settled. */
const SETTLING = 5;
/** Linux's USER_HZ. */
const TICKS = 100;

export async function passthrough(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { seconds: { type: 'string', default: '20' } } });
  const seconds = Number(values.seconds);
  const camera = await filmCamera();
  const passed = await measure(camera, 'always', seconds);
  const anew = await measure(camera, 'never', seconds);
  const figures: Figure[] = [
    atMost('passthrough.cpu_percent', passed.cpu, '% of a core', 2),
    atMost('passthrough.added_p50_ms', quantile(passed.delays, 0.5), 'ms', 30),
    atMost('passthrough.added_p95_ms', quantile(passed.delays, 0.95), 'ms', 30),
    info('passthrough.added_max_ms', Math.max(...passed.delays), 'ms', 'the slowest frame'),
    info('passthrough.framerate', passed.framerate, 'frames/s', 'of 30'),
    info('passthrough.bitrate', passed.bitrate / 1000, 'kbit/s', 'of the camera'),
    info('encoded_anew.cpu_percent', anew.cpu, '% of a core', 'for comparison'),
  ];
  report('passthrough', figures);
}

interface Measured {
  /** % of a core. */
  readonly cpu: number;
  /** ms, of each frame. */
  readonly delays: readonly number[];
  readonly framerate: number;
  readonly bitrate: number;
}

async function measure(camera: ServedStream, mode: 'always' | 'never', seconds: number): Promise<Measured> {
  const { NodeSrtpSender } = await load('connection/srtp/node-srtp-sender');
  const server = await startRtspServer({ streams: [camera] });
  const sink = await startSink([`rtsp://127.0.0.1:${server.port}/`], ['--passthrough', mode, '--video-codecs', 'H264']);
  const srtpSender = new NodeSrtpSender();
  let viewer: LightViewer | undefined;
  try {
    const listening = await sink.event('listening');
    const uri = (listening.urls as string[]).find((url) => url.startsWith('ws'))!;
    viewer = await LightViewer.watch({ uri, codec: 'H264', srtpSender, gatherLoopback: true });
    await sleep(SETTLING);
    const [from, before] = [sharedClock(), cpuSeconds(sink.child.pid!)];
    await sleep(seconds);
    const [to, after] = [sharedClock(), cpuSeconds(sink.child.pid!)];
    const { frames } = viewer.seen;
    const offset = sharedClock() - (performance.timeOrigin + performance.now());
    const sent = server.sent.map((time) => time + offset);
    const seen = frames.filter(({ time }) => time >= from && time < to);
    const bytes = camera.frames.reduce((sum, { data }) => sum + data.length, 0);
    return {
      cpu: (100 * (after - before)) / ((to - from) / 1000),
      delays: mode === 'always' ? delaysOf(frames, sent).filter((_, index) => frames[index]!.time >= from) : [],
      framerate: seen.length / ((to - from) / 1000),
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

/** All threads, and the kernel's work for them. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
