import { describe, expect, it } from 'vitest';
import { ProbeController } from './probe-controller.ts';

const rates = (controller: ProbeController): number[] => {
  const out: number[] = [];
  for (let probe = controller.take(); probe; probe = controller.take()) out.push(probe.bitrate);
  return out;
};

/** After the probes of the start have had their time. */
function settled(max = 5_000_000, estimate = 1_000_000): ProbeController {
  const controller = new ProbeController(max);
  controller.start(300_000, 1, 0);
  rates(controller);
  controller.process(2000);
  controller.setEstimate(estimate, 2000);
  rates(controller);
  return controller;
}

describe('ProbeController', () => {
  it('starts at three and six times, and goes on while results rise', () => {
    const controller = new ProbeController(20_000_000);
    controller.start(300_000, 1, 0);
    expect(rates(controller)).toEqual([900_000, 1_800_000]);
    controller.setEstimate(1_700_000, 200);
    expect(rates(controller)).toEqual([3_400_000]);
    controller.setEstimate(2_000_000, 400);
    expect(rates(controller)).toEqual([]);
  });

  it('goes on no more after a second without a result', () => {
    const controller = new ProbeController(20_000_000);
    controller.start(300_000, 1, 0);
    rates(controller);
    controller.process(1001);
    controller.setEstimate(1_700_000, 1100);
    expect(rates(controller)).toEqual([]);
  });

  it('sends a probe that a busy machine has spoilt again, but not for ever', () => {
    const controller = new ProbeController(20_000_000);
    controller.start(300_000, 1, 0);
    rates(controller);
    const again: number[] = [];
    controller.retry(100);
    for (let now = 110; now <= 3000; now += 10) {
      controller.process(now);
      const sent = rates(controller);
      if (sent.length === 0) continue;
      expect(sent).toEqual([900_000, 1_800_000]);
      again.push(now);
      controller.retry(now);
      controller.retry(now + 5);
    }
    expect(again).toEqual([350, 600, 850]);
  });

  it('stops at the bound, and goes to a new one when it is raised', () => {
    const controller = new ProbeController(700_000);
    controller.start(300_000, 1, 0);
    expect(rates(controller)).toEqual([700_000]);
    controller.setEstimate(690_000, 200);
    controller.process(2000);
    controller.setMax(3_000_000, 2000);
    expect(rates(controller)).toEqual([3_000_000]);
  });

  it('keeps an unused estimate fresh every five seconds, for no more than twice what can be used', () => {
    const controller = settled();
    controller.setAllocated(700_000, 3000);
    controller.setApplicationLimited(3000, 3000);
    expect(controller.process(4000)).toBe(8000);
    controller.process(8000);
    expect(rates(controller)).toEqual([1_400_000]);
  });

  it('probes a quiet path from time to time, never one at its bound', () => {
    const controller = settled();
    controller.setQuiet(true);
    controller.process(2100);
    const times: number[] = [];
    for (let now = 3000; now < 23_000; now += 100) {
      controller.process(now);
      if (rates(controller).length > 0) times.push(now);
    }
    expect(times.length).toBeGreaterThanOrEqual(4);
    expect(times.length).toBeLessThanOrEqual(7);
    const full = settled(1_000_000, 1_000_000);
    full.setQuiet(true);
    for (let now = 3000; now < 23_000; now += 100) full.process(now);
    expect(rates(full)).toEqual([]);
  });

  it('looks whether a large drop was one, but only where the rate had not been in use', () => {
    const controller = settled();
    controller.setEstimate(300_000, 5000);
    controller.recover(5500);
    expect(rates(controller)).toEqual([]);
    controller.setApplicationLimited(4000, 5600);
    controller.recover(5700);
    expect(rates(controller)).toEqual([850_000]);
    controller.recover(5800);
    expect(rates(controller)).toEqual([]);
  });

  it('does not probe while losses force the rate down', () => {
    const controller = settled();
    controller.setLossState('decreasing');
    controller.setApplicationLimited(3000, 3000);
    controller.process(20_000);
    expect(rates(controller)).toEqual([]);
  });

  it('never gives a cluster twice', () => {
    const controller = new ProbeController(20_000_000);
    controller.start(300_000, 1, 0);
    const ids = [controller.take()!.clusterId, controller.take()!.clusterId];
    expect(new Set(ids).size).toBe(2);
    expect(Math.min(...ids)).toBeGreaterThan(0);
  });
});
