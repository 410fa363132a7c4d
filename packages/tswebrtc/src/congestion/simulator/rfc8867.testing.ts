/**
 * The test cases of RFC 8867 §5.1 to §5.8 and what is asked of them. Each is run with a seed and gives figures with bars;
 * the network it ran on is kept for plots.
 */
import type { CongestionControl } from '../types.ts';
import type { CapacityStep } from './link.testing.ts';
import { changes, jain, percentile, timeToReach, total, utilisation } from './measures.testing.ts';
import { MAX_BITRATE, type MediaFlow } from './media-flow.testing.ts';
import { Network, PROPAGATION } from './network.testing.ts';

export interface CaseFigure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Undefined: information only. */
  readonly bar?: { readonly atMost?: number; readonly atLeast?: number };
}

export interface CaseRun {
  readonly figures: readonly CaseFigure[];
  readonly network: Network;
  /** ms. */
  readonly duration: number;
  /** Of the forward direction. */
  readonly capacity: readonly CapacityStep[];
}

export interface Case {
  /** Section of RFC 8867, with a suffix for a variant: `5.6-cubic`. */
  readonly id: string;
  readonly title: string;
  run(seed: number, control?: (now: number) => CongestionControl): CaseRun;
}

const MBIT = 1_000_000;

const steps = (...pairs: readonly (readonly [seconds: number, mbit: number])[]): CapacityStep[] =>
  pairs.map(([seconds, mbit]) => ({ from: seconds * 1000, capacity: mbit * MBIT }));

export const atMost = (name: string, value: number, unit: string, bar: number): CaseFigure => ({
  name,
  value,
  unit,
  bar: { atMost: bar },
});
export const atLeast = (name: string, value: number, unit: string, bar: number): CaseFigure => ({
  name,
  value,
  unit,
  bar: { atLeast: bar },
});

export function met({ value, bar }: CaseFigure): boolean {
  return (bar?.atMost === undefined || value <= bar.atMost) && (bar?.atLeast === undefined || value >= bar.atLeast);
}

/** The bars of variable capacity (§5.1 to §5.3). */
function adaptation(
  flows: readonly MediaFlow[],
  capacity: readonly CapacityStep[],
  delays: readonly { readonly delay: number }[],
  duration: number,
): CaseFigure[] {
  const sent = flows.map((flow) => flow.sent);
  const received = flows.map((flow) => flow.received);
  let afterDrop = 0;
  let rise = 0;
  for (const change of changes(capacity, flows.length, MAX_BITRATE)) {
    if (change.after < change.before) {
      afterDrop = Math.max(afterDrop, total(sent, change.time + 1500, change.time + 2500) / change.after);
    } else if (change.after > change.before) {
      rise = Math.max(rise, timeToReach(received, 0.8 * change.after, change.time, Math.min(duration, change.end)));
    }
  }
  const packets = flows.reduce((sum, flow) => sum + flow.packets, 0);
  const losses = flows.reduce((sum, flow) => sum + flow.losses, 0);
  return [
    atMost('rate 1.5 s after a drop', afterDrop, '× bound', 1.1),
    atMost('time to 0.8 × bound after a rise', rise / 1000, 's', 10),
    atLeast('utilisation', utilisation(received, capacity, flows.length, MAX_BITRATE, duration), '', 0.8),
    atMost(
      'p95 queue',
      percentile(
        delays.map((one) => one.delay),
        0.95,
      ),
      'ms',
      100,
    ),
    atMost('loss', (100 * losses) / packets, '%', 1),
  ];
}

function queueAndLoss(network: Network): CaseFigure[] {
  const packets = network.media.reduce((sum, flow) => sum + flow.packets, 0);
  const losses = network.media.reduce((sum, flow) => sum + flow.losses, 0);
  const delays = network.delays.map((one) => one.delay);
  return [
    { name: 'p95 queue', value: percentile(delays, 0.95), unit: 'ms' },
    { name: 'loss', value: (100 * losses) / packets, unit: '%' },
  ];
}

const meanRates = (flows: readonly MediaFlow[], from: number, to: number): number[] =>
  flows.map((flow) => flow.received.bitrate(from, to));

const using = (control: ((now: number) => CongestionControl) | undefined): { control?: (now: number) => CongestionControl } =>
  control ? { control } : {};

