/**
 * Conditions of RFC 8868 §4 that the cases of RFC 8867 leave out: loss without congestion, in bursts and independent,
 * reordering, lost feedback, queues short and long. One media flow of 150 to 1500 kbit/s on 1 Mbit/s for a minute.
 */
import type { ArrivalFeedback, CongestionControl } from '../types.ts';
import type { LinkOptions } from './link.testing.ts';
import { percentile } from './measures.testing.ts';
import type { MediaFlowOptions } from './media-flow.testing.ts';
import { Network } from './network.testing.ts';
import { Random } from './random.testing.ts';
import { atLeast, atMost, type CaseFigure, type CaseRun } from './rfc8867.testing.ts';

export interface Condition {
  readonly id: string;
  readonly title: string;
  /** Bars: part of the capacity that is used, queue in ms, and loss that the flow causes itself, %. */
  readonly utilisation: number;
  readonly queue: number;
  readonly selfInflictedLoss: number;
  readonly link?: Partial<LinkOptions>;
  readonly backward?: Partial<LinkOptions>;
  readonly media?: (random: Random) => Partial<MediaFlowOptions>;
}

const DURATION = 60_000;
const CAPACITY = 1_000_000;

export const CONDITIONS: readonly Condition[] = [
  { id: 'clean', title: 'nothing wrong', utilisation: 0.8, queue: 100, selfInflictedLoss: 0.5 },
  { id: 'loss-1', title: '1 % random loss', utilisation: 0.75, queue: 100, selfInflictedLoss: 0.5, link: { loss: 0.01 } },
  { id: 'loss-5', title: '5 % random loss', utilisation: 0.6, queue: 100, selfInflictedLoss: 0.5, link: { loss: 0.05 } },
  { id: 'loss-10', title: '10 % random loss', utilisation: 0.35, queue: 100, selfInflictedLoss: 0.5, link: { loss: 0.1 } },
  {
    id: 'bursts',
    title: '2 % loss in bursts of five packets',
    utilisation: 0.7,
    queue: 100,
    selfInflictedLoss: 0.5,
    link: { burstLoss: { enter: 0.004, leave: 0.2, loss: 1 } },
  },
  {
    id: 'reordering',
    title: '2 % of the packets overtaken',
    utilisation: 0.7,
    queue: 100,
    selfInflictedLoss: 0.5,
    link: { reorder: 0.02 },
  },
  {
    id: 'jitter',
    title: 'jitter of 10 ms standard deviation',
    utilisation: 0.65,
    queue: 120,
    selfInflictedLoss: 0.5,
    link: { jitter: 10 },
  },
  {
    id: 'feedback-loss',
    title: 'every third feedback message lost',
    utilisation: 0.6,
    queue: 120,
    selfInflictedLoss: 1,
    media: (random) => ({ loseFeedback: () => random.next() < 1 / 3 }),
  },
  {
    id: 'short-queue',
    // Two packets: frames of several overflow it at any rate.
    title: 'queue of 20 ms',
    utilisation: 0.35,
    queue: 30,
    selfInflictedLoss: 15,
    link: { queueTime: 20 },
  },
  {
    id: 'long-queue',
    title: 'queue of 1000 ms',
    utilisation: 0.8,
    queue: 120,
    selfInflictedLoss: 0.1,
    link: { queueTime: 1000 },
  },
];

export function runCondition(condition: Condition, seed: number, control?: (now: number) => CongestionControl): CaseRun {
  const capacity = [{ from: 0, capacity: CAPACITY }];
  const network = new Network(seed, { capacity, ...condition.link }, condition.backward);
  let overflow = 0;
  network.forward.onOverflow = () => overflow++;
  const flow = network.addMedia({ ...condition.media?.(new Random(seed + 99)), ...(control ? { control } : {}) });
  network.run(DURATION);
  const delays = network.delays.map((one) => one.delay);
  const figures: CaseFigure[] = [
    atLeast('utilisation', flow.received.bitrate(0, DURATION) / CAPACITY, '', condition.utilisation),
    atMost('p95 queue', percentile(delays, 0.95), 'ms', condition.queue),
    atMost('loss by overflow', (100 * overflow) / flow.packets, '%', condition.selfInflictedLoss),
  ];
  return { figures, network, duration: DURATION, capacity };
}

/** Feedback that no receiver sends: for tests that nothing breaks. */
export function nonsense(random: Random): ArrivalFeedback {
  const arrivals = new Int32Array(Math.floor(random.uniform(0, 40)));
  for (let i = 0; i < arrivals.length; i++) arrivals[i] = random.uniform(-0x80000000, 0x7fffffff);
  return {
    baseSequence: Math.floor(random.uniform(0, 65_536)),
    arrivals,
    referenceTime: Math.floor(random.uniform(0, 0xffffff)),
  };
}
