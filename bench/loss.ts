/**
 * A real link that loses packets at random: what the viewer in Chromium sees of it with retransmission, forward error
 * correction, both and neither, and for comparison with Chromium as the sender.
 */
import { parseArgs } from 'node:util';
import { FREEZE, type Freezes, freezes, type Received, received } from './network/measure.ts';
import { playFromChromium, playFromSink, type Stream } from './network/streams.ts';
import { printTable } from './network/table.ts';
import { delayMissing, requireNetwork, type Surroundings, sleep, withLab } from './network/with-lab.ts';
import { type Figure, info, report } from './report.ts';

/** bit/s, of the link: no limit to what is sent */
const RATE = 10_000_000;
/** bit/s; so that the picture and what repairs it fit well */
const MAX_BITRATE = 2_000_000;
/** s with loss before the measurement, in which senders adapt to it */
const SETTLE = 4;
/** s for browsers and producers to start, during which the picture already runs */
const SLACK = 30;

const REPAIRS = [
  { name: 'neither', flags: ['--no-do-retransmission', '--no-do-fec'] },
  { name: 'RTX', flags: ['--do-retransmission', '--no-do-fec'] },
  { name: 'FEC', flags: ['--no-do-retransmission', '--do-fec'] },
  { name: 'both', flags: ['--do-retransmission', '--do-fec'] },
];

interface Result {
  /** % */
  readonly loss: number;
  /** ms, each way */
  readonly delay: number;
  readonly repair: string;
  readonly outcome: { readonly frozen: Freezes; readonly received: Received } | { readonly failure: string };
}

export async function loss(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      loss: { type: 'string', default: '2,10' },
      delay: { type: 'string', default: '0,50' },
      codec: { type: 'string', default: 'VP8' },
      'congestion-control': { type: 'string', default: 'gcc' },
      seconds: { type: 'string', default: '15' },
      'no-baseline': { type: 'boolean', default: false },
    },
  });
  requireNetwork('loss');
  const numbers = (text: string): number[] => text.split(',').map(Number);
  const duration = Number(values.seconds);
  const results: Result[] = [];
  for (const delay of numbers(values.delay)) {
    const missing = delay > 0 ? delayMissing() : undefined;
    if (missing !== undefined) {
      console.log(`A delay of ${delay} ms is left out: ${missing}.`);
      continue;
    }
    const run = async (around: Surroundings): Promise<void> => {
      around.lab.setRate(RATE);
      const options = { ...around, codec: values.codec };
      const common = ['--max-bitrate', String(MAX_BITRATE), '--congestion-control', values['congestion-control']];
      const ways: [name: string, play: () => Promise<Stream>][] = REPAIRS.map(({ name, flags }) => [
        name,
        () => playFromSink({ ...options, flags: [...common, ...flags] }),
      ]);
      if (!values['no-baseline']) ways.push(['Chromium', () => playFromChromium({ ...options, maxBitrate: MAX_BITRATE })]);
      for (const part of numbers(values.loss)) {
        for (const [repair, play] of ways) {
          console.log(`${part} % loss, ${delay} ms each way, ${repair} …`);
          results.push({ loss: part, delay, repair, outcome: await lose(around, part / 100, duration, play) });
        }
      }
    };
    await withLab(SLACK + SETTLE + duration, run, delay);
  }
  print(results);
  report('loss', results.flatMap(figures));
}

async function lose(
  { lab }: Surroundings,
  part: number,
  duration: number,
  play: () => Promise<Stream>,
): Promise<Result['outcome']> {
  // Not while the connection is set up: that is not what is measured.
  lab.setLoss(0);
  let stream: Stream | undefined;
  try {
    stream = await play();
    lab.setLoss(part);
    await sleep(SETTLE * 1000);
    const from = Date.now();
    await sleep(duration * 1000);
    const to = Date.now();
    const seen = await stream.seen();
    return { frozen: freezes(seen, from, to), received: received(seen, from, to) };
  } catch (error) {
    return { failure: error instanceof Error ? error.message.split('\n')[0]! : String(error) };
  } finally {
    await stream?.close();
  }
}

function print(results: readonly Result[]): void {
  console.log(
    `\nThe link: ${RATE / 1e6} Mbit/s, tbf; datagrams to the viewer are lost at random. Frozen: gaps over ${FREEZE.toFixed(0)} ms`,
  );
  console.log('between presented frames, in full. RTX, FEC: what the producer may repair with; Chromium uses what it wants.');
  console.log('It does not tell how many packets forward error correction brought back: what is lost includes those.\n');
  const title =
    'loss|each way|repair|freezes|frozen ms|longest gap ms|frames/s|kbit/s|lost|resent|NACKs|PLIs|keyframes|RTT ms'.split('|');
  printTable([
    title,
    ...results.map(({ loss, delay, repair, outcome }) => [
      `${loss} %`,
      `${delay} ms`,
      repair,
      ...('failure' in outcome ? [outcome.failure] : cells(outcome.frozen, outcome.received)),
    ]),
  ]);
}

function cells({ count, total, longest }: Freezes, got: Received): string[] {
  const { framerate, bitrate, lost, retransmissions, nacks, plis, keyframes, roundTripTime } = got;
  const whole = [bitrate / 1000, lost, retransmissions, nacks, plis, keyframes, 1000 * roundTripTime].map((value) =>
    value.toFixed(0),
  );
  return [count.toFixed(0), total.toFixed(0), longest.toFixed(0), framerate.toFixed(1), ...whole];
}

function figures({ loss, delay, repair, outcome }: Result): Figure[] {
  const name = `${repair.toLowerCase()}.loss_${loss}.delay_${delay}`;
  if ('failure' in outcome) return [{ name, value: 0, unit: '', ok: null, reason: `did not run: ${outcome.failure}` }];
  const { frozen, received: got } = outcome;
  return [
    info(`${name}.freezes`, frozen.count, '', `longest gap ${frozen.longest.toFixed(0)} ms`),
    info(`${name}.frozen_ms`, frozen.total, 'ms', 'in all'),
    info(`${name}.framerate`, got.framerate, 'fps', 'decoded'),
  ];
}
