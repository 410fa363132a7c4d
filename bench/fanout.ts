/**
 * How many viewers of one 720p30 stream a core serves: encoded once, packetised once, and for each viewer numbers, pacing,
 * encryption and real feedback. The viewers live in another process on the same machine, over loopback.
 */
import { parseArgs } from 'node:util';
import { BUSY, DISTURBED, FanoutRun, type Window } from './fanout-run.ts';
import { FRAMERATE } from './fanout-viewer.ts';
import { atLeast, type Figure, info, report } from './report.ts';
import { loadSrtpBatch } from './tswebrtc.ts';

const BARS = { plain: 150, native: 400 };
const PACKETS_RATIO = 0.8;
const PACKET_LENGTH = 1200;
/** What a packet carries of a frame, about. */
const PAYLOAD_LENGTH = 1170;
/** Where the search for the largest number of viewers gives up, s of its own time. */
const LONGEST_SEARCH = 90;
/** Tries in a row that others disturbed before the search gives up. */
const MOST_INCONCLUSIVE = 3;

export async function fanout(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      viewers: { type: 'string', default: '100' },
      sender: { type: 'string', default: 'auto' },
      bitrate: { type: 'string', default: '2000000' },
      tick: { type: 'string', default: '0' },
      seconds: { type: 'string', default: '3' },
      windows: { type: 'string', default: '4' },
      'no-search': { type: 'boolean', default: false },
    },
  });
  const viewers = Number(values.viewers);
  const sender = values.sender === 'auto' ? await bestSender() : values.sender;
  const stream: Stream = { sender, bitrate: Number(values.bitrate), tick: Number(values.tick) };
  const isNative = sender !== 'plain';

  const run = new FanoutRun(viewers);
  let window: Window;
  let limits: Awaited<ReturnType<FanoutRun['limits']>>;
  try {
    await run.start(stream);
    window = await run.best(Number(values.windows), Number(values.seconds));
    limits = await run.limits(Math.max(1, Math.round(window.sender.perVisit)), PACKET_LENGTH);
  } finally {
    await run.close();
  }
  const { sender: sent, receivers } = window;
  const share = sent.cpu / sent.duration;
  const largest = values['no-search'] ? undefined : await search(stream, viewers, window.gaps ? undefined : share);

  const perCore = (count: number, part: number): number => Math.floor(count / part);
  const at = largest ?? { viewers: window.gaps ? 0 : viewers, share, limit: '' };
  const bar = isNative ? BARS.native : BARS.plain;
  const disturbed = blame(window);
  // Where others had the core, packets were late whatever the sender did; what each cost still holds.
  const viewersPerCore =
    at.viewers === 0 && isDisturbed(window)
      ? info(
          'fanout.viewers_per_core',
          Math.floor(sent.packets / sent.cpu / packetsPerSecond(stream.bitrate)),
          'viewers',
          `by CPU time alone, with ${viewers}: ${window.gaps ?? 'no gap'}${disturbed}`,
        )
      : atLeast('fanout.viewers_per_core', at.viewers > 0 ? perCore(at.viewers, at.share) : 0, 'viewers', bar);
  const µs = (seconds: number): number => 1e6 * seconds;
  const none = 'there is no C compiler to build the program that it is compared to';
  const figures: Figure[] = [
    viewersPerCore,
    limits && isNative
      ? atLeast('fanout.packets_ratio', limits.sendmmsg / limits.own, '', PACKETS_RATIO)
      : info(
          'fanout.packets_ratio',
          limits ? limits.sendmmsg / limits.own : Number.NaN,
          '',
          limits ? 'the bar is for the native sender' : none,
        ),
    info('fanout.largest_without_gap', at.viewers, 'viewers', largest ? largest.limit : 'not searched'),
    info('fanout.cpu_per_viewer', 100 * (share / viewers), '% of a core', `${viewers} viewers, sender ${sender}`),
    info('fanout.cpu_per_packet', µs(sent.cpu / sent.packets), 'µs', 'all of the sending process, feedback included'),
    info('fanout.packets_per_core', sent.packets / sent.cpu, 'packets/s', 'the same, the other way round'),
    info('fanout.jitter_p99_ms', window.jitterP99, 'ms', 'of a frame, at the viewers'),
    info('fanout.js_stall_p99_ms', sent.batchP99, 'ms', `a batch held the thread; longest ${sent.batchMax.toFixed(1)} ms`),
    info('fanout.loop_delay_p99_ms', sent.loopP99, 'ms', 'of the event loop, a timer of 1 ms included'),
    info('fanout.packets_per_visit', sent.perVisit, 'packets', `${(sent.batches / sent.duration).toFixed(0)} batches/s`),
    info('fanout.feedback_per_second', sent.feedback / sent.duration, 'packets/s', 'real transport-wide feedback, parsed'),
    info(
      'fanout.viewers_cpu',
      receivers.cpu,
      'cores',
      receivers.cpu > BUSY ? 'the viewers were a limit themselves' : 'the viewers were no limit',
    ),
    info('fanout.decrypted', receivers.decrypted, 'packets', `${receivers.undecryptable} of them not authentic`),
  ];
  if (limits) {
    const shape = `${limits.perVisit} packets of ${PACKET_LENGTH} bytes for a viewer at a time`;
    figures.push(
      info('limit.protect_and_send', µs(limits.own), 'µs/packet', `${sender}, ${shape}`),
      info('limit.sendmmsg', µs(limits.sendmmsg), 'µs/packet', 'unencrypted, the same'),
      info('limit.sendmmsg_gso', µs(limits.segmented), 'µs/packet', 'unencrypted, with segmentation offload'),
    );
  }
  if (window.gaps) console.log(`With ${viewers} viewers ${window.gaps}${disturbed}.`);
  report('fanout', figures);
}

