import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EncodedRingReader, EncodedRingWriter } from './encoded-ring.ts';

function ring(size: number) {
  const buffer = new SharedArrayBuffer(size);
  return { writer: new EncodedRingWriter(buffer), reader: new EncodedRingReader(buffer) };
}

describe('encoded ring', () => {
  it('refuses a frame that does not fit and takes it once there is room', () => {
    const { writer, reader } = ring(128);
    const first = writer.write(new Uint8Array(60));
    const second = writer.write(new Uint8Array(40));
    expect(first).toBeGreaterThan(0);
    expect(second).toBeGreaterThan(0);
    expect(writer.write(new Uint8Array(60))).toBe(-1);
    reader.release(first);
    expect(writer.write(new Uint8Array(60))).toBeGreaterThan(0);
    expect(writer.write(new Uint8Array(8))).toBe(-1);
  });

  it('refuses what is larger than itself', () => {
    const { writer } = ring(64);
    expect(writer.write(new Uint8Array(57))).toBe(-1);
    expect(writer.write(new Uint8Array(56))).toBeGreaterThan(0);
  });

  it('can be filled to the last byte again and again', () => {
    const { writer, reader } = ring(256);
    for (let round = 0; round < 10; round++) {
      const positions = [24, 56, 88, 56].map((length) => writer.write(new Uint8Array(length)));
      expect(positions.every((position) => position >= 0)).toBe(true);
      expect(writer.write(new Uint8Array(0))).toBe(-1);
      for (const position of positions.reverse()) reader.release(position);
    }
  });

  it('never changes a frame before its release, whatever the order of writes and releases', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ write: fc.integer({ min: 0, max: 200 }) }) },
      { weight: 2, arbitrary: fc.record({ release: fc.nat() }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const { writer, reader } = ring(512);
        const live: { position: number; length: number; value: number }[] = [];
        let value = 0;
        for (const action of steps) {
          if ('write' in action) {
            value = (value + 1) % 256;
            const position = writer.write(new Uint8Array(action.write).fill(value));
            if (position < 0) expect(live.length).toBeGreaterThan(0);
            else live.push({ position, length: action.write, value });
          } else if (live.length > 0) {
            const [released] = live.splice(action.release % live.length, 1);
            reader.release(released!.position);
          }
          for (const frame of live) {
            const view = reader.view(frame.position, frame.length);
            expect(view.every((byte) => byte === frame.value)).toBe(true);
          }
        }
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});
