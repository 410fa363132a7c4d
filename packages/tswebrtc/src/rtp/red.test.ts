import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRed, type RedBlock, writeRed } from './red.ts';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

describe('RED', () => {
  it('is written as RFC 2198 §3 says', () => {
    const payload = writeRed([
      { payloadType: 111, timestampOffset: 960, data: bytes(1, 2, 3) },
      { payloadType: 111, timestampOffset: 0, data: bytes(9, 8) },
    ]);
    // F=1 pt=111 | offset 960 in 14 bits, length 3 in 10 | F=0 pt=111 | data
    expect([...payload]).toEqual([0xef, 0x0f, 0x00, 0x03, 0x6f, 1, 2, 3, 9, 8]);
    expect(parseRed(payload)).toEqual([
      { payloadType: 111, timestampOffset: 960, data: bytes(1, 2, 3) },
      { payloadType: 111, timestampOffset: 0, data: bytes(9, 8) },
    ]);
  });

  it('with a single block is one byte in front', () => {
    expect(parseRed(bytes(96, 7, 7))).toEqual([{ payloadType: 96, timestampOffset: 0, data: bytes(7, 7) }]);
    expect(parseRed(bytes(96))).toEqual([{ payloadType: 96, timestampOffset: 0, data: bytes() }]);
  });

  it('reads what it wrote', () => {
    const block = fc.record({
      payloadType: fc.integer({ min: 0, max: 127 }),
      timestampOffset: fc.integer({ min: 0, max: 16_383 }),
      data: fc.uint8Array({ maxLength: 1023 }),
    });
    fc.assert(
      fc.property(fc.array(block, { maxLength: 4 }), block, (redundant, primary) => {
        const blocks: RedBlock[] = [...redundant, { ...primary, timestampOffset: 0 }];
        expect(parseRed(writeRed(blocks))).toEqual(blocks);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('is not read where it is not whole', () => {
    const whole = writeRed([
      { payloadType: 111, timestampOffset: 960, data: bytes(1, 2, 3) },
      { payloadType: 111, timestampOffset: 0, data: bytes() },
    ]);
    for (let length = 0; length < whole.length; length++) expect(parseRed(whole.subarray(0, length))).toBeUndefined();
  });

  it('takes any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (payload) => {
        const blocks = parseRed(payload);
        if (blocks) expect(blocks.reduce((sum, { data }) => sum + data.length, 4 * blocks.length - 3)).toBe(payload.length);
      }),
      { seed: 2, numRuns: 2000 },
    );
  });

  it('refuses blocks too old or too long for their header', () => {
    const primary: RedBlock = { payloadType: 1, timestampOffset: 0, data: bytes(1) };
    for (const block of [
      { payloadType: 1, timestampOffset: 16_384, data: bytes(1) },
      { payloadType: 1, timestampOffset: 1, data: new Uint8Array(1024) },
    ]) {
      expect(() => writeRed([block, primary])).toThrow(RangeError);
    }
  });
});