/** Of one viewer's stream. */
function packetsPerSecond(bitrate: number): number {
  return FRAMERATE * Math.ceil(bitrate / 8 / FRAMERATE / PAYLOAD_LENGTH);
}

async function bestSender(): Promise<string> {
  try {
    const reason = (await loadSrtpBatch()).unavailableReason();
    if (!reason) return 'native';
    console.log(`By plain TypeScript: ${reason}.`);
  } catch {
    console.log('By plain TypeScript: @tswebrtc/srtp-batch is not installed.');
  }
  return 'plain';
}

/** Whether others took so much of the machine that gaps prove nothing. */
const isDisturbed = ({ sender }: Pick<Window, 'sender'>): boolean => sender.waited / sender.duration > DISTURBED;

/** What, beside the sender, may be why packets are missing. */
function blame({ sender, receivers }: Window): string {
  return [
    receivers.cpu > BUSY ? `; the viewers took ${receivers.cpu.toFixed(2)} of a core themselves` : '',
    isDisturbed({ sender })
      ? `; for ${((100 * sender.waited) / sender.duration).toFixed(0)} % of the time others had the core that the sender wanted`
      : '',
  ].join('');
}

type Stream = Parameters<FanoutRun['start']>[0];

interface Largest {
  readonly viewers: number;
  /** Part of a core that the sender took there. */
  readonly share: number;
  readonly limit: string;
}

/**
 * The largest number of viewers that miss nothing, found by larger and then by smaller steps from `from` on. `share`: what
 * `from` took of a core, where it is known to miss nothing.
 */
async function search(stream: Stream, from: number, share: number | undefined): Promise<Largest> {
  const deadline = performance.now() + LONGEST_SEARCH * 1000;
  let good = share === undefined ? { viewers: 0, share: 0 } : { viewers: from, share };
  let bad = Number.POSITIVE_INFINITY;
  let limit = 'no gap was found in the time for the search';
  let inconclusive = 0;
  while (performance.now() < deadline && bad - good.viewers > Math.max(4, good.viewers * 0.06)) {
    const viewers = Math.round(bad < Number.POSITIVE_INFINITY ? (good.viewers + bad) / 2 : good.viewers * 1.3 || from);
    const run = new FanoutRun(viewers);
    try {
      await run.start(stream);
      const window = await run.best(2, 2);
      const used = window.sender.cpu / window.sender.duration;
      console.log(`${viewers} viewers: ${window.gaps ?? 'no gap'}, ${used.toFixed(2)} of a core${blame(window)}`);
      if (!window.gaps) {
        good = { viewers, share: used };
        inconclusive = 0;
      } else if (isDisturbed(window)) {
        // It says nothing about the sender: again, but not for ever.
        limit = `with ${viewers}, ${window.gaps}${blame(window)}`;
        if (++inconclusive === MOST_INCONCLUSIVE) break;
      } else {
        bad = viewers;
        limit = `with ${viewers}, ${window.gaps}${blame(window)}`;
      }
    } finally {
      await run.close();
    }
  }
  return { ...good, limit };
}
