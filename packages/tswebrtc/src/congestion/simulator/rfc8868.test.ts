import { describe, expect, it } from 'vitest';
import { CongestionController } from '../congestion-controller.ts';
import { DisabledController } from '../disabled.ts';
import { HomegrownController } from '../homegrown.ts';
import { percentile } from './measures.testing.ts';
import { MAX_BITRATE, MIN_BITRATE } from './media-flow.testing.ts';
import { Network } from './network.testing.ts';
import { Random } from './random.testing.ts';
import { met } from './rfc8867.testing.ts';
import { CONDITIONS, nonsense, runCondition } from './rfc8868.testing.ts';

const steps = (...pairs: readonly (readonly [number, number])[]) =>
  pairs.map(([seconds, kbit]) => ({ from: seconds * 1000, capacity: kbit * 1000 }));

describe.each(CONDITIONS)('RFC 8868 $id: $title', (condition) => {
  it.each([1, 2, 3])('uses the path without filling it (seed %i)', (seed) => {
    for (const figure of runCondition(condition, seed).figures) {
      expect(met(figure), `${figure.name}: ${figure.value} ${figure.unit}`).toBe(true);
    }
  });
});

describe('an application that gives less than it may', () => {
  it('keeps the estimate and is back at once', () => {
    const back: number[] = [];
    for (let seed = 1; seed <= 10; seed++) {
      const network = new Network(seed, { capacity: steps([0, 2500]) });
      const flow = network.addMedia({
        maxBitrate: 2_000_000,
        sourceBitrate: (now) => (now > 20_000 && now < 40_000 ? 200_000 : 2_000_000),
      });
      network.run(45_000);
      expect(flow.sent.bitrate(15_000, 20_000)).toBeGreaterThan(1_700_000);
      expect(flow.sent.bitrate(30_000, 40_000)).toBeLessThan(350_000);
      back.push(flow.received.bitrate(41_000, 43_000));
    }
    expect(percentile(back, 50)).toBeGreaterThan(1_700_000);
    // An overuse as it comes back does not cost all that was known.
    expect(Math.min(...back)).toBeGreaterThan(600_000);
  });

  it('learns of a fall in the meantime before it fills the path', () => {
    const network = new Network(2, { capacity: steps([0, 2500], [25, 600]) });
    const flow = network.addMedia({
      maxBitrate: 2_000_000,
      sourceBitrate: (now) => (now > 20_000 && now < 40_000 ? 200_000 : 2_000_000),
    });
    network.run(60_000);
    expect(flow.targets.find((one) => one.time >= 39_900)!.bitrate).toBeLessThan(1_000_000);
    expect(flow.sent.bitrate(41_500, 60_000)).toBeLessThan(1.1 * 600_000);
  });
});

describe('a path that goes silent', () => {
  it('makes it slow down without a word, and come back', () => {
    const network = new Network(3, { capacity: steps([0, 2500]) });
    const flow = network.addMedia({ loseFeedback: (now) => now > 20_000 && now < 30_000 });
    network.run(60_000);
    expect(flow.sent.bitrate(15_000, 20_000)).toBeGreaterThan(1_200_000);
    expect(flow.sent.bitrate(28_000, 30_000)).toBeLessThan(600_000);
    expect(flow.sent.bitrate(45_000, 60_000)).toBeGreaterThan(1_200_000);
  });
});

describe('any controller', () => {
  const controllers = {
    gcc: () => new CongestionController({ startBitrate: 300_000, minBitrate: MIN_BITRATE, maxBitrate: MAX_BITRATE, now: 0 }),
    homegrown: () => new HomegrownController({ startBitrate: 300_000, minBitrate: MIN_BITRATE, maxBitrate: MAX_BITRATE, now: 0 }),
    disabled: () => new DisabledController({ maxBitrate: MAX_BITRATE }),
  };

  it.each(Object.entries(controllers))('%s survives nonsense and stays within its bounds', (_name, make) => {
    const random = new Random(5);
    const control = make();
    for (let now = 0; now < 20_000; now += 5) {
      control.packetSent(Math.floor(random.uniform(0, 65_536)), random.uniform(1, 1500), now, Math.floor(random.uniform(0, 3)));
      control.feedback(nonsense(random), now);
      if (random.next() < 0.1) control.roundTripTime(random.uniform(-10, 5000), now);
      if (random.next() < 0.01) control.remb(random.uniform(-1, 1e6), now);
      if (random.next() < 0.1) control.lossReport(random.uniform(-0.5, 1.5), random.uniform(-3, 300), now);
      control.takeProbe(now);
      control.process(now);
      const { bitrate, pacingRate, stableBitrate } = control.target;
      expect(bitrate).toBeGreaterThanOrEqual(MIN_BITRATE);
      expect(bitrate).toBeLessThanOrEqual(MAX_BITRATE);
      expect(pacingRate).toBeGreaterThanOrEqual(bitrate);
      expect(stableBitrate).toBeLessThanOrEqual(bitrate);
    }
  });

  it('homegrown follows the capacity down and up', () => {
    const network = new Network(1, { capacity: steps([0, 2500], [30, 500], [60, 2500]) });
    const flow = network.addMedia({ control: controllers.homegrown });
    network.run(100_000);
    expect(flow.received.bitrate(20_000, 30_000)).toBeGreaterThan(1_000_000);
    expect(flow.sent.bitrate(35_000, 60_000)).toBeLessThan(600_000);
    expect(flow.received.bitrate(35_000, 60_000)).toBeGreaterThan(180_000);
    expect(flow.received.bitrate(90_000, 100_000)).toBeGreaterThan(1_000_000);
  });

  it('disabled keeps the maximum, whatever it costs', () => {
    const network = new Network(1, { capacity: steps([0, 500]) });
    const flow = network.addMedia({ control: controllers.disabled });
    network.run(20_000);
    expect(flow.sent.bitrate(5000, 20_000)).toBeGreaterThan(0.9 * MAX_BITRATE);
    const delays = network.delays.filter((one) => one.time > 5000).map((one) => one.delay);
    expect(percentile(delays, 0.1)).toBeGreaterThan(200);
  });
});
