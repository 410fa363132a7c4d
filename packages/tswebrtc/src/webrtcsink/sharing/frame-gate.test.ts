import { describe, expect, it } from 'vitest';
import { FrameGate } from './frame-gate.ts';

const FRAME = 4000; // bytes; at 30 a second 960 kbit/s
const frame = (index: number, layers = false) => ({
  size: FRAME,
  keyframe: index === 0,
  temporalLayer: layers && index % 2 === 1 ? 1 : 0,
});

/** Feeds ten seconds of frames; returns the indices that passed. */
function run(gate: FrameGate, target: number, limited: boolean, layers = false): number[] {
  return Array.from({ length: 300 }, (_, i) => i).filter((i) => gate.take(frame(i, layers), target, limited, (i * 1000) / 30));
}

describe('FrameGate', () => {
  it('waits for a keyframe, then lets an encoding pass that keeps to the target', () => {
    const gate = new FrameGate();
    expect(gate.take(frame(1), 1e6, false, 0)).toBe(false);
    expect(run(gate, 100_000, false)).toHaveLength(300);
  });

  it('leaves out upper layers first, and then sends no more than the target', () => {
    // Half the frames are just what fits.
    const passed = run(new FrameGate(), 600_000, true, true);
    expect(passed.filter((i) => i % 2 === 0)).toHaveLength(150);
    expect(passed.length).toBeLessThan(210);
    expect(passed.length * FRAME * 8).toBeLessThan(10 * 600_000 + 0.3 * 600_000);
  });

  it('leaves out everything up to the next keyframe once a frame of the base is missing', () => {
    const gate = new FrameGate();
    const passed = run(gate, 200_000, true);
    expect(passed).toEqual(passed.map((_, i) => i));
    expect(passed.length * FRAME * 8).toBeLessThan(0.5 * 200_000 + FRAME * 8 * 2);
    expect(gate.waitsForKeyframe).toBe(true);
    expect(gate.skipped).toBe(300 - passed.length);
    // All is paid for by now.
    expect(gate.wantsKeyframe(200_000)).toBe(true);
    expect(gate.take(frame(0), 200_000, true, 20_000)).toBe(true);
    expect(gate.take(frame(1), 200_000, true, 20_033)).toBe(true);
  });
});
