import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type HeaderExtension, HeaderExtensionReader, writeHeaderExtensions } from './header-extensions.ts';
import { parseRtp, RtpHeader, writeRtpHeader } from './packet.ts';

function packetWith(block: (into: Uint8Array, offset: number) => number): Uint8Array {
  const packet = new Uint8Array(20_000);
  const at = writeRtpHeader(packet, 0, { payloadType: 96, sequenceNumber: 1, timestamp: 1, ssrc: 1, hasExtensions: true });
  return packet.slice(0, block(packet, at));
}

function readAll(packet: Uint8Array): HeaderExtension[] {
  const header = new RtpHeader();
  expect(parseRtp(packet, header)).toBe(true);
  const reader = new HeaderExtensionReader();
  reader.reset(packet, header);
  const found: HeaderExtension[] = [];
  while (reader.next()) found.push({ id: reader.id, data: packet.slice(reader.offset, reader.offset + reader.length) });
  return found;
}

const raw = (...bytes: number[]): Uint8Array =>
  packetWith((into, at) => {
    into.set(bytes, at);
    return at + bytes.length;
  });

const element = (highestId: number, min: number, max: number) =>
  fc.record({
    id: fc.integer({ min: 1, max: highestId }),
    data: fc.uint8Array({ minLength: min, maxLength: max }),
  });

describe('header extensions', () => {
  it('come back as written, in the one-byte form where it will do', () => {
    fc.assert(
      fc.property(fc.array(element(14, 1, 16), { maxLength: 10 }), (extensions) => {
        const packet = packetWith((into, at) => writeHeaderExtensions(into, at, extensions));
        expect([packet[12], packet[13]]).toEqual([0xbe, 0xde]);
        expect(readAll(packet)).toEqual(extensions);
      }),
    );
  });

  it('come back as written in the two-byte form: high ids, no data, much data', () => {
    const wide = fc.record({ id: fc.integer({ min: 15, max: 255 }), data: fc.uint8Array({ maxLength: 255 }) });
    fc.assert(
      fc.property(fc.array(element(255, 0, 255), { maxLength: 10 }), wide, (extensions, one) => {
        const packet = packetWith((into, at) => writeHeaderExtensions(into, at, [...extensions, one]));
        expect([packet[12], packet[13]]).toEqual([0x10, 0x00]);
        expect(readAll(packet)).toEqual([...extensions, one]);
      }),
    );
  });

  it('are found by id, behind padding', () => {
    const packet = raw(0xbe, 0xde, 0, 2, 0, 0, 0x10, 5, 0x31, 7, 8, 0);
    const header = new RtpHeader();
    parseRtp(packet, header);
    const reader = new HeaderExtensionReader();
    reader.reset(packet, header);
    expect(reader.find(3)).toBe(true);
    expect([...packet.subarray(reader.offset, reader.offset + reader.length)]).toEqual([7, 8]);
    reader.reset(packet, header);
    expect(reader.find(4)).toBe(false);
  });

  it('end at id 15, at an element that is cut off, and are none in unknown profiles', () => {
    expect(readAll(raw(0xbe, 0xde, 0, 1, 0x10, 1, 0xf0, 2))).toEqual([{ id: 1, data: Uint8Array.of(1) }]);
    expect(readAll(raw(0xbe, 0xde, 0, 1, 0x10, 1, 0x2f, 2))).toEqual([{ id: 1, data: Uint8Array.of(1) }]);
    expect(readAll(raw(0x10, 0x05, 0, 1, 1, 0, 2, 9))).toEqual([{ id: 1, data: new Uint8Array(0) }]);
    expect(readAll(raw(0x12, 0x34, 0, 1, 0x10, 1, 0x10, 1))).toEqual([]);
  });

  it('with impossible ids or lengths are refused', () => {
    const into = new Uint8Array(1000);
    expect(() => writeHeaderExtensions(into, 0, [{ id: 0, data: new Uint8Array(1) }])).toThrow(RangeError);
    expect(() => writeHeaderExtensions(into, 0, [{ id: 1, data: new Uint8Array(256) }])).toThrow(RangeError);
  });

  it('of anything stay inside their block', () => {
    const profile = fc.constantFrom([0xbe, 0xde], [0x10, 0x00]);
    const bytes = fc.uint8Array({ maxLength: 60 }).map((b) => b.subarray(0, b.length & ~3));
    fc.assert(
      fc.property(profile, bytes, (head, elements) => {
        const packet = raw(...head, 0, elements.length / 4, ...elements);
        const header = new RtpHeader();
        parseRtp(packet, header);
        const reader = new HeaderExtensionReader();
        reader.reset(packet, header);
        let last = header.extensionOffset;
        while (reader.next()) {
          expect(reader.id).toBeGreaterThan(0);
          expect(reader.offset).toBeGreaterThan(last);
          last = reader.offset + reader.length;
        }
        expect(last).toBeLessThanOrEqual(header.extensionOffset + header.extensionLength);
      }),
      { numRuns: 3000 },
    );
  });
});
