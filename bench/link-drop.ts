/**
 * A real link that loses most of its capacity and gets it back: our producer and Chromium in network namespaces, and for
 * comparison Chromium in the producer's place with the same picture on the same path.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  FREEZE,
  type Freezes,
  firstTime,
  freezes,
  mean,
  type Received,
  received,
  type Series,
  settledTime,
  values as valuesOf,
} from './network/measure.ts';
import { QUEUE_LENGTH, type QueueState } from './network/network-lab.ts';
import { playFromChromium, playFromSink, type Stream } from './network/streams.ts';
import { printTable } from './network/table.ts';
import { requireNetwork, type Surroundings, sleep, withLab } from './network/with-lab.ts';
import { atMost, type Figure, info, quantile, report } from './report.ts';

/** bit/s, of the link */
const HIGH = 3_000_000;
const LOW = 500_000;
/** bit/s; above the link in every phase, and the same for both senders. */
const MAX_BITRATE = 8_192_000;
/** bit/s; what a producer that does not look at the path sends: with its repair it fits the link until the drop. */
const BLIND_BITRATE = 2_000_000;
const BARS = { settle: 1500, over: 1.1, recovered: 2_400_000, recovery: 10_000, freeze: 500 };
const PHASES = ['before', 'drop', 'rise'] as const;
/** s for browsers and producers to start, during which the picture already runs. */
const SLACK = 30;

interface Run {
  readonly name: string;
  /** ms since the epoch: begin of each phase, and the end. */
  readonly times: readonly [before: number, drop: number, rise: number, end: number];
  readonly estimates: Series;
  readonly queue: readonly QueueState[];
  readonly frozen: Freezes;
  readonly phases: readonly (Received & { estimate: number; queueDelay: number; dropped: number; frozen: Freezes })[];
  readonly limitation: string;
}

export async function linkDrop(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      'congestion-control': { type: 'string', default: 'gcc' },
      codec: { type: 'string', default: 'VP8' },
      seconds: { type: 'string', default: '20' },
      'no-baseline': { type: 'boolean', default: false },
    },
  });
  requireNetwork('link-drop');
  const control = values['congestion-control'];
  const blind = control === 'disabled';
  const duration = Number(values.seconds);
  const runs: Run[] = [];
  await withLab(3 * duration + SLACK, async (surroundings) => {
    const options = { ...surroundings, codec: values.codec };
    const flags = ['--congestion-control', control, '--max-bitrate', String(blind ? BLIND_BITRATE : MAX_BITRATE)];
    surroundings.lab.setRate(HIGH);
    runs.push(await drive(`tswebrtc (${control})`, surroundings, duration, () => playFromSink({ ...options, flags })));
    if (values['no-baseline']) return;
    const play = (): Promise<Stream> => playFromChromium({ ...options, maxBitrate: MAX_BITRATE });
    runs.push(await drive('Chromium', surroundings, duration, play));
  });
  const [ours, theirs] = runs as [Run, Run | undefined];
  print(runs);
  mkdirSync('bench/results', { recursive: true });
  writeFileSync('bench/results/link-drop-series.json', JSON.stringify(runs));
  report('link-drop', [...figures('tswebrtc', ours, blind, theirs), ...(theirs ? figures('chromium', theirs, undefined) : [])]);
}

async function drive(name: string, { lab }: Surroundings, duration: number, play: () => Promise<Stream>): Promise<Run> {
  lab.setRate(HIGH);
  console.log(`${name}: ${duration} s each at ${[HIGH, LOW, HIGH].map((rate) => `${rate / 1e6} Mbit/s`).join(', ')} …`);
  const stream = await play();
  const queue: QueueState[] = [];
  let looking = true;
  const look = (async () => {
    for (; looking; await sleep(50)) queue.push(await lab.queue());
  })();
  try {
    const times: number[] = [];
    for (const rate of [HIGH, LOW, HIGH]) {
      lab.setRate(rate);
      times.push(Date.now());
      await sleep(duration * 1000);
    }
    times.push(Date.now());
    looking = false;
    await look;
    const [seen, estimates, sender] = [await stream.seen(), await stream.estimates(), await stream.sender()];
    const limitation = sender?.qualityLimitationReason ?? '';
    const [, drop, , end] = times as [number, number, number, number];
    const phases = PHASES.map((_, i) => {
      const [from, to] = [times[i]!, times[i + 1]!];
      const within = queue.filter(({ time }) => time >= from && time < to);
      const delays = within.map(({ backlog }) => (8000 * backlog) / (i === 1 ? LOW : HIGH));
      return {
        ...received(seen, from, to),
        estimate: mean(valuesOf(estimates, from, to)),
        queueDelay: quantile(delays, 0.95),
        dropped: within.at(-1)!.drops - within[0]!.drops,
        frozen: freezes(seen, from, to),
      };
    });
    return {
      name,
      times: times as unknown as Run['times'],
      estimates,
      queue,
      frozen: freezes(seen, drop, end),
      phases,
      limitation,
    };
  } finally {
    looking = false;
    await stream.close();
  }
}

