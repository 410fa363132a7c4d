/**
 * What the sink's threads do while light viewers watch, with all sessions in the main thread and with sessions divided among
 * threads: how much of its work the main thread gets rid of, and what that costs.
 */
import { parseArgs } from 'node:util';
import { Child, sharedClock } from './child.ts';
import type { Seen } from './light-viewer.ts';
import { judge, type Load, LoadMeter } from './light-viewer-load.ts';
import { bitrate, framerate, longestGap, mean } from './light-viewer-measure.ts';
import { startSink } from './light-viewer-sink.ts';
import type { JoinRequest, ViewersLoad } from './light-viewers.ts';
import { printTable } from './network/table.ts';
import { sleep } from './network/with-lab.ts';
import { type Figure, info, report } from './report.ts';
import { threadsOf, threadUses } from './threads.ts';

/** s in which the first viewer's encoder starts, and in which the others' estimates rise */
const START = 3;
const SETTLE = 8;
/** ms from one viewer to the next */
const JOIN_INTERVAL = 100;

interface Result {
  readonly shards: number;
  /** Parts of a core. */
  readonly main: number;
  readonly others: readonly number[];
  readonly sink: Load;
  readonly viewers: ViewersLoad;
  readonly framerate: number;
  readonly bitrate: number;
  readonly longestGap: number;
}

export async function shards(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      shards: { type: 'string', default: '1,2' },
      viewers: { type: 'string', default: '30' },
      codec: { type: 'string', default: 'VP8' },
      input: { type: 'string', default: 'testsrc:width=640,height=360' },
      bitrate: { type: 'string', default: '1000000' },
      seconds: { type: 'string', default: '10' },
    },
  });
  const results: Result[] = [];
  for (const count of values.shards.split(',')) {
    console.log(`${values.viewers} viewers, ${count} ${count === '1' ? 'shard' : 'shards'} …`);
    const flags = ['--shards', count, '--video-codecs', values.codec, '--max-encodings', '1', '--max-bitrate', values.bitrate];
    results.push(await measure([values.input, 'tone'], flags, values.codec, Number(values.viewers), Number(values.seconds)));
  }
  const percent = (part: number): string => `${(100 * part).toFixed(0)} %`;
  printTable([
    'shards|main thread|threads of sessions|whole sink|viewers fps|kbit/s each|longest gap ms|viewers delay ms|idle'.split('|'),
    ...results.map((result) => [
      String(result.shards),
      percent(result.main),
      result.others.map(percent).join(' + '),
      percent(result.sink.process),
      result.framerate.toFixed(1),
      (result.bitrate / 1000).toFixed(0),
      result.longestGap.toFixed(0),
      result.viewers.delay99.toFixed(0),
      percent(result.sink.idle),
    ]),
  ]);
  report('shards', results.flatMap(figures));
}

function figures({ shards: count, main, others, sink, framerate: fps }: Result): Figure[] {
  const name = `shards_${count}`;
  return [
    info(`${name}.main_thread`, 100 * main, '%', 'of a core'),
    ...others.map((part, index) => info(`${name}.thread_${index + 1}`, 100 * part, '%', 'of a core')),
    info(`${name}.sink`, 100 * sink.process, '%', judge(sink)),
    info(`${name}.framerate`, fps, 'frames/s', 'mean of all viewers'),
  ];
}

async function measure(
  inputs: readonly string[],
  flags: readonly string[],
  codec: string,
  count: number,
  seconds: number,
): Promise<Result> {
  const sink = await startSink(inputs, flags);
  const viewers = new Child('light-viewers.js');
  try {
    const pid = sink.child.pid!;
    const request = { uri: sink.signallingUri, codec, gatherLoopback: true, interval: JOIN_INTERVAL };
    await viewers.ask('join', { ...request, count: 1 } satisfies JoinRequest);
    await sleep(START * 1000);
    // Threads of sessions are named as all others, but start only from now on.
    const before = new Set(threadsOf(pid));
    await viewers.ask('join', { ...request, count: count - 1 } satisfies JoinRequest);
    await sleep(SETTLE * 1000);
    await viewers.ask('load');
    const meter = new LoadMeter(pid);
    const [from, first] = [sharedClock(), threadUses(pid)];
    await sleep(seconds * 1000);
    const [load, second, to] = [meter.look(), threadUses(pid), sharedClock()];
    const used = (tid: number): number => (1000 * ((second.get(tid)?.cpu ?? 0) - (first.get(tid)?.cpu ?? 0))) / (to - from);
    const shards = Number(flags[1]);
    const others = [...second.keys()].filter((tid) => !before.has(tid)).map(used);
    const span = { from, to };
    const seen = await viewers.ask<Seen[]>('seen');
    return {
      shards,
      main: used(pid),
      others: others.sort((a, b) => b - a).slice(0, shards - 1),
      sink: load,
      viewers: await viewers.ask<ViewersLoad>('load'),
      framerate: mean(seen.map((one) => framerate(one, span))),
      bitrate: mean(seen.map((one) => bitrate(one, span))),
      longestGap: Math.max(...seen.map((one) => longestGap(one, span))),
    };
  } finally {
    await viewers.close();
    await sink.stop();
  }
}
