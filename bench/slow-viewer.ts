/**
 * One viewer on a link of 300 kbit/s among nine on a fast one, of one picture and one sink: what the nine get with and
 * without it. All are light viewers, those of the fast link in one process.
 */
import { parseArgs } from 'node:util';
import { Child, sharedClock } from './child.ts';
import type { Seen } from './light-viewer.ts';
import { judge, type Load, LoadMeter } from './light-viewer-load.ts';
import { bitrate, framerate, keyframes, longestGap, mean, quantiser, type Span } from './light-viewer-measure.ts';
import { keyframesMade, moves, type SinkSample, samplesIn, samplesOf, startSink, targets } from './light-viewer-sink.ts';
import type { JoinRequest, ViewersLoad } from './light-viewers.ts';
import type { Host } from './network/network-lab.ts';
import { printTable } from './network/table.ts';
import { requireNetwork, type Surroundings, sleep, withLab } from './network/with-lab.ts';
import { atLeast, type Figure, info, quantile, report } from './report.ts';

const FAST = 9;
/** bit/s */
const SLOW_RATE = 300_000;
const MAX_BITRATE = 2_500_000;
/** Of what the nine get without the tenth. */
const BAR = 0.95;
/** s at the start that do not count, in which the estimates of the nine rise; and after the tenth has joined. */
const SETTLE = 8;
const SETTLE_AGAIN = 3;
/** s for the sink to start, during which the picture already runs */
const SLACK = 10;

interface Phase extends Span {
  readonly name: string;
  readonly sink: Load;
  readonly viewers: ViewersLoad;
}

export async function slowViewer(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      codec: { type: 'string', default: 'VP8' },
      input: { type: 'string' },
      rate: { type: 'string', default: String(SLOW_RATE) },
      'max-bitrate': { type: 'string', default: String(MAX_BITRATE) },
      before: { type: 'string', default: '15' },
      after: { type: 'string', default: '20' },
    },
  });
  requireNetwork('slow-viewer', false);
  const [before, after] = [Number(values.before), Number(values.after)];
  const [rate, maxBitrate] = [Number(values.rate), Number(values['max-bitrate'])];
  const seconds = values.input === undefined ? SLACK + SETTLE + before + SETTLE_AGAIN + after : 1;
  await withLab(seconds, async ({ lab, file }: Surroundings) => {
    const fastHost = lab.addNeighbour();
    lab.setRate(rate);
    const flags = ['--video-codecs', values.codec, '--max-bitrate', String(maxBitrate)];
    const sink = await startSink([values.input ?? file, 'tone'], flags, lab.producer.address, inside(lab.producer));
    const fast = new Child('light-viewers.js', inside(fastHost));
    const slow = new Child('light-viewers.js', inside(lab.viewer));
    try {
      const request = { uri: sink.signallingUri, codec: values.codec, gatherLoopback: false, interval: 100 };
      const meter = new LoadMeter(sink.child.pid!);
      const watch = async (name: string, duration: number): Promise<Phase> => {
        meter.look();
        await fast.ask('load');
        const from = sharedClock();
        await sleep(duration * 1000);
        return { name, from, to: sharedClock(), sink: meter.look(), viewers: await fast.ask<ViewersLoad>('load') };
      };
      console.log(`${FAST} viewers on a fast link, ${values.codec} …`);
      await fast.ask('join', { ...request, count: FAST } satisfies JoinRequest);
      await sleep(SETTLE * 1000);
      const alone = await watch('without', before);
      console.log(`One more behind ${rate / 1000} kbit/s …`);
      await slow.ask('join', { ...request, count: 1 } satisfies JoinRequest);
      const settled = await watch('joining', SETTLE_AGAIN);
      const [early] = await slow.ask<Seen[]>('seen');
      const together = await watch('with', after);
      const nine = await fast.ask<Seen[]>('seen');
      const [tenth] = await slow.ask<Seen[]>('seen');
      const dropped = (await lab.queue()).drops;
      const samples = samplesOf(sink);
      print([alone, settled, together], nine, tenth!, samples);
      report('slow-viewer', figures(alone, settled, together, nine, early!, tenth!, samples, dropped));
    } finally {
      await fast.close();
      await slow.close();
      await sink.stop();
    }
  });
}

const inside = ({ namespace }: Host): string[] => ['ip', 'netns', 'exec', namespace];

