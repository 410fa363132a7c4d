/**
 * Thirty viewers join within a second: what those who stand there already see of it, and how long the newcomers wait. All are
 * light viewers, the newcomers in a process of their own.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Child, sharedClock } from './child.ts';
import type { Seen } from './light-viewer.ts';
import { judge, type Load, LoadMeter } from './light-viewer-load.ts';
import { bitrate, framerate, frameSize, keyframes, longestGap, mean, quantiser, type Span } from './light-viewer-measure.ts';
import { keyframesMade, moves, type SinkSample, samplesIn, samplesOf, startSink, targets } from './light-viewer-sink.ts';
import type { JoinRequest, ViewersLoad } from './light-viewers.ts';
import { makeMovingPicture } from './network/moving-picture.ts';
import { printTable } from './network/table.ts';
import { sleep } from './network/with-lab.ts';
import { atLeast, atMost, type Figure, info, quantile, report } from './report.ts';

const MAX_BITRATE = 2_500_000;
/** Of the frame rate before. */
const FRAMERATE_BAR = 0.95;
/** Of the bytes of a frame before. */
const SIZE_BAR = 0.9;
/** Steps of 127 by which VP8 may become coarser: in the middle of its table a tenth, less than a dB. */
const QUANTISER_BAR = 8;
/** ms in which the storm comes, and after it in which its traces are looked for. */
const STORM = 1000;
const WAKE = 2000;
/** Viewers have machines of their own; on this one they take what CPU time the sink leaves. */
const ELSEWHERE = ['nice', '-n', '15'];
/** s in which the estimates of the standing viewers rise */
const SETTLE = 8;
/** s for the sink to start, during which the picture already runs */
const SLACK = 10;

interface Phase extends Span {
  readonly name: string;
  readonly sink: Load;
  readonly standing: ViewersLoad;
}