function print(runs: readonly Run[]): void {
  const columns = runs.flatMap((run) => run.phases.map((phase, i) => ({ title: `${run.name} ${PHASES[i]}`, phase })));
  const row = (title: string, cell: (phase: Run['phases'][number]) => number, digits = 0): string[] => [
    title,
    ...columns.map(({ phase }) => cell(phase).toFixed(digits)),
  ];
  console.log(
    `\nThe link: ${HIGH / 1e6} Mbit/s before, ${LOW / 1e6} in the drop, ${HIGH / 1e6} after the rise; tbf, ${QUEUE_LENGTH} ms of queue.`,
  );
  console.log(`Frozen: gaps over ${FREEZE.toFixed(0)} ms between presented frames, in full.\n`);
  printTable([
    ['', ...columns.map(({ title }) => title)],
    row('estimate, kbit/s, mean', ({ estimate }) => estimate / 1000),
    row('received, kbit/s', ({ bitrate }) => bitrate / 1000),
    row('decoded, frames/s', ({ framerate }) => framerate, 1),
    row('longest gap, ms', ({ frozen }) => frozen.longest),
    row('freezes', ({ frozen }) => frozen.count),
    row('frozen, ms', ({ frozen }) => frozen.total),
    row('queue delay p95, ms', ({ queueDelay }) => queueDelay),
    row('dropped by the queue', ({ dropped }) => dropped),
    row('packets lost', ({ lost }) => lost),
    row('NACKs', ({ nacks }) => nacks),
    row('PLIs', ({ plis }) => plis),
    row('keyframes', ({ keyframes }) => keyframes),
    row('picture height at the end', ({ height }) => height),
    row('quantiser, mean', ({ quantiser }) => quantiser, 1),
  ]);
}

/** `blind`: undefined for the comparison, which has no bars. */
function figures(name: string, run: Run, blind: boolean | undefined, comparison?: Run): Figure[] {
  const { estimates, frozen, phases } = run;
  const [, drop, rise, end] = run.times;
  const fits = (value: number): boolean => value <= BARS.over * LOW;
  const late = valuesOf(estimates, drop + BARS.settle, rise);
  const recovered = firstTime(estimates, rise, end, (value) => value >= BARS.recovered);
  const free = blind === undefined ? 'for comparison' : 'no congestion control: shows the collapse';
  const bounded = (key: string, value: number, limit: number, bar: number): Figure => {
    // What did not happen took at least as long as was waited for it.
    const never = value === Number.POSITIVE_INFINITY;
    const figure = atMost(`${name}.${key}`, never ? limit : value, 'ms', bar);
    if (blind !== false) return info(figure.name, figure.value, 'ms', never ? `did not happen; ${free}` : free);
    return never ? { ...figure, ok: false, reason: 'did not happen' } : figure;
  };
  const bar = Math.max(BARS.freeze, Math.round(comparison?.frozen.longest ?? 0));
  return [
    bounded('drop.estimate_fits_ms', firstTime(estimates, drop, rise, fits), rise - drop, BARS.settle),
    info(
      `${name}.drop.estimate_stays_ms`,
      Math.min(settledTime(estimates, drop, rise, fits), rise - drop),
      'ms',
      'no bar: probes go on testing the path, and tbf lets a burst of them through',
    ),
    info(
      `${name}.drop.estimate_over`,
      (100 * late.filter((value) => !fits(value)).length) / late.length,
      '%',
      'of the time after',
    ),
    info(`${name}.drop.estimate_highest`, Math.max(...late) / LOW, '× capacity', `${BARS.settle} ms after the drop and later`),
    bounded('rise.recovered_ms', recovered, end - rise, BARS.recovery),
    bounded('freeze.longest_ms', frozen.longest, end - drop, bar),
    info(`${name}.freeze.total_ms`, frozen.total, 'ms', `${frozen.count} freezes from the drop on`),
    ...phases.flatMap((phase, i) => [
      info(`${name}.${PHASES[i]}.framerate`, phase.framerate, 'fps', 'decoded'),
      info(`${name}.${PHASES[i]}.bitrate`, phase.bitrate, 'bit/s', 'received'),
      info(`${name}.${PHASES[i]}.queue_p95_ms`, phase.queueDelay, 'ms', 'at the bottleneck'),
      info(`${name}.${PHASES[i]}.lost`, phase.lost, 'packets', `${phase.nacks} NACKs, ${phase.plis} PLIs`),
    ]),
    ...(run.limitation ? [info(`${name}.limited`, 1, '', `its sender says at the end: ${run.limitation}`)] : []),
  ];
}
