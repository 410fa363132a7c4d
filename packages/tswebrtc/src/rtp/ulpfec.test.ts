import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { random, randomBytes } from './ops.testing.ts';
import { protect } from './ulpfec.ts';
import { UlpfecDecoder } from './ulpfec-decoder.ts';

const SSRC = 0xabcdef01;

/** An RTP packet with marker, CSRCs, extension block and padding as chance has it. */
function packet(next: () => number, sequenceNumber: number, length: number): Uint8Array {
  const bytes = randomBytes(next, 12 + length);
  bytes[0] = 0x80 | (bytes[0]! & 0x3f);
  const view = new DataView(bytes.buffer);
  view.setUint16(2, sequenceNumber & 0xffff);
  view.setUint32(8, SSRC);
  return bytes;
}

interface Block {
  readonly packets: Uint8Array[];
  readonly fec: Uint8Array[];
}

function block(seed: number, count: number, fecCount: number, gaps = false, longest = 1188): Block {
  const next = random(seed);
  let sequenceNumber = Math.floor(next() * 65_536);
  const packets: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    packets.push(packet(next, sequenceNumber, Math.floor(next() * longest)));
    sequenceNumber += gaps && count < 24 && next() < 0.3 ? 2 : 1;
  }
  return { packets, fec: protect(packets, fecCount) };
}

/** What comes out when `lost` packets and `lostFec` FEC packets do not arrive; FEC first or last. */
function receive({ packets, fec }: Block, lost: Set<number>, lostFec: Set<number>, fecFirst = false): Uint8Array[] {
  const decoder = new UlpfecDecoder(SSRC);
  const addFec = (): Uint8Array[] => fec.flatMap((payload, j) => (lostFec.has(j) ? [] : decoder.addFec(payload)));
  const addMedia = (): Uint8Array[] => packets.flatMap((p, i) => (lost.has(i) ? [] : decoder.addMedia(p)));
  const out = fecFirst ? [...addFec(), ...addMedia()] : [...addMedia(), ...addFec()];
  // FEC that comes first may know a packet before it arrives.
  const early = new Set([...packets.keys()].filter((i) => !lost.has(i)).map((i) => packets[i]!));
  return fecFirst ? out.filter((packet) => ![...early].some((p) => Buffer.compare(p, packet) === 0)) : out;
}

const sorted = (packets: Uint8Array[]): string[] => packets.map((p) => Buffer.from(p).toString('hex')).sort();

