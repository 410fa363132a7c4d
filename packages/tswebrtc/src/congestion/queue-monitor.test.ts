import { describe, expect, it } from 'vitest';
import { PacketResults } from './packet-results.ts';
import { QueueMonitor, type QueueVerdict } from './queue-monitor.ts';

/** Feedback every 50 ms for `ms`, all of it with the queue given, ms. `decrease`: whether verdicts of `drain` are obeyed. */
class Path {
  readonly monitor = new QueueMonitor();
  now = 0;
  lastDecrease: number | undefined;
  readonly #results = new PacketResults();

  run(ms: number, queue: (elapsed: number) => number, decreaseEvery = 0): QueueVerdict[] {
    const verdicts: QueueVerdict[] = [];
    const start = this.now;
    for (; this.now < start + ms; this.now += 50) {
      this.#results.clear();
      this.#results.push(this.now, this.now - 100, this.now + 5000 + queue(this.now - start), 1000, 0, false);
      const verdict = this.monitor.update(this.#results, 400, this.lastDecrease, this.now);
      verdicts.push(verdict);
      const due = decreaseEvery > 0 && this.now - (this.lastDecrease ?? 0) >= decreaseEvery;
      if (verdict === 'drain' || due) this.lastDecrease = this.now;
    }
    return verdicts;
  }
}

describe('QueueMonitor', () => {
  it('does not mind a short queue, nor a peak', () => {
    const path = new Path();
    const verdicts = path.run(10_000, (elapsed) => (elapsed % 2000 < 100 ? 200 : 50));
    expect(new Set(verdicts)).toEqual(new Set(['clear']));
  });

  it('asks for a decrease where a queue stands, and again when that changes nothing', () => {
    const path = new Path();
    path.run(1000, () => 0);
    const verdicts = path.run(2000, () => 280);
    expect(verdicts.filter((one) => one === 'drain').length).toBeGreaterThanOrEqual(2);
    expect(verdicts.slice(5)).not.toContain('clear');
  });

  it('holds while the queue drains', () => {
    const path = new Path();
    path.run(1000, () => 0);
    const verdicts = path.run(1500, (elapsed) => Math.max(0, 280 - elapsed / 5));
    expect(verdicts).not.toContain('drain');
    expect(verdicts).toContain('hold');
    expect(path.run(500, () => 0).at(-1)).toBe('clear');
  });

  it('sees a rival where decreases are in vain for seconds, and the end of it', () => {
    const path = new Path();
    path.run(1000, () => 0);
    const verdicts = path.run(10_000, (elapsed) => 150 + 100 * Math.abs(Math.sin(elapsed / 3000)), 800);
    expect(verdicts.at(-1)).toBe('competing');
    expect(verdicts.indexOf('competing') * 50).toBeGreaterThan(4000);
    path.run(1500, () => 5);
    expect(path.run(100, () => 5).at(-1)).toBe('clear');
  });

  it('tests from time to time whether the rival has gone', () => {
    const path = new Path();
    path.run(1000, () => 0);
    expect(path.run(10_000, () => 250, 800).at(-1)).toBe('competing');
    const verdicts = path.run(25_000, () => 250 + Math.sin(path.now));
    expect(verdicts.indexOf('drain') * 50).toBeGreaterThan(10_000);
    expect(verdicts.lastIndexOf('competing')).toBeGreaterThan(verdicts.indexOf('drain'));
  });

  it('forgets a shorter route within a minute', () => {
    const path = new Path();
    path.run(10_000, () => 0);
    path.run(60_000, () => 120);
    expect(path.monitor.queueDelay).toBe(0);
  });
});
