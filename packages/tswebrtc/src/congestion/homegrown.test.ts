import { describe, expect, it } from 'vitest';
import { HomegrownController } from './homegrown.ts';
import { NOT_RECEIVED } from './types.ts';

/** Ten packets every 50 ms for `seconds`, of which each `lose`th is lost and each takes `growth` ms longer than the last. */
function run(control: HomegrownController, seconds: number, lose: number, growth: number): void {
  let sequence = 0;
  let delay = 0;
  for (let now = 0; now < seconds * 1000; now += 50) {
    const base = sequence;
    const arrivals = new Int32Array(10);
    for (let i = 0; i < 10; i++) {
      control.packetSent(sequence++ & 0xffff, 1200, now + i * 5);
      delay += growth;
      arrivals[i] = lose > 0 && sequence % lose === 0 ? NOT_RECEIVED : Math.round((i * 5 + (now % 64) + delay) * 4);
    }
    control.feedback({ baseSequence: base & 0xffff, arrivals, referenceTime: Math.floor(now / 64) }, now + 60);
    control.process(now + 60);
  }
}

const make = () => new HomegrownController({ startBitrate: 1_000_000, minBitrate: 100_000, maxBitrate: 4_000_000, now: 0 });

describe('HomegrownController', () => {
  it('grows where nothing is wrong', () => {
    const control = make();
    run(control, 5, 0, 0);
    expect(control.target.bitrate).toBeGreaterThan(2_000_000);
  });

  it('falls by loss, and what delay decided in the meantime does not undo it', () => {
    const control = make();
    run(control, 5, 5, 0);
    expect(control.target.bitrate).toBe(100_000);
    expect(control.target.lossFraction).toBeCloseTo(0.2, 1);
  });

  it('falls by growing delay', () => {
    const control = make();
    run(control, 5, 0, 2);
    expect(control.target.bitrate).toBeLessThan(400_000);
    expect(control.target.state).toBe('overuse');
  });

  it('does not move without news', () => {
    const control = make();
    for (let now = 0; now < 10_000; now += 100) control.process(now);
    expect(control.target.bitrate).toBe(1_000_000);
  });
});
