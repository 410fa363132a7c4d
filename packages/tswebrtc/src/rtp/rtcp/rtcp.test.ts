import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { random, randomBytes } from '../ops.testing.ts';
import { parseRtcp, writeRtcp } from './rtcp.ts';
import { NOT_RECEIVED } from './twcc.ts';
import type { RtcpPacket } from './types.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));

const uint8 = fc.integer({ min: 0, max: 0xff });
const uint16 = fc.integer({ min: 0, max: 0xffff });
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });

const block = fc.record({
  ssrc: uint32,
  fractionLost: uint8.map((n) => n / 256),
  packetsLost: fc.integer({ min: -0x80_0000, max: 0x7f_ffff }),
  highestSequenceNumber: uint32,
  jitter: uint32,
  lastSenderReport: uint32,
  delaySinceLastSenderReport: uint32,
});
const feedback = { senderSsrc: uint32, mediaSsrc: uint32 };
/** Close together and increasing, as they come from a loss detector: those survive the bit masks in their order. */
const sequenceNumbers = fc.tuple(uint16, fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 40 })).map(([first, gaps]) => {
  let last = first;
  return [first, ...gaps.map((gap) => (last = (last + gap) & 0xffff))];
});

const arrivals = fc
  .array(fc.option(fc.integer({ min: -0x8000, max: 0x7fff }), { nil: undefined }), { minLength: 1, maxLength: 200 })
  .map((deltas) => {
    let time = 0;
    return Int32Array.from(deltas, (delta) => (delta === undefined ? NOT_RECEIVED : (time += delta)));
  });

const packet: fc.Arbitrary<RtcpPacket> = fc.oneof(
  fc.record({
    type: fc.constant('sr' as const),
    ssrc: uint32,
    ntpTime: fc.record({ seconds: uint32, fraction: uint32 }),
    rtpTimestamp: uint32,
    packetCount: uint32,
    octetCount: uint32,
    reports: fc.array(block, { maxLength: 31 }),
  }),
  fc.record({ type: fc.constant('rr' as const), ssrc: uint32, reports: fc.array(block, { maxLength: 31 }) }),
  fc.record(
    {
      type: fc.constant('xr' as const),
      ssrc: uint32,
      referenceTime: fc.record({ seconds: uint32, fraction: uint32 }),
      delays: fc.array(fc.record({ ssrc: uint32, lastReference: uint32, delay: uint32 }), { maxLength: 20 }),
    },
    { requiredKeys: ['type', 'ssrc', 'delays'] },
  ),
  fc.record({
    type: fc.constant('sdes' as const),
    chunks: fc.array(fc.record({ ssrc: uint32, cname: fc.string({ maxLength: 60 }) }), { maxLength: 31 }),
  }),
  fc.record({
    type: fc.constant('bye' as const),
    ssrcs: fc.array(uint32, { maxLength: 31 }),
    reason: fc.string({ minLength: 1, maxLength: 60 }),
  }),
  fc.record({ type: fc.constant('bye' as const), ssrcs: fc.array(uint32, { maxLength: 31 }) }),
  fc.record({ type: fc.constant('nack' as const), ...feedback, sequenceNumbers }),
  fc.record({ type: fc.constant('pli' as const), ...feedback }),
  fc.record({
    type: fc.constant('fir' as const),
    senderSsrc: uint32,
    requests: fc.array(fc.record({ ssrc: uint32, commandSequenceNumber: uint8 }), { maxLength: 5 }),
  }),
  fc.record({
    type: fc.constant('transport-cc' as const),
    ...feedback,
    baseSequenceNumber: uint16,
    referenceTime: fc.integer({ min: -0x80_0000, max: 0x7f_ffff }),
    feedbackPacketCount: uint8,
    arrivals,
  }),
  fc.record({
    type: fc.constant('ccfb' as const),
    senderSsrc: uint32,
    reports: fc.array(
      fc.record({
        ssrc: uint32,
        beginSequenceNumber: uint16,
        metrics: fc.array(uint16, { maxLength: 40 }).map((list) => Uint16Array.from(list)),
      }),
      { maxLength: 4 },
    ),
    reportTimestamp: uint32,
  }),
  fc.record({
    type: fc.constant('remb' as const),
    senderSsrc: uint32,
    bitrate: fc
      .tuple(fc.integer({ min: 0, max: 0x3_ffff }), fc.integer({ min: 0, max: 63 }))
      .map(([mantissa, exponent]) => mantissa * 2 ** exponent),
    ssrcs: fc.array(uint32, { maxLength: 6 }),
  }),
);

