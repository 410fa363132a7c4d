import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../congestion/simulator/random.testing.ts';
import { RungLadder } from './rung-ladder.ts';
import { RungPlanner, UP_DELAY } from './rung-planner.ts';

const LIMITS = { min: 100_000, max: 8_000_000 };
const ladder = new RungLadder(LIMITS.min, LIMITS.max);
const planner = (maxEncodings = 4): RungPlanner<string> => new RungPlanner(ladder, LIMITS, { most: maxEncodings });
/** Bitrates and members of a plan, highest first. */
const shape = (plan: ReturnType<RungPlanner<string>['plan']>) =>
  plan.map(({ bitrate, members }) => [bitrate, [...members].sort()]);

describe('RungLadder', () => {
  it('goes down from the maximum by a factor of 1.5, no further than the minimum', () => {
    const { rungs } = ladder;
    expect(rungs.at(-1)).toBe(LIMITS.max);
    for (let i = 1; i < rungs.length; i++) expect(rungs[i]! / rungs[i - 1]!).toBeCloseTo(1.5, 2);
    expect(rungs[0]).toBeGreaterThanOrEqual(LIMITS.min);
    expect(rungs[0]! / 1.5).toBeLessThan(LIMITS.min);
  });

  it('finds the highest rung that a bitrate pays for', () => {
    const { rungs } = ladder;
    expect(ladder.highestWithin(rungs[3]!)).toBe(3);
    expect(ladder.highestWithin(rungs[3]! * 0.995)).toBe(3);
    expect(ladder.highestWithin(rungs[3]! * 0.98)).toBe(2);
    expect(ladder.highestWithin(1)).toBe(0);
  });
});

