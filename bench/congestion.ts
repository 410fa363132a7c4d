/**
 * The cases of RFC 8867 on a virtual clock, several seeds each. `--seeds 60` for more of them, `--plots` draws each case into
 * docs/congestion/ and rewrites docs/congestion.md.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runnerImport } from 'vite';
import { writeCongestionPage } from './congestion-page.ts';
import { type Line, type Panel, plot } from './congestion-plot.ts';
import { type Figure, report } from './report.ts';

interface Series {
  sum(from: number, to: number): number;
  bitrate(from: number, to: number): number;
}

interface CaseFigure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly bar?: { readonly atMost?: number; readonly atLeast?: number };
}

interface CaseRun {
  readonly figures: readonly CaseFigure[];
  /** ms. */
  readonly duration: number;
  readonly capacity: readonly { readonly from: number; readonly capacity: number }[];
  readonly network: {
    readonly media: readonly {
      readonly name: string;
      readonly sent: Series;
      readonly received: Series;
      readonly lost: Series;
      readonly targets: readonly { readonly time: number; readonly bitrate: number }[];
    }[];
    readonly tcp: readonly { readonly received: Series }[];
    readonly delays: readonly { readonly time: number; readonly delay: number }[];
  };
}

/** What this needs of the simulator, which is test code and no part of the build: it is loaded from its sources. */
interface Simulator {
  readonly CASES: readonly { readonly id: string; readonly title: string; run(seed: number): CaseRun }[];
}

export interface CaseSummary {
  readonly id: string;
  readonly title: string;
  readonly rows: readonly SummaryRow[];
}

export interface SummaryRow {
  readonly name: string;
  readonly unit: string;
  readonly median: number;
  /** The worse end over the seeds. */
  readonly worst: number;
  readonly bar: string | undefined;
  /** Seeds that meet the bar. */
  readonly met: number;
}

/** The constants were chosen on seeds below 100: figures are taken on others. */
const FIRST_SEED = 1001;
const COLOURS = ['#0b62a4', '#d1495b', '#2e8b57', '#8e5ea2', '#c07f00'];
/** From bench/dist/bench. */
const root = fileURLToPath(new URL('../../../', import.meta.url));
const SIMULATOR = 'packages/tswebrtc/src/congestion/simulator/rfc8867.testing.ts';

export async function congestion(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { seeds: { type: 'string', default: '20' }, plots: { type: 'boolean', default: false } },
  });
  const seeds = Number(values.seeds);
  const { module } = await runnerImport<Simulator>(`${root}${SIMULATOR}`, { root, configFile: false, logLevel: 'error' });
  const figures: Figure[] = [];
  const summaries: CaseSummary[] = [];
  for (const one of module.CASES) {
    const runs: CaseRun[] = [];
    for (let i = 0; i < seeds; i++) runs.push(one.run(FIRST_SEED + i));
    const rows = runs[0]!.figures.map((_, i) => summarise(runs.map((run) => run.figures[i]!)));
    summaries.push({ id: one.id, title: one.title, rows });
    for (const row of rows) figures.push(figure(one.id, row, seeds));
    if (values.plots) draw(one.id, one.title, runs[0]!);
  }
  report('congestion', figures);
  const missed = summaries.flatMap(({ id, rows }) => rows.filter((row) => row.met < seeds).map((row) => ({ id, row })));
  console.log(`\nMedians of ${seeds} seeds. ${missed.length === 0 ? 'Every seed met every bar.' : 'Bars that a seed missed:'}`);
  for (const { id, row } of missed) {
    console.log(
      `  ${id} ${row.name} ${row.bar}: ${seeds - row.met} of ${seeds}, worst ${Math.round(row.worst * 100) / 100} ${row.unit}`,
    );
  }
  if (values.plots) writeCongestionPage(`${root}docs`, summaries, seeds);
}