describe('RTCP', () => {
  it('comes back as written, in compounds of any make', () => {
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 6 }), (packets) => {
        const bytes = writeRtcp(packets);
        expect(bytes.length % 4).toBe(0);
        expect(parseRtcp(bytes)).toEqual(packets);
      }),
      { numRuns: 500, seed: 1 },
    );
  });

  it('reads a compound of known bytes', () => {
    const compound = hex(`
      81 c9 0007  00000001  11223344 40 ffffff 00010005 0000005a 12345678 00010000
      81 ca 0003  00000001  01 03 616263 00 0000
      81 cd 0003  00000001  11223344  fffe 8001
      81 ce 0002  00000001  11223344
      84 ce 0004  00000001  00000000  11223344 07 000000
      81 cb 0001  00000001`);
    expect(parseRtcp(compound)).toEqual([
      {
        type: 'rr',
        ssrc: 1,
        reports: [
          {
            ssrc: 0x11223344,
            fractionLost: 0.25,
            packetsLost: -1,
            highestSequenceNumber: 0x10005,
            jitter: 90,
            lastSenderReport: 0x12345678,
            delaySinceLastSenderReport: 65_536,
          },
        ],
      },
      { type: 'sdes', chunks: [{ ssrc: 1, cname: 'abc' }] },
      { type: 'nack', senderSsrc: 1, mediaSsrc: 0x11223344, sequenceNumbers: [65_534, 65_535, 14] },
      { type: 'pli', senderSsrc: 1, mediaSsrc: 0x11223344 },
      { type: 'fir', senderSsrc: 1, requests: [{ ssrc: 0x11223344, commandSequenceNumber: 7 }] },
      { type: 'bye', ssrcs: [1] },
    ]);
  });

  it('skips kinds it does not know and keeps what comes before nonsense', () => {
    const pli = { type: 'pli', senderSsrc: 1, mediaSsrc: 2 } as const;
    const good = writeRtcp([pli]);
    const unknown = hex('80 cc 0002 00000001 4e414d45 8f ce 0001 00000001');
    expect(parseRtcp(Buffer.concat([unknown, good]))).toEqual([pli]);
    expect(parseRtcp(Buffer.concat([good, hex('81 cd 0100 00000001')]))).toEqual([pli]); // longer than it is
    expect(parseRtcp(Buffer.concat([good, hex('41 cd 0000'), good]))).toEqual([pli]); // version 1
    expect(parseRtcp(Buffer.concat([good, hex('a1 ce 0002 00000001 00000000'), good]))).toEqual([pli]); // padding of 0
    expect(parseRtcp(Buffer.concat([good, hex('82 c9 0001 00000001'), good]))).toEqual([pli, pli]); // blocks missing
    expect(parseRtcp(new Uint8Array(0))).toEqual([]);
  });

  it('reads the last packet without its padding', () => {
    const padded = hex('a1 cd 0004 00000001 00000002 0005 0000 00000004');
    expect(parseRtcp(padded)).toEqual([{ type: 'nack', senderSsrc: 1, mediaSsrc: 2, sequenceNumbers: [5] }]);
  });

  it('names lost packets that lie close together in one item', () => {
    const nack = { type: 'nack', senderSsrc: 1, mediaSsrc: 2, sequenceNumbers: [65_535, 0, 15, 16] } as const;
    expect(writeRtcp([nack]).length).toBe(12 + 2 * 4);
  });

  it('reads the estimate of a receiver, of known bytes', () => {
    // 0x3a0f4 = 237812, exponent 4: 3.8 Mbit/s
    expect(parseRtcp(hex('8f ce 0006 00000001 00000000 52454d42 02 13a0f4 11223344 55667788'))).toEqual([
      { type: 'remb', senderSsrc: 1, bitrate: 237_812 * 16, ssrcs: [0x11223344, 0x55667788] },
    ]);
    expect(parseRtcp(hex('8f ce 0004 00000001 00000000 52454d42 00 ffffff'))).toMatchObject([{ bitrate: 0x3_ffff * 2 ** 63 }]);
    // Fewer streams than it says; other application feedback.
    expect(parseRtcp(hex('8f ce 0005 00000001 00000000 52454d42 02 13a0f4 11223344'))).toEqual([]);
    expect(parseRtcp(hex('8f ce 0004 00000001 00000000 50454d42 00 13a0f4'))).toEqual([]);
  });

  it('writes an estimate rounded down to what fits', () => {
    const written = (bitrate: number): unknown =>
      (parseRtcp(writeRtcp([{ type: 'remb', senderSsrc: 1, bitrate, ssrcs: [] }]))[0] as { bitrate: number }).bitrate;
    expect([0, 0.7, 262_143, 262_145, 1_234_567.8, 2 ** 90].map(written)).toEqual([
      0,
      0,
      262_143,
      262_144,
      1_234_560,
      0x3_ffff * 2 ** 63,
    ]);
    for (const bitrate of [-1, Number.NaN]) expect(() => written(bitrate)).toThrow(RangeError);
    const ssrcs = Array.from({ length: 256 }, (_, i) => i);
    expect(() => writeRtcp([{ type: 'remb', senderSsrc: 1, bitrate: 1, ssrcs }])).toThrow(RangeError);
  });

  it('reads congestion control feedback of known bytes', () => {
    // Two streams: three packets, one of them lost, with a word filled up; and none.
    const bytes = hex(`8b cd 0008 00000001
      11223344 fffe 0003 8400 0000 a001 0000
      55667788 0005 0000
      22223333`);
    expect(parseRtcp(bytes)).toEqual([
      {
        type: 'ccfb',
        senderSsrc: 1,
        reports: [
          { ssrc: 0x11223344, beginSequenceNumber: 65_534, metrics: Uint16Array.of(0x8400, 0, 0xa001) },
          { ssrc: 0x55667788, beginSequenceNumber: 5, metrics: new Uint16Array(0) },
        ],
        reportTimestamp: 0x22223333,
      },
    ]);
    // More packets than there is room for; half a report; nothing at all.
    expect(parseRtcp(hex('8b cd 0005 00000001 11223344 fffe 0003 8400 0000 22223333'))).toEqual([]);
    expect(parseRtcp(hex('8b cd 0003 00000001 11223344 22223333'))).toEqual([]);
    expect(parseRtcp(hex('8b cd 0001 00000001'))).toEqual([]);
    expect(parseRtcp(hex('8b cd 0002 00000001 22223333'))).toMatchObject([{ reports: [], reportTimestamp: 0x22223333 }]);
  });

  it('cuts a text at 255 bytes, between characters', () => {
    const [read] = parseRtcp(writeRtcp([{ type: 'sdes', chunks: [{ ssrc: 1, cname: 'é'.repeat(200) }] }]));
    expect(read).toEqual({ type: 'sdes', chunks: [{ ssrc: 1, cname: 'é'.repeat(127) }] });
  });

  it('is refused where its count does not fit', () => {
    const ssrcs = Array.from({ length: 32 }, (_, i) => i);
    expect(() => writeRtcp([{ type: 'bye', ssrcs }])).toThrow(RangeError);
  });

  it('of anything is read in bounded time and memory, without an exception', () => {
    const next = random(42);
    const known = [200, 201, 202, 203, 205, 206];
    for (let round = 0; round < 30_000; round++) {
      const bytes = randomBytes(next, Math.floor(next() * 120));
      // Most random bytes end at the first header: make headers that pass, at random places.
      for (let at = 0; at + 4 <= bytes.length && next() < 0.9; ) {
        const words = Math.floor(next() * 8);
        bytes[at] = 0x80 | (bytes[at]! & (next() < 0.2 ? 0x3f : 0x1f));
        bytes[at + 1] = known[Math.floor(next() * known.length)]!;
        if (bytes[at + 1] === 205) bytes[at] = 0x80 | [1, 11, 15][Math.floor(next() * 3)]!;
        if (bytes[at + 1] === 206 && next() < 0.5) {
          bytes[at] = 0x8f;
          bytes.set(hex('52454d42').subarray(0, Math.max(0, bytes.length - at - 12)), Math.min(at + 12, bytes.length));
        }
        bytes[at + 2] = 0;
        bytes[at + 3] = words;
        at += 4 + 4 * words;
      }
      expect(parseRtcp(bytes).length).toBeLessThanOrEqual(bytes.length / 4);
    }
  });

  it('with one bit wrong still is read without an exception', () => {
    fc.assert(
      fc.property(fc.array(packet, { minLength: 1, maxLength: 3 }), fc.nat(), (packets, position) => {
        const bytes = writeRtcp(packets);
        const bit = position % (8 * bytes.length);
        bytes[bit >> 3] = bytes[bit >> 3]! ^ (1 << (bit & 7));
        parseRtcp(bytes);
      }),
      { numRuns: 1000, seed: 2 },
    );
  });
});
