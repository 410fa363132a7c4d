import { describe, expect, it } from 'vitest';
import { Clock } from './clock.testing.ts';
import { type FlowEnd, Link, type LinkOptions, type Packet } from './link.testing.ts';
import { jain } from './measures.testing.ts';
import { Network } from './network.testing.ts';
import { Random } from './random.testing.ts';

/** Sends packets of 1000 bytes `interval` ms apart over 1 Mbit/s; returns [number, delay] of those that arrive, in order. */
function cross(options: Partial<LinkOptions>, count: number, interval: number): [number, number][] {
  const clock = new Clock();
  const out: [number, number][] = [];
  const capacity = [{ from: 0, capacity: 1_000_000 }];
  const link = new Link(clock, new Random(1), { capacity, queueTime: 300, ...options });
  const flow: FlowEnd = {
    propagation: 50,
    jitter: true,
    arrived: (packet: Packet, now) => out.push([packet.number, now - packet.sent]),
  };
  for (let i = 0; i < count; i++) {
    clock.at(i * interval, () => link.send({ size: 1000, flow, sent: clock.now, number: i, queued: 0 }));
  }
  clock.run(count * interval + 10_000);
  return out;
}

describe('the simulated link', () => {
  it('delays by serialisation, queue and propagation', () => {
    expect(cross({}, 3, 4)).toEqual([
      [0, 58],
      [1, 62],
      [2, 66],
    ]);
  });

  it('drops at the tail what finds the queue full', () => {
    const out = cross({}, 1000, 4);
    expect(out.length).toBeGreaterThan(500);
    expect(out.length).toBeLessThan(550);
    expect(Math.max(...out.map(([, delay]) => delay))).toBeLessThanOrEqual(358);
  });

  it('loses what it is told to, evenly or in bursts', () => {
    expect(cross({ loss: 0.1 }, 10_000, 10).length / 10_000).toBeCloseTo(0.9, 1);
    const out = cross({ burstLoss: { enter: 0.01, leave: 0.2, loss: 1 } }, 20_000, 10);
    const share = 1 - out.length / 20_000;
    expect(share).toBeGreaterThan(0.035);
    expect(share).toBeLessThan(0.06);
    const bursts = out.filter(([number], i) => i > 0 && number - out[i - 1]![0] > 1).length;
    expect((share * 20_000) / bursts).toBeGreaterThan(3);
  });

  it('keeps order under jitter, and breaks it only when told to', () => {
    const order = (packets: [number, number][]) => packets.every(([number], i) => i === 0 || number > packets[i - 1]![0]);
    const shaken = cross({ jitter: 5 }, 1000, 9);
    expect(order(shaken)).toBe(true);
    expect(new Set(shaken.map(([, delay]) => Math.round(delay))).size).toBeGreaterThan(10);
    expect(order(cross({ reorder: 0.1 }, 1000, 9))).toBe(false);
  });
});

describe('the simulated TCP', () => {
  const capacity = [{ from: 0, capacity: 2_000_000 }];

  it.each(['reno', 'cubic'] as const)('%s fills a link and shares it with its like', (algorithm) => {
    const network = new Network(1, { capacity });
    network.addTcp({ algorithm });
    network.addTcp({ algorithm, start: 5000 });
    network.run(120_000);
    const rates = network.tcp.map((flow) => flow.received.bitrate(30_000, 120_000));
    expect(rates[0]! + rates[1]!).toBeGreaterThan(1_900_000);
    expect(rates[0]! + rates[1]!).toBeLessThan(2_020_000);
    expect(jain(rates)).toBeGreaterThan(0.8);
  });

  it('brings a file over a link that loses a tenth', () => {
    const network = new Network(1, { capacity, loss: 0.1 });
    let done = 0;
    network.addTcp({ segments: 200, done: (now) => (done = now) });
    network.run(120_000);
    expect(done).toBeGreaterThan(1200);
    expect(done).toBeLessThan(60_000);
  });
});