describe('ULPFEC', () => {
  it('is laid out as RFC 5109 §7.3 and §7.4 say', () => {
    const a = Uint8Array.from([0x90, 0xe0, 0xff, 0xff, 0, 0, 0, 9, 1, 2, 3, 4, 0x11, 0x22, 0x33]);
    const b = Uint8Array.from([0x80, 0x60, 0x00, 0x02, 0, 0, 1, 8, 1, 2, 3, 4, 0x01]);
    const [fec] = protect([a, b], 1);
    expect([...fec!]).toEqual([
      ...[0x10, 0x80, 0xff, 0xff, 0, 0, 1, 1, 0, 2], // E L P X CC, M PT, SN base, timestamp, length 3 ^ 1
      ...[0, 3, 0b1001_0000, 0], // protection length, mask: the base and the third after it
      ...[0x10, 0x22, 0x33],
    ]);
  });

  it('has the long mask from the 17th sequence number on', () => {
    const short = block(1, 16, 1).fec[0]!;
    const long = block(1, 17, 1).fec[0]!;
    expect([short[0]! & 0x40, long[0]! & 0x40]).toEqual([0, 0x40]);
    expect([...short.subarray(12, 14)]).toEqual([0xff, 0xff]);
    expect([...long.subarray(12, 18)]).toEqual([0xff, 0xff, 0x80, 0, 0, 0]);
    expect(() => block(1, 49, 1)).toThrow(RangeError);
  });

  it('recovers any single loss of a block, byte for byte, in whatever order things come', () => {
    const shape = fc.integer({ min: 1, max: 48 }).chain((count) =>
      fc.record({
        count: fc.constant(count),
        fecCount: fc.integer({ min: 1, max: count }),
        lost: fc.integer({ min: 0, max: count - 1 }),
        seed: fc.integer(),
        fecFirst: fc.boolean(),
      }),
    );
    fc.assert(
      fc.property(shape, ({ count, fecCount, lost, seed, fecFirst }) => {
        const sent = block(seed, count, fecCount, true);
        expect(receive(sent, new Set([lost]), new Set(), fecFirst)).toEqual([sent.packets[lost]]);
      }),
      { seed: 5, numRuns: 400 },
    );
  });

  it('recovers every burst of half as many packets as there are FEC packets', () => {
    for (let fecCount = 2; fecCount <= 24; fecCount++) {
      const sent = block(fecCount, 48, fecCount, false, 40);
      const burst = Math.max(2, fecCount >> 1);
      for (let from = 0; from + burst <= 48; from++) {
        const lost = new Set(Array.from({ length: burst }, (_, i) => from + i));
        expect(sorted(receive(sent, lost, new Set()))).toEqual(sorted([...lost].map((i) => sent.packets[i]!)));
      }
    }
  });

  it('recovers any two losses where there are pairs of FEC packets enough, one of them a FEC packet or not', () => {
    const sent = block(3, 15, 6);
    for (let a = 0; a < 15; a++) {
      for (let b = a + 1; b < 15; b++) expect(receive(sent, new Set([a, b]), new Set())).toHaveLength(2);
      for (let j = 0; j < 6; j++) expect(receive(sent, new Set([a]), new Set([j]))).toEqual([sent.packets[a]]);
    }
  });

  it('never recovers anything but what was sent, however much is lost', () => {
    let recovered = 0;
    let lostAll = 0;
    for (let seed = 0; seed < 600; seed++) {
      const next = random(seed);
      const count = 1 + Math.floor(next() * 48);
      const sent = block(seed, count, 1 + Math.floor(next() * count), true);
      const rate = next() * 0.7;
      const lost = new Set([...sent.packets.keys()].filter(() => next() < rate));
      const lostFec = new Set([...sent.fec.keys()].filter(() => next() < rate));
      const out = sorted(receive(sent, lost, lostFec, next() < 0.5));
      const missing = new Set(sorted([...lost].map((i) => sent.packets[i]!)));
      expect(new Set(out).size).toBe(out.length);
      for (const hex of out) expect(missing.has(hex)).toBe(true);
      recovered += out.length;
      lostAll += lost.size;
    }
    // The test has seen something: at up to 70 % loss of packets and FEC alike most blocks are beyond repair.
    expect(recovered / lostAll).toBeGreaterThan(0.2);
  });

  it('keeps blocks whole far better than interleaving at the losses it is made for', () => {
    const next = random(9);
    let incomplete = 0;
    const blocks = 400;
    for (let i = 0; i < blocks; i++) {
      const sent = block(i, 40, 9);
      const lost = new Set([...sent.packets.keys()].filter(() => next() < 0.1));
      const lostFec = new Set([...sent.fec.keys()].filter(() => next() < 0.1));
      if (receive(sent, lost, lostFec).length < lost.size) incomplete++;
    }
    // Interleaving alone leaves 60 %.
    expect(incomplete / blocks).toBeLessThan(0.28);
  });

  it('survives the wrap of sequence numbers, and a stream that runs for long', () => {
    const next = random(4);
    const decoder = new UlpfecDecoder(SSRC);
    let recovered = 0;
    for (let from = 65_000; from < 67_000; from += 11) {
      const packets = Array.from({ length: 10 }, (_, i) => packet(next, from + i, 100 + i));
      const lost = Math.floor(next() * 10);
      for (const [i, p] of packets.entries()) if (i !== lost) expect(decoder.addMedia(p)).toEqual([]);
      expect(decoder.addFec(protect(packets, 1)[0]!)).toEqual([packets[lost]]);
      recovered++;
    }
    expect(recovered).toBe(182);
  });

  it('takes any bytes for FEC, and makes nothing longer of them than a packet can be', () => {
    const decoder = new UlpfecDecoder(SSRC);
    const next = random(8);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.integer({ min: 0, max: 65_535 }), (bytes, sequenceNumber) => {
        decoder.addMedia(packet(next, sequenceNumber, 20));
        for (const out of decoder.addFec(bytes)) expect(out.length).toBeLessThanOrEqual(12 + 80);
      }),
      { seed: 3, numRuns: 2000 },
    );
  });

  it('does not join FEC to packets it is not about', () => {
    const sent = block(1, 4, 1);
    const others = block(2, 4, 1);
    const decoder = new UlpfecDecoder(SSRC);
    // The same numbers, longer packets: some other stream.
    for (let i = 0; i < 3; i++) {
      const long = new Uint8Array(1500);
      long.set(others.packets[i]!.subarray(0, 12));
      long.set(sent.packets[i]!.subarray(2, 4), 2);
      decoder.addMedia(long);
    }
    expect(decoder.addFec(sent.fec[0]!)).toEqual([]);
  });
});
