/**
 * `npm run soak [-- NAME …]`: the long runs, which look for what grows. Of the consumer, `sessions`: a thousand sources come and go;
 * `recording`: ten minutes into a file; `fuzz`: a million packets of garbage. Of the signalling server, `signalling`: ten thousand
 * pairs come and go, then ten minutes at load; `signalling-fuzz`: a hundred thousand malformed frames. Exits 1 where something grew
 * or broke.
 */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SignallingServer } from '@tswebrtc/signalling-server';
import { loadMediaEngine, testAudio, testVideo, WebRTCSink, WebRTCSrc } from 'tswebrtc';
import { CommandProcess } from '../interop/command-process.ts';
import { type Footprint, footprint } from './footprint.ts';
import { framesOf } from './media-file.ts';
import { signallingCycles, signallingFuzz } from './signalling/soak.ts';
import { loadPart } from './soak-parts.ts';

const MEGABYTE = 1 << 20;
/** What may come and go between two looks at a heap, and no more, MB. */
const TOLERANCE = 25;

const parts = {
  sessions,
  recording,
  fuzz,
  signalling: () => signallingCycles(Number(values.cycles ?? 10_000), Number(values.minutes), verdict),
  'signalling-fuzz': () => signallingFuzz(Number(values.frames), verdict),
};
type Part = keyof typeof parts;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cycles: { type: 'string' },
    frames: { type: 'string', default: '100000' },
    minutes: { type: 'string', default: '10' },
    packets: { type: 'string', default: '1000000' },
  },
});
let failed = false;
const verdict = (ok: boolean, words: string): void => {
  console.log(`${ok ? 'ok    ' : 'FAILED'}  ${words}`);
  failed ||= !ok;
};

for (const name of positionals.length > 0 ? positionals : Object.keys(parts)) {
  const part = parts[name as Part];
  if (!part) {
    console.error(`There is no soak ${name}: use ${Object.keys(parts).join(', ')}.`);
    process.exit(2);
  }
  console.log(`\n${name}`);
  await part();
}
process.exit(failed ? 1 : 0);

async function sessions(): Promise<void> {
  const cycles = Number(values.cycles ?? 1_000);
  const server = await SignallingServer.listen({ host: '127.0.0.1', port: 0 });
  const uri = `ws://127.0.0.1:${server.port}`;
  const engine = await loadMediaEngine();
  const sink = new WebRTCSink({ engine, signaller: { uri }, stunServer: null, videoCodecs: ['VP8'], shards: 1 });
  sink.addTrack(testVideo({ width: 160, height: 120, framerate: 15 }));
  sink.addTrack(testAudio());
  await sink.start();
  const once = async (): Promise<void> => {
    const src = new WebRTCSrc({ engine, signaller: { uri }, connectToFirstProducer: true, stunServer: null });
    const framed = new Promise<void>((resolve) => {
      const waiting = new Set<string>();
      src.on('track', (track) => {
        waiting.add(track.name);
        track.once('frame', () => {
          waiting.delete(track.name);
          if (waiting.size === 0) resolve();
        });
      });
    });
    await src.start();
    await framed;
    await src.close();
  };
  for (let i = 0; i < 20; i++) await once();
  const first = await footprint();
  const looks: Footprint[] = [];
  const began = performance.now();
  for (let i = 1; i <= cycles; i++) {
    await once();
    if (i % Math.max(1, Math.floor(cycles / 10)) !== 0) continue;
    const look = await footprint();
    looks.push(look);
    console.log(`  ${i} cycles: heap ${look.heap.toFixed(1)} MB, RSS ${look.rss.toFixed(0)} MB, ${look.resources} resources`);
  }
  const seconds = (performance.now() - began) / 1000;
  const last = looks.at(-1)!;
  verdict(
    last.heap - first.heap < TOLERANCE,
    `heap ${first.heap.toFixed(1)} -> ${last.heap.toFixed(1)} MB over ${cycles} cycles in ${seconds.toFixed(0)} s`,
  );
  verdict(last.resources <= first.resources + 2, `timers, sockets and threads ${first.resources} -> ${last.resources}`);
  const { sessions: left } = await sink.getStats();
  verdict(left.length === 0, `${left.length} sessions left at the sink`);
  await sink.close();
  await engine.close();
  await server.close();
}

async function recording(): Promise<void> {
  const seconds = Number(values.minutes) * 60;
  const folder = mkdtempSync(join(tmpdir(), 'tswebrtc-soak-'));
  const file = join(folder, 'out.mp4');
  const sink = await CommandProcess.startSink([
    'testsrc:width=640,height=360',
    'tone',
    '--video-codecs',
    'H264',
    '--max-bitrate',
    '1000000',
  ]);
  try {
    const options = ['--stun-server', 'none', '--record', file, '--duration', String(seconds)];
    const src = new CommandProcess(['src', '--json', sink.signallingUri, ...options]);
    await src.event('recording-begun');
    const samples: number[] = [];
    const timer = setInterval(() => {
      const rss = residentSize(src.child.pid!);
      if (rss === undefined) return;
      samples.push(rss);
      if (samples.length % 6 === 0) {
        console.log(
          `  ${samples.length * 10} s: RSS ${rss.toFixed(0)} MB, file ${(statSync(file).size / MEGABYTE).toFixed(1)} MB`,
        );
      }
    }, 10_000);
    const { code } = await src.exit;
    clearInterval(timer);
    verdict(code === 0, `the command ended with ${code} ${src.stderr.split('\n').at(-2) ?? ''}`);
    const median = (part: readonly number[]): number => part.toSorted((a, b) => a - b)[part.length >> 1] ?? Number.NaN;
    const third = Math.ceil(samples.length / 3);
    const [early, late] = [median(samples.slice(0, third)), median(samples.slice(-third))];
    verdict(late - early < TOLERANCE, `RSS ${early.toFixed(0)} MB in the first third, ${late.toFixed(0)} MB in the last`);
    const [video, audio] = await framesOf(file);
    const expected = seconds * 30;
    verdict(video!.length >= 0.99 * expected, `${video!.length} of ${expected} frames, ${audio!.length} packets of sound`);
    verdict(Math.abs(video!.at(-1)! - seconds) < 0.5, `the last frame at ${video!.at(-1)!.toFixed(2)} s of ${seconds}`);
  } finally {
    sink.child.kill('SIGINT');
    await sink.exit;
    rmSync(folder, { recursive: true, force: true });
  }
}

/** MB; undefined when the process has gone. */
function residentSize(pid: number): number | undefined {
  try {
    const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) / 1024;
  } catch {
    return undefined;
  }
}

async function fuzz(): Promise<void> {
  const count = Number(values.packets);
  const { GarbageReceiver } = await loadPart();
  const receiver = await GarbageReceiver.create(1);
  for (let i = 0; i < count / 20; i++) receiver.step();
  const before = await footprint();
  const began = performance.now();
  for (let i = 0; i < count; i++) receiver.step();
  const seconds = (performance.now() - began) / 1000;
  const after = await footprint();
  verdict(
    receiver.thrown === 0,
    `${count} packets, ${receiver.thrown} exceptions, ${((seconds * 1e6) / count).toFixed(1)} µs each`,
  );
  verdict(after.heap - before.heap < TOLERANCE, `heap ${before.heap.toFixed(1)} -> ${after.heap.toFixed(1)} MB`);
  const { sent, got } = receiver.stream();
  verdict(got === sent, `a stream behind it: ${got} of ${sent} frames`);
  receiver.close();
}