function summarise(figures: readonly CaseFigure[]): SummaryRow {
  const { name, unit, bar } = figures[0]!;
  const values = figures.map((one) => one.value).sort((a, b) => a - b);
  const median = values[Math.floor(values.length / 2)]!;
  if (bar?.atMost !== undefined) {
    const most = bar.atMost;
    return { name, unit, median, worst: values.at(-1)!, bar: `<= ${most}`, met: values.filter((value) => value <= most).length };
  }
  if (bar?.atLeast !== undefined) {
    const least = bar.atLeast;
    return { name, unit, median, worst: values[0]!, bar: `>= ${least}`, met: values.filter((value) => value >= least).length };
  }
  return { name, unit, median, worst: values.at(-1)!, bar: undefined, met: values.length };
}

/** The median is held against the bar; the reason says how many seeds met it and how bad the worst was. */
function figure(id: string, row: SummaryRow, seeds: number): Figure {
  const value = Math.round(row.median * 100) / 100;
  const base = { name: `congestion.${id}.${row.name.replaceAll(/[^a-z0-9.]+/gi, '_')}`, value, unit: row.unit };
  if (row.bar === undefined) return { ...base, ok: null, reason: 'no bar' };
  const limit = Number(row.bar.slice(3));
  const ok = row.bar.startsWith('<=') ? row.median <= limit : row.median >= limit;
  return { ...base, bar: row.bar, ok, reason: `${row.met} of ${seeds} seeds, worst ${Math.round(row.worst * 100) / 100}` };
}

function draw(id: string, title: string, run: CaseRun): void {
  const { network, duration } = run;
  const seconds = duration / 1000;
  const bin = duration > 150_000 ? 1000 : 500;
  const sampled = (value: (from: number, to: number) => number): [number, number][] => {
    const points: [number, number][] = [];
    for (let time = 0; time < duration; time += bin) points.push([(time + bin / 2) / 1000, value(time, time + bin)]);
    return points;
  };
  const capacity: Line = {
    name: 'capacity',
    colour: '#999999',
    width: 2.5,
    stepped: true,
    points: [
      ...run.capacity.map((step): [number, number] => [step.from / 1000, step.capacity / 1e6]),
      [seconds, run.capacity.at(-1)!.capacity / 1e6],
    ],
  };
  const rates: Line[] = [capacity];
  for (const [i, flow] of network.media.entries()) {
    const colour = COLOURS[i % COLOURS.length]!;
    if (network.media.length <= 2) {
      const points = flow.targets
        .filter((_, at) => at % 5 === 0)
        .map((one): [number, number] => [one.time / 1000, one.bitrate / 1e6]);
      rates.push({ name: `${flow.name} estimate`, colour, dashed: true, width: 1, points });
    }
    const name = network.media.length <= 2 ? `${flow.name} sent` : flow.name;
    rates.push({ name, colour, points: sampled((from, to) => flow.sent.bitrate(from, to) / 1e6) });
  }
  if (network.tcp.length > 0) {
    const all = sampled((from, to) => network.tcp.reduce((sum, flow) => sum + flow.received.bitrate(from, to), 0) / 1e6);
    rates.push({ name: 'TCP', colour: '#444444', width: 1, points: all });
  }
  const bins = new Map<number, number>();
  for (const { time, delay } of network.delays) {
    const at = Math.floor(time / bin);
    bins.set(at, Math.max(bins.get(at) ?? 0, delay));
  }
  const queue = [...bins].sort(([a], [b]) => a - b).map(([at, delay]): [number, number] => [((at + 0.5) * bin) / 1000, delay]);
  const lost = sampled((from, to) => network.media.reduce((sum, flow) => sum + flow.lost.sum(from, to), 0));
  const panels: Panel[] = [
    { title: 'rate, Mbit/s', height: 240, lines: rates, max: 1 },
    {
      title: 'longest wait in the queue, ms',
      height: 90,
      max: 100,
      lines: [{ name: 'queue', colour: '#c07f00', points: queue }],
    },
    {
      title: `media packets lost in ${bin / 1000} s`,
      height: 60,
      max: 10,
      lines: [{ name: 'lost', colour: '#d1495b', points: lost }],
    },
  ];
  mkdirSync(`${root}docs/congestion`, { recursive: true });
  writeFileSync(`${root}docs/congestion/${id}.svg`, plot(`RFC 8867 ${id}: ${title}`, seconds, panels));
}