function print(phases: readonly Phase[], nine: readonly Seen[], tenth: Seen, samples: readonly SinkSample[]): void {
  console.log('\nWhat each viewer got, the estimate of its path, and the encodings at the end:\n');
  const rows = [...nine, tenth].map((seen, index) => {
    const peers = new Set([seen.peerId]);
    return [
      index < FAST ? `fast ${index + 1}` : 'slow',
      ...phases.flatMap((phase) => [
        (bitrate(seen, phase) / 1000).toFixed(0),
        framerate(seen, phase).toFixed(1),
        longestGap(seen, phase).toFixed(0),
        quantiser(seen, phase).toFixed(1),
        (mean(targets(samplesIn(samples, phase), peers)) / 1000).toFixed(0),
      ]),
      `${seen.lost}/${seen.expected}`,
      String(seen.nacks),
      String(seen.plis),
      String(moves(samples, peers)),
    ];
  });
  const titles = phases.flatMap(({ name }) => [`${name}: kbit/s`, 'frames/s', 'gap ms', 'quantiser', 'target']);
  printTable([['viewer', ...titles, 'lost', 'NACKs', 'PLIs', 'moves'], ...rows]);
  const last = samples.at(-1);
  for (const { id, bitrate: target, width, height, framerate: fps, sessions, keyframes: made } of last?.encodings ?? []) {
    const who = last!.sessions.filter(({ sessionId }) => sessions.includes(sessionId));
    const slow = who.some(({ peerId }) => peerId === tenth.peerId) ? ', the slow one among them' : '';
    const reasons = [...new Set(who.map(({ encodingReason }) => encodingReason))].join(', ');
    if (width === null) continue;
    const what = `${(target / 1000).toFixed(0)} kbit/s, ${width}x${height} at ${fps} frames/s, ${made} keyframes`;
    console.log(`${id}: ${what}, for ${sessions.length}${slow}: ${reasons}`);
  }
}

function figures(
  alone: Phase,
  settled: Phase,
  together: Phase,
  nine: readonly Seen[],
  /** What the tenth saw by the end of `settled`, and in all. */
  early: Seen,
  tenth: Seen,
  samples: readonly SinkSample[],
  dropped: number,
): Figure[] {
  const whole = { from: settled.from, to: together.to };
  const peers = new Set(nine.map(({ peerId }) => peerId));
  const rate = (phase: Span): number => mean(nine.map((seen) => bitrate(seen, phase)));
  const pace = (phase: Span): number => mean(nine.map((seen) => framerate(seen, phase)));
  const parts = nine.map((seen) => bitrate(seen, together) / bitrate(seen, alone));
  const estimate = (phase: Span): number[] => targets(samplesIn(samples, phase), peers).map((target) => target / 1000);
  const gap = (span: Span): number => Math.max(...nine.map((seen) => longestGap(seen, span)));
  const percent = (part: number): number => 100 * part;
  const loss = (to: Seen, from?: Seen): number =>
    percent((to.lost - (from?.lost ?? 0)) / Math.max(1, to.expected - (from?.expected ?? 0)));
  return [
    atLeast('nine.bitrate_ratio', rate(together) / rate(alone), '', BAR),
    atLeast('nine.framerate_ratio', pace(together) / pace(alone), '', BAR),
    atLeast('nine.worst_bitrate_ratio', Math.min(...parts), '', BAR),
    info('nine.bitrate_alone', rate(alone) / 1000, 'kbit/s', 'mean, everything included'),
    info('nine.bitrate_with', rate(together) / 1000, 'kbit/s'),
    info('nine.framerate_alone', pace(alone), 'fps'),
    info('nine.framerate_with', pace(together), 'fps'),
    info('nine.longest_gap_alone', gap(alone), 'ms', 'between two frames, any of the nine'),
    info('nine.longest_gap_with', gap(whole), 'ms', 'from the moment the tenth joins'),
    info('nine.keyframes_alone', mean(nine.map((seen) => keyframes(seen, alone))), '', 'mean'),
    info('nine.keyframes_with', mean(nine.map((seen) => keyframes(seen, whole))), '', 'mean, from the join on'),
    info('nine.moves', moves(samplesIn(samples, whole), peers), '', 'changes of the encoding, all nine'),
    info('nine.estimate_alone_p10', quantile(estimate(alone), 0.1), 'kbit/s'),
    info('nine.estimate_with_p10', quantile(estimate(together), 0.1), 'kbit/s'),
    info('nine.lost', mean(nine.map(({ lost }) => lost)), '', 'packets of video, mean'),
    info('tenth.bitrate', bitrate(tenth, together) / 1000, 'kbit/s', 'on its link'),
    info('tenth.framerate', framerate(tenth, together), 'fps'),
    info('tenth.longest_gap', longestGap(tenth, together), 'ms'),
    info('tenth.first_frame', (tenth.frames[0]?.time ?? Number.NaN) - tenth.asked, 'ms', 'from asking to a complete keyframe'),
    info('tenth.loss_joining', loss(early), '%', `of its packets of video, before repair, in the first ${SETTLE_AGAIN} s`),
    info('tenth.loss', loss(tenth, early), '%', 'after that'),
    info('tenth.dropped', dropped, '', 'packets that its link dropped'),
    info('encodings.keyframes', keyframesMade(samples, whole), '', 'made by all encoders, from the join on'),
    info('sink.cpu_alone', percent(alone.sink.process), '%', 'of a core'),
    info('sink.cpu_with', percent(together.sink.process), '%', judge(together.sink)),
    info(
      'viewers.longest_delay',
      together.viewers.longestDelay,
      'ms',
      `of their event loop; p99 ${together.viewers.delay99.toFixed(1)} ms`,
    ),
  ];
}