function variableCapacity(id: string, title: string, flows: number, capacity: readonly CapacityStep[], duration: number): Case {
  return {
    id,
    title,
    run(seed, control) {
      const network = new Network(seed, { capacity });
      for (let i = 0; i < flows; i++) network.addMedia({ name: `media ${i + 1}`, ...using(control) });
      network.run(duration);
      const figures = adaptation(network.media, capacity, network.delays, duration);
      if (flows > 1) {
        figures.push({ name: 'Jain', value: jain(meanRates(network.media, 10_000, duration)), unit: '' });
      }
      return { figures, network, duration, capacity };
    },
  };
}

/** RFC 8867 §5.3: feedback of one direction shares the queue with media of the other. */
const bidirectional: Case = {
  id: '5.3',
  title: 'Congested feedback link with bi-directional media flows',
  run(seed, control) {
    const duration = 100_000;
    const forward = steps([0, 2], [20, 1], [40, 0.5], [60, 2]);
    const backward = steps([0, 2], [35, 0.8], [70, 2]);
    const network = new Network(seed, { capacity: forward }, { capacity: backward });
    const one = network.addMedia({ name: 'forward', ...using(control) });
    const other = network.addMedia({
      name: 'backward',
      forward: network.backward,
      backward: network.forward,
      ...using(control),
    });
    const backwardDelays: { time: number; delay: number }[] = [];
    network.backward.onDequeue = (packet, time) => backwardDelays.push({ time, delay: packet.queued });
    network.run(duration);
    const figures = [
      ...adaptation([one], forward, network.delays, duration).map((figure) => ({ ...figure, name: `forward ${figure.name}` })),
      ...adaptation([other], backward, backwardDelays, duration).map((figure) => ({
        ...figure,
        name: `backward ${figure.name}`,
      })),
    ];
    return { figures, network, duration, capacity: forward };
  },
};

const selfFairness: Case = {
  id: '5.4',
  title: 'Competing media flows with the same congestion control',
  run(seed, control) {
    const duration = 120_000;
    const capacity = steps([0, 3.5]);
    const network = new Network(seed, { capacity });
    for (let i = 0; i < 3; i++) network.addMedia({ name: `media ${i + 1}`, start: i * 20_000, ...using(control) });
    network.run(duration);
    const figures: CaseFigure[] = [
      atLeast('Jain', jain(meanRates(network.media, 60_000, duration)), '', 0.9),
      {
        name: 'utilisation',
        value: meanRates(network.media, 60_000, duration).reduce((a, b) => a + b, 0) / (3.5 * MBIT),
        unit: '',
      },
      ...queueAndLoss(network),
    ];
    return { figures, network, duration, capacity };
  },
};

const rttFairness: Case = {
  id: '5.5',
  title: 'Round-trip time fairness',
  run(seed, control) {
    const duration = 300_000;
    const capacity = steps([0, 4]);
    const network = new Network(seed, { capacity });
    for (const [i, propagation] of [10, 25, 50, 100, 150].entries()) {
      network.addMedia({ name: `${propagation} ms`, start: i * 10_000, propagation, ...using(control) });
    }
    network.run(duration);
    const figures: CaseFigure[] = [
      atLeast('Jain', jain(meanRates(network.media, 60_000, duration)), '', 0.9),
      {
        name: 'utilisation',
        value: meanRates(network.media, 60_000, duration).reduce((a, b) => a + b, 0) / (4 * MBIT),
        unit: '',
      },
      ...queueAndLoss(network),
    ];
    return { figures, network, duration, capacity };
  },
};

function longTcp(algorithm: 'reno' | 'cubic'): Case {
  return {
    id: `5.6-${algorithm}`,
    title: `Media flow competing with a long TCP flow (${algorithm === 'reno' ? 'NewReno' : 'CUBIC'})`,
    run(seed, control) {
      const duration = 120_000;
      const capacity = steps([0, 2]);
      const network = new Network(seed, { capacity });
      network.addTcp({ algorithm, start: 0 });
      const flow = network.addMedia({ start: 5000, ...using(control) });
      network.run(duration);
      const media = flow.received.bitrate(5000, duration);
      const tcp = network.tcp[0]!.received.bitrate(5000, duration);
      const figures: CaseFigure[] = [
        atLeast('share of the link', (100 * media) / (2 * MBIT), '%', 20),
        { name: 'TCP share', value: (100 * tcp) / (2 * MBIT), unit: '%' },
        ...queueAndLoss(network),
      ];
      return { figures, network, duration, capacity };
    },
  };
}