export async function joinStorm(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      codec: { type: 'string', default: 'VP8' },
      input: { type: 'string' },
      standing: { type: 'string', default: '4' },
      joins: { type: 'string', default: '30' },
      'max-bitrate': { type: 'string', default: String(MAX_BITRATE) },
      before: { type: 'string', default: '10' },
      after: { type: 'string', default: '10' },
    },
  });
  const [before, after, joins] = [Number(values.before), Number(values.after), Number(values.joins)];
  const folder = mkdtempSync(join(tmpdir(), 'tswebrtc-bench-'));
  const file = join(folder, 'picture.mp4');
  const seconds = SLACK + SETTLE + before + (STORM + WAKE) / 1000 + after;
  if (values.input === undefined) {
    console.log(`Making ${seconds} s of a picture that needs the bits …`);
    await makeMovingPicture(file, seconds);
  }
  const flags = ['--video-codecs', values.codec, '--max-bitrate', values['max-bitrate']];
  const sink = await startSink([values.input ?? file, 'tone'], flags);
  const standing = new Child('light-viewers.js', ELSEWHERE);
  const joiners = new Child('light-viewers.js', ELSEWHERE);
  try {
    const request = { uri: sink.signallingUri, codec: values.codec, gatherLoopback: true };
    const meter = new LoadMeter(sink.child.pid!);
    const watch = async (name: string, from: number, duration: number): Promise<Phase> => {
      await sleep(Math.max(0, from + duration - sharedClock()));
      const viewers = await standing.ask<ViewersLoad>('load');
      return { name, from, to: from + duration, sink: meter.look(), standing: viewers };
    };
    console.log(`${values.standing} viewers, ${values.codec} …`);
    await standing.ask('join', { ...request, count: Number(values.standing), interval: 100 } satisfies JoinRequest);
    await joiners.ask('load');
    await sleep(SETTLE * 1000);
    await standing.ask('load');
    meter.look();
    const calm = await watch('before', sharedClock(), before * 1000);
    console.log(`${joins} more within ${STORM} ms …`);
    const begin = sharedClock();
    const joined = joiners.ask('join', { ...request, count: joins, interval: STORM / joins } satisfies JoinRequest);
    const storm = await watch('storm', begin, STORM);
    const wake = await watch('wake', storm.to, WAKE);
    await joined;
    const rest = await watch('after', wake.to, after * 1000);
    const seen = await standing.ask<Seen[]>('seen');
    const newcomers = await joiners.ask<Seen[]>('seen');
    const phases = [calm, storm, wake, rest] as const;
    print(phases, seen, newcomers, samplesOf(sink));
    report('join-storm', figures(phases, seen, newcomers, samplesOf(sink)));
  } finally {
    await standing.close();
    await joiners.close();
    await sink.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What ran while the storm came and went: bitrate in kbit/s and viewers of each encoding, and how many of them stood there before. */
function printEncodings(samples: readonly SinkSample[], span: Span, standing: ReadonlySet<string>): void {
  console.log('\nThe encodings, from the first join on: kbit/s, viewers, of them standing\n');
  for (let time = span.from; time < span.to; time += 1000) {
    const [sample] = samplesIn(samples, { from: time, to: time + 1000 });
    if (!sample) continue;
    const peers = new Map(sample.sessions.map(({ sessionId, peerId }) => [sessionId, peerId]));
    const running = sample.encodings
      .filter(({ width, sessions }) => width !== null && sessions.length > 0)
      .map(({ bitrate: target, sessions }) => {
        const stood = sessions.filter((id) => standing.has(peers.get(id) ?? ''));
        return `${(target / 1000).toFixed(0)}: ${sessions.length}, ${stood.length}`;
      });
    console.log(`${((time - span.from) / 1000).toFixed(0).padStart(3)} s  ${running.join('   ')}`);
  }
}

const all = (viewers: readonly Seen[], measure: (seen: Seen, span: Span) => number, span: Span): number =>
  mean(viewers.map((seen) => measure(seen, span)));

function print(
  phases: readonly Phase[],
  standing: readonly Seen[],
  newcomers: readonly Seen[],
  samples: readonly SinkSample[],
): void {
  console.log('\nThe standing viewers, mean of all and the worst gap; wake: after the storm; newcomers: those with a picture:\n');
  const peers = new Set(standing.map(({ peerId }) => peerId));
  printTable([
    'phase|s|frames/s|longest gap ms|bytes a frame|quantiser|kbit/s|target|keyframes|newcomers|newcomers fps|sink CPU|idle'.split(
      '|',
    ),
    ...phases.map((phase) => {
      const shown = newcomers.filter(({ frames }) => (frames[0]?.time ?? Number.POSITIVE_INFINITY) < phase.to);
      return [
        phase.name,
        ((phase.to - phase.from) / 1000).toFixed(0),
        all(standing, framerate, phase).toFixed(1),
        Math.max(...standing.map((seen) => longestGap(seen, phase))).toFixed(0),
        all(standing, frameSize, phase).toFixed(0),
        all(standing, quantiser, phase).toFixed(1),
        (all(standing, bitrate, phase) / 1000).toFixed(0),
        (mean(targets(samplesIn(samples, phase), peers)) / 1000).toFixed(0),
        all(standing, keyframes, phase).toFixed(1),
        shown.length.toFixed(0),
        shown.length > 0 ? all(shown, framerate, phase).toFixed(1) : '',
        `${(100 * phase.sink.process).toFixed(0)} %`,
        `${(100 * phase.sink.idle).toFixed(0)} %`,
      ];
    }),
  ]);
  printEncodings(samples, { from: phases[1]!.from, to: phases.at(-1)!.to }, peers);
}

function figures(
  [calm, storm, wake, rest]: readonly [Phase, Phase, Phase, Phase],
  standing: readonly Seen[],
  newcomers: readonly Seen[],
  samples: readonly SinkSample[],
): Figure[] {
  const trouble = { from: storm.from, to: wake.to };
  const peers = new Set(standing.map(({ peerId }) => peerId));
  const ratio = (measure: (seen: Seen, span: Span) => number, span: Span): number =>
    all(standing, measure, span) / all(standing, measure, calm);
  const coarser = (span: Span): number => all(standing, quantiser, span) - all(standing, quantiser, calm);
  const worst = (span: Span): number =>
    Math.min(...standing.map((seen) => framerate(seen, span))) / all(standing, framerate, calm);
  const gap = (span: Span): number => Math.max(...standing.map((seen) => longestGap(seen, span)));
  const waits = newcomers.map(({ asked, frames }) => (frames[0]?.time ?? Number.POSITIVE_INFINITY) - asked);
  const setups = newcomers.map(({ asked, connected }) => (connected ?? Number.POSITIVE_INFINITY) - asked);
  const quantised = standing.some(({ frames }) => frames.some((frame) => frame.quantiser !== undefined));
  return [
    atLeast('standing.framerate_ratio', ratio(framerate, trouble), '', FRAMERATE_BAR),
    atLeast('standing.framerate_ratio_after', ratio(framerate, rest), '', FRAMERATE_BAR),
    info('standing.worst_framerate_ratio', Math.min(worst(storm), worst(wake)), '', 'of any viewer, in the storm or after it'),
    info('standing.longest_gap_before', gap(calm), 'ms'),
    info('standing.longest_gap', gap(trouble), 'ms', 'in the storm and after it'),
    ...(quantised
      ? [
          info('standing.quantiser_before', all(standing, quantiser, calm), '', 'mean index of 0 to 127'),
          atMost('standing.quantiser_rise_storm', coarser(storm), '', QUANTISER_BAR),
          atMost('standing.quantiser_rise_wake', coarser(wake), '', QUANTISER_BAR),
          atMost('standing.quantiser_rise_after', coarser(rest), '', QUANTISER_BAR),
          info('standing.frame_size_ratio', ratio(frameSize, trouble), '', 'bytes between keyframes'),
        ]
      : [
          // Nobody reads the quantiser of H.264 here: the bytes stand for it, of which keyframes take their part.
          atLeast('standing.frame_size_ratio', ratio(frameSize, trouble), '', SIZE_BAR),
          atLeast('standing.frame_size_ratio_after', ratio(frameSize, rest), '', SIZE_BAR),
        ]),
    info('standing.keyframes', all(standing, keyframes, trouble), '', 'in the storm and after it, mean'),
    info('standing.keyframes_after', all(standing, keyframes, rest), '', 'as the newcomers climb to their encoding'),
    info('standing.moves', moves(samplesIn(samples, trouble), peers), '', 'changes of the encoding, all of them'),
    info('standing.lost', mean(standing.map(({ lost }) => lost)), '', 'packets of video, mean'),
    info('encodings.keyframes', keyframesMade(samples, trouble), '', 'made by all encoders in the storm and after it'),
    info('joins.connected_p50_ms', quantile(setups, 0.5), 'ms', 'from asking for the session'),
    info('joins.connected_p95_ms', quantile(setups, 0.95), 'ms'),
    info('joins.keyframe_p50_ms', quantile(waits, 0.5), 'ms', 'from asking to a complete keyframe'),
    info('joins.keyframe_p95_ms', quantile(waits, 0.95), 'ms'),
    info('joins.without_picture', waits.filter((wait) => !Number.isFinite(wait)).length, '', `of ${newcomers.length}`),
    info('sink.cpu_before', 100 * calm.sink.process, '%', 'of a core'),
    info('sink.cpu_storm', 100 * storm.sink.process, '%', judge(storm.sink)),
    info('sink.cpu_after', 100 * rest.sink.process, '%', judge(rest.sink)),
    info('viewers.longest_delay', Math.max(storm.standing.longestDelay, wake.standing.longestDelay), 'ms', 'of their event loop'),
  ];
}
