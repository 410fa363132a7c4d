import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSequenceNewer, SequenceUnwrapper, sequenceDelta } from './sequence.ts';

describe('sequence numbers', () => {
  it('compare across the wrap', () => {
    expect(sequenceDelta(2, 65_535)).toBe(3);
    expect(sequenceDelta(65_535, 2)).toBe(-3);
    expect(isSequenceNewer(0, 65_535)).toBe(true);
    expect(isSequenceNewer(65_535, 0)).toBe(false);
    expect(isSequenceNewer(7, 7)).toBe(false);
    expect(isSequenceNewer(0x8000, 0)).toBe(false);
  });

  it('unwrap to what was sent, however packets are reordered', () => {
    const steps = fc.array(fc.integer({ min: -3000, max: 3000 }), { maxLength: 300 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff }), steps, (start, offsets) => {
        const unwrapper = new SequenceUnwrapper();
        expect(unwrapper.unwrap(start)).toBe(start);
        let front = start;
        for (const offset of offsets) {
          front += 900;
          const sent = front + offset;
          expect(unwrapper.unwrap(((sent % 0x10000) + 0x10000) % 0x10000)).toBe(sent);
        }
      }),
    );
  });

  it('unwrap beyond 32 bits', () => {
    const unwrapper = new SequenceUnwrapper();
    let last = 0;
    for (let sent = 0; sent < 70_000 * 0x8000; sent += 0x7fff) last = unwrapper.unwrap(sent % 0x10000);
    expect(last).toBe(Math.floor((70_000 * 0x8000 - 1) / 0x7fff) * 0x7fff);
    expect(unwrapper.highest).toBe(last);
  });

  it('can be looked at without moving on', () => {
    const unwrapper = new SequenceUnwrapper();
    unwrapper.unwrap(65_530);
    expect(unwrapper.peek(5)).toBe(65_541);
    expect(unwrapper.highest).toBe(65_530);
  });
});
