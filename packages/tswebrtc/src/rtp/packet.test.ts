import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRtp, RtpHeader, writePadding, writeRtpHeader } from './packet.ts';

const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });

describe('RTP header', () => {
  it('comes back as it was written', () => {
    const fields = fc.record({
      marker: fc.boolean(),
      payloadType: fc.integer({ min: 0, max: 127 }),
      sequenceNumber: fc.integer({ min: 0, max: 0xffff }),
      timestamp: uint32,
      ssrc: uint32,
    });
    fc.assert(
      fc.property(fields, fc.uint8Array({ maxLength: 50 }), fc.integer({ min: 0, max: 255 }), (written, payload, padding) => {
        const packet = new Uint8Array(12 + payload.length + padding);
        let at = writeRtpHeader(packet, 0, { ...written, hasPadding: padding > 0 });
        packet.set(payload, at);
        at += payload.length;
        if (padding > 0) at = writePadding(packet, at, padding);
        expect(at).toBe(packet.length);
        const header = new RtpHeader();
        expect(parseRtp(packet, header)).toBe(true);
        expect(header).toMatchObject({ ...written, payloadOffset: 12, payloadLength: payload.length, paddingLength: padding });
      }),
    );
  });

  it('is read with contributing sources and extension block', () => {
    const packet = Uint8Array.of(
      ...[0x92, 0xe0, 0x12, 0x34, 0, 0, 0, 9, 0xca, 0xfe, 0xba, 0xbe],
      ...[0, 0, 0, 1, 0, 0, 0, 2], // two CSRCs
      ...[0xbe, 0xde, 0, 1, 0x10, 0xaa, 0, 0],
      ...[1, 2, 3],
    );
    const header = new RtpHeader();
    expect(parseRtp(packet, header)).toBe(true);
    expect(header).toMatchObject({
      marker: true,
      payloadType: 96,
      sequenceNumber: 0x1234,
      timestamp: 9,
      ssrc: 0xcafebabe,
      csrcCount: 2,
      extensionProfile: 0xbede,
      extensionOffset: 24,
      extensionLength: 4,
      payloadOffset: 28,
      payloadLength: 3,
    });
  });

  it('is refused where the packet is too short for what it announces', () => {
    const header = new RtpHeader();
    const base = [0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1];
    const refused = (...bytes: number[]): boolean => !parseRtp(Uint8Array.from(bytes), header);
    expect(refused()).toBe(true);
    expect(refused(...base.slice(0, 11))).toBe(true);
    expect(refused(0x40, ...base.slice(1))).toBe(true); // version 1
    expect(refused(0x81, ...base.slice(1))).toBe(true); // a CSRC, but none there
    expect(refused(0x90, ...base.slice(1), 0xbe, 0xde, 0)).toBe(true);
    expect(refused(0x90, ...base.slice(1), 0xbe, 0xde, 0, 1)).toBe(true);
    expect(refused(0xa0, ...base.slice(1), 0)).toBe(true); // no padding is no padding
    expect(refused(0xa0, ...base.slice(1), 2)).toBe(true); // more padding than packet
    expect(refused(...base)).toBe(false);
  });

  it('of anything never points outside the packet', () => {
    const header = new RtpHeader();
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 80 }).map((b) => b.with(0, (b[0]! & 0x3f) | 0x80));
    fc.assert(
      fc.property(bytes, (packet) => {
        if (!parseRtp(packet, header)) return;
        expect(header.payloadLength).toBeGreaterThanOrEqual(0);
        expect(header.payloadOffset + header.payloadLength + header.paddingLength).toBe(packet.length);
        expect(header.extensionOffset + header.extensionLength).toBeLessThanOrEqual(header.payloadOffset);
      }),
      { numRuns: 5000 },
    );
  });
});