/** RFC 8867 §5.7: ten connections that fetch files of 100 kB to 1 MB, two from the start, with pauses of 10 s in the mean. */
const shortTcp: Case = {
  id: '5.7',
  title: 'Media flows competing with short TCP flows',
  run(seed, control) {
    const duration = 300_000;
    const capacity = steps([0, 2]);
    const network = new Network(seed, { capacity });
    const { random, clock } = network;
    const fetch = (start: number): void => {
      if (start >= duration) return;
      const segments = Math.ceil(random.uniform(100_000, 1_000_000) / 1448);
      network.addTcp({ algorithm: 'cubic', start, segments, done: (now) => fetch(now + random.exponential(10_000)) });
    };
    for (let i = 0; i < 10; i++) clock.at(0, () => fetch(i < 2 ? 0 : random.exponential(10_000)));
    for (let i = 0; i < 2; i++) network.addMedia({ name: `media ${i + 1}`, start: 5000, ...using(control) });
    network.run(duration);
    const media = meanRates(network.media, 5000, duration).reduce((a, b) => a + b, 0);
    const tcp = network.tcp.reduce((sum, flow) => sum + flow.received.bitrate(5000, duration), 0);
    // What an equal split among all flows present at each moment would have given the two.
    const fair = fairShare(network, 2 * MBIT, 5000, duration);
    const figures: CaseFigure[] = [
      atLeast('share of an equal split', (100 * media) / fair, '%', 50),
      { name: 'share of the link', value: (100 * media) / (2 * MBIT), unit: '%' },
      { name: 'TCP share', value: (100 * tcp) / (2 * MBIT), unit: '%' },
      { name: 'Jain of the media', value: jain(meanRates(network.media, 5000, duration)), unit: '' },
      ...queueAndLoss(network),
    ];
    return { figures, network, duration, capacity };
  },
};

function fairShare(network: Network, capacity: number, from: number, to: number): number {
  let sum = 0;
  let count = 0;
  for (let time = from; time < to; time += 1000) {
    const active = network.tcp.filter((flow) => flow.received.sum(time, time + 1000) > 0).length;
    const media = network.media.length;
    sum += Math.min((capacity * media) / (media + active), media * MAX_BITRATE);
    count++;
  }
  return sum / count;
}

const pauseResume: Case = {
  id: '5.8',
  title: 'Media pause and resume',
  run(seed, control) {
    const duration = 120_000;
    const capacity = steps([0, 3.5]);
    const network = new Network(seed, { capacity });
    for (let i = 0; i < 3; i++) {
      network.addMedia({
        name: `media ${i + 1}`,
        propagation: PROPAGATION,
        ...(i === 1 ? { pause: { from: 40_000, to: 60_000 } } : {}),
        ...using(control),
      });
    }
    network.run(duration);
    const paused = network.media[1]!;
    const before = Math.min(paused.received.bitrate(30_000, 40_000), (3.5 * MBIT) / 3);
    const back = timeToReach([paused.received], 0.8 * before, 60_000, duration);
    const figures: CaseFigure[] = [
      atMost('time to 80 % after the resume', back / 1000, 's', 3),
      { name: 'rate 3 to 10 s after the resume', value: paused.received.bitrate(63_000, 70_000) / before, unit: '× before' },
      { name: 'Jain after the resume', value: jain(meanRates(network.media, 70_000, duration)), unit: '' },
      ...queueAndLoss(network),
    ];
    return { figures, network, duration, capacity };
  },
};

export const CASES: readonly Case[] = [
  variableCapacity(
    '5.1',
    'Variable available capacity with a single flow',
    1,
    steps([0, 1], [40, 2.5], [60, 0.6], [80, 1]),
    100_000,
  ),
  variableCapacity(
    '5.2',
    'Variable available capacity with multiple flows',
    2,
    steps([0, 2], [25, 1], [50, 1.75], [75, 0.5], [100, 1]),
    125_000,
  ),
  bidirectional,
  selfFairness,
  rttFairness,
  longTcp('reno'),
  longTcp('cubic'),
  shortTcp,
  pauseResume,
];