describe('RungPlanner', () => {
  it('lets who is alone steer exactly, within the limits', () => {
    const plans = planner();
    plans.setTarget('a', 1_234_567, 0);
    expect(shape(plans.plan(0))).toEqual([[1_234_567, ['a']]]);
    plans.setTarget('a', 50_000_000, 10_000);
    expect(shape(plans.plan(10_000))).toEqual([[LIMITS.max, ['a']]]);
    plans.setTarget('a', 10, 10_100);
    expect(shape(plans.plan(10_100))).toEqual([[LIMITS.min, ['a']]]);
  });

  it('keeps those who share on their rung whatever their estimates do above it', () => {
    const plans = planner();
    const random = new Random(7);
    const rung = ladder.rungs.at(-3)!;
    const seen = new Set<string>();
    for (let now = 0; now < 60_000; now += 100) {
      for (const id of ['a', 'b']) plans.setTarget(id, rung * random.uniform(1, 1.45), now);
      seen.add(JSON.stringify(shape(plans.plan(now))));
    }
    expect([...seen]).toEqual([JSON.stringify([[rung, ['a', 'b']]])]);
  });

  it('goes down at once, and up only when it could all the while', () => {
    const plans = planner();
    const [low, , high] = ladder.rungs.slice(-3) as [number, number, number];
    for (const id of ['a', 'b', 'c']) plans.setTarget(id, high, 0);
    plans.setTarget('c', low, 10_000);
    plans.setTarget('b', low, 10_000);
    expect(shape(plans.plan(10_000))).toEqual([
      [high, ['a']],
      [low, ['b', 'c']],
    ]);
    plans.setTarget('b', high, 11_000);
    plans.plan(11_000 + UP_DELAY - 1);
    // A moment below the higher rung begins the wait anew.
    plans.setTarget('b', low, 11_000 + UP_DELAY - 1);
    plans.setTarget('b', high, 11_000 + UP_DELAY);
    expect(plans.plan(11_000 + UP_DELAY + 1)[0]!.members).toEqual(['a']);
    expect([...plans.plan(11_000 + 2 * UP_DELAY)[0]!.members].sort()).toEqual(['a', 'b']);
  });

  it('merges those downwards who lose the least when no more encodings may run', () => {
    const plans = planner(2);
    const [low, middle, high] = ladder.rungs.slice(-3) as [number, number, number];
    for (const id of ['h1', 'h2', 'h3']) plans.setTarget(id, high, 0);
    plans.setTarget('m', middle, 0);
    for (const id of ['l1', 'l2']) plans.setTarget(id, low, 0);
    const plan = plans.plan(0);
    expect(shape(plan)).toEqual([
      [high, ['h1', 'h2', 'h3']],
      [low, ['l1', 'l2', 'm']],
    ]);
    expect([...plan[1]!.merged]).toEqual(['m']);
  });

  it('lets a newcomer climb past the rungs that it could afford only for a moment, without waiting anew at each', () => {
    const plans = planner();
    const { rungs } = ladder;
    const rung = (now: number) => rungs.indexOf(plans.plan(now).find(({ members }) => members.includes('new'))!.bitrate);
    for (const id of ['a', 'b']) plans.setTarget(id, LIMITS.max, -60_000);
    // Its estimate doubles every 300 ms: each rung is its own half a second after it could pay for it.
    for (let now = 0; now <= 3000; now += 50) plans.setTarget('new', Math.min(LIMITS.max, 300_000 * 2 ** (now / 300)), now);
    const affordableAt = Math.log2(LIMITS.max / 300_000) * 300;
    expect(rung(affordableAt + 600)).toBe(rungs.length - 1);
  });

  it('sends back up together, and at once, those whose estimates were high all the while', () => {
    const plans = planner(2);
    const [low, middle, high] = ladder.rungs.slice(-3) as [number, number, number];
    for (const id of ['h1', 'h2']) plans.setTarget(id, high, 0);
    for (const id of ['l1', 'l2']) plans.setTarget(id, low, 0);
    plans.setTarget('m', middle, 0);
    expect([...plans.plan(10_000)[1]!.merged]).toEqual(['m']);
    // It could pay for more while it was merged: nothing of that time is waited for again.
    for (const now of [11_000, 15_000]) plans.setTarget('m', high, now);
    expect(plans.plan(15_000)[0]!.members).toContain('m');
  });

  describe('of newcomers of which nothing is known', () => {
    const [low, middle, high] = ladder.rungs.slice(-3) as [number, number, number];
    const withNewcomer = (): RungPlanner<string> => {
      const plans = planner();
      for (const id of ['a', 'b']) {
        plans.setTarget(id, middle, 0);
        plans.setTarget(id, high, 1);
      }
      plans.plan(10_000);
      plans.setTarget('new', 1.1 * middle, 10_000);
      return plans;
    };

    it('puts them on the encoding of others that is near, instead of one of their own', () => {
      const plans = withNewcomer();
      expect(shape(plans.plan(10_000))).toEqual([[high, ['a', 'b', 'new']]]);
      // The same again says nothing, and an estimate on its way up nothing against it.
      for (const [target, now] of [
        [1.1 * middle, 15_000],
        [1.15 * middle, 15_100],
        [1.2 * middle, 15_300],
      ] as const) {
        expect(plans.setTarget('new', target, now)).toBe(false);
        expect(plans.plan(now)).toHaveLength(1);
      }
      plans.setTarget('new', high, 15_500);
      expect(shape(plans.plan(15_500))).toEqual([[high, ['a', 'b', 'new']]]);
      expect(plans.setTarget('new', 1.2 * middle, 15_600)).toBe(true);
      expect(plans.plan(15_600)).toHaveLength(2);
    });

    it('takes them down at once when it was wrong, and after a second when it was not right', () => {
      const wrong = withNewcomer();
      wrong.plan(10_000);
      expect(wrong.setTarget('new', 0.8 * middle, 10_050)).toBe(true);
      expect(wrong.plan(10_050).map(({ members }) => members)).toEqual([['a', 'b'], ['new']]);
      const slow = withNewcomer();
      slow.plan(10_000);
      expect(slow.setTarget('new', 1.2 * middle, 12_000)).toBe(false);
      expect(slow.setTarget('new', 1.2 * middle, 13_000)).toBe(true);
      expect(slow.plan(13_000)).toHaveLength(2);
    });

    it('keeps them from what is too far above the guess', () => {
      const plans = planner();
      for (const now of [0, 1]) plans.setTarget('a', high - now, 0);
      plans.setTarget('new', low / 1.3, 10_000);
      expect(plans.plan(10_000)).toHaveLength(2);
    });
  });

  it('moves no one who has settled for the sake of newcomers on their way up', () => {
    const plans = planner(2);
    const [low, middle, high] = ladder.rungs.slice(-3) as [number, number, number];
    const standing = Array.from({ length: 9 }, (_, i) => `standing ${i}`);
    for (const id of standing) plans.setTarget(id, high, 0);
    for (let i = 0; i < 30; i++) plans.setTarget(`new ${i}`, i < 20 ? middle : low, 60_000);
    expect([...plans.plan(60_100)[0]!.members].sort()).toEqual(standing);
  });

  it('rates a loss by its factor: nobody is pressed to almost nothing for what another has in plenty', () => {
    const plans = planner(2);
    const { rungs } = ladder;
    plans.setTarget('plenty', rungs.at(-1)!, 0);
    for (const id of ['m1', 'm2', 'm3']) plans.setTarget(id, rungs.at(-4)!, 0);
    plans.setTarget('least', rungs[0]!, 0);
    expect(shape(plans.plan(10_000))).toEqual([
      [rungs.at(-4), ['m1', 'm2', 'm3', 'plenty']],
      [rungs[0], ['least']],
    ]);
  });

  it('counts an encoding of small pictures for what it costs', () => {
    const cost = (bitrate: number): number => (bitrate < 500_000 ? 0.2 : 1);
    const plans = new RungPlanner<string>(ladder, LIMITS, { most: 2, cost });
    const small = ladder.rungs.filter((rung) => rung < 500_000).slice(0, 3);
    plans.setTarget('high', LIMITS.max, 0);
    for (const rung of small) plans.setTarget(String(rung), rung, 0);
    expect(plans.plan(0)).toHaveLength(4);
    // A second large one is more than is left, and to merge it saves more than to merge a small one.
    plans.setTarget('middle', LIMITS.max / 1.5, 0);
    const plan = plans.plan(0);
    expect(plan.map(({ members }) => members)).toEqual([['middle', 'high'], ...small.reverse().map((rung) => [String(rung)])]);
    expect([...plan[0]!.merged]).toEqual(['high']);
  });

  it('uses no rung that the content does not need', () => {
    const plans = planner();
    for (const id of ['a', 'b']) plans.setTarget(id, LIMITS.max, 0);
    plans.setTarget('c', LIMITS.max / 1.6, 0);
    plans.setContentBitrate(600_000);
    expect(plans.plan(0)).toHaveLength(1);
    expect(plans.plan(0)[0]!.bitrate).toBeGreaterThan(600_000);
    plans.setContentBitrate(undefined);
    expect(plans.plan(0)).toHaveLength(2);
  });

  it('places everybody once, within the number of encodings, and none above what a member can pay but on the lowest rung', () => {
    const target = fc.integer({ min: 1, max: 20_000_000 });
    fc.assert(
      fc.property(fc.array(target, { minLength: 1, maxLength: 30 }), fc.integer({ min: 1, max: 6 }), (targets, most) => {
        const plans = planner(most);
        for (const [id, bitrate] of targets.entries()) plans.setTarget(String(id), bitrate, 0);
        const plan = plans.plan(0);
        expect(plan.length).toBeLessThanOrEqual(most);
        expect(plan.flatMap(({ members }) => members).sort()).toEqual(targets.map((_, id) => String(id)).sort());
        for (const { bitrate, members } of plan) {
          const least = Math.min(...members.map((id) => targets[Number(id)]!));
          expect(bitrate <= Math.max(1.0102 * least, ladder.rungs[0]!)).toBe(true);
        }
      }),
      { seed: 3, numRuns: 300 },
    );
  });

  it('gives everybody an encoding of its own where there is no bound', () => {
    const plans = planner(Number.POSITIVE_INFINITY);
    for (const id of ['a', 'b']) plans.setTarget(id, 1_000_000, 0);
    expect(shape(plans.plan(0))).toEqual([
      [1_000_000, ['a']],
      [1_000_000, ['b']],
    ]);
  });
});
