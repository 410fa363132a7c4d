import { describe, expect, it } from 'vitest';
import { createDepacketiser } from '../depacketiser.ts';
import { random } from '../ops.testing.ts';
import { JitterBuffer, type JitterBufferOptions, type ReceivedFrame } from './jitter-buffer.ts';

interface TestPacket {
  readonly sequence: number;
  readonly timestamp: number;
  readonly marker: boolean;
  readonly payload: Uint8Array;
  readonly sent: number;
}

const FRAME_TIME = 40;
const CLOCK = 90_000;

/**
 * VP8 frames of three packets, one every 40 ms: each says its number in its payload. `layers`: every second one is of an upper
 * layer. Keyframes: those in `keyframes`.
 */
function vp8(count: number, { layers = 1, keyframes = [0], firstSequence = 100, firstTimestamp = 0 } = {}): TestPacket[] {
  let sequence = firstSequence;
  let tl0 = 250;
  return Array.from({ length: count }, (_, frame) => {
    const layer = layers > 1 && !keyframes.includes(frame) ? frame % 2 : 0;
    if (layer === 0) tl0 = (tl0 + 1) & 0xff;
    return [0, 1, 2].map((part) => ({
      sequence: sequence++,
      timestamp: (firstTimestamp + frame * FRAME_TIME * 90) >>> 0,
      marker: part === 2,
      payload: Uint8Array.from([
        ...[0x80 | (part === 0 ? 0x10 : 0), 0xe0, 0x80, 0, tl0, (layer << 6) | (layer ? 0x20 : 0)],
        ...[keyframes.includes(frame) ? 0 : 1, frame, part],
      ]),
      sent: frame * FRAME_TIME,
    }));
  }).flat();
}

class Bench {
  readonly buffer: JitterBuffer;
  readonly given: (ReceivedFrame & { readonly at: number; readonly number: number })[] = [];
  /** What is said to be on its way. */
  readonly coming = new Set<number>();

  constructor(options: Partial<JitterBufferOptions> = {}) {
    this.buffer = new JitterBuffer({
      depacketiser: createDepacketiser('VP8'),
      clockRate: CLOCK,
      bounds: { floor: 0, ceiling: 300 },
      mayCome: (sequence) => this.coming.has(sequence),
      repairable: true,
      ...options,
    });
  }

  take(now: number): void {
    for (let frame = this.buffer.take(now); frame; frame = this.buffer.take(now)) {
      this.given.push({ ...frame, at: now, number: frame.data[1]! });
    }
  }

  /** Packets with the times at which they come; takes what is due whenever something happens. */
  run(arrivals: readonly (readonly [time: number, packet: TestPacket])[], until = 0): this {
    const events = [...arrivals].sort(([a], [b]) => a - b);
    for (const [time, packet] of events) {
      this.pass(time);
      this.coming.delete(packet.sequence);
      this.buffer.insert(packet.sequence, packet.timestamp, packet.marker, packet.payload, time);
      this.take(time);
    }
    this.pass(until);
    return this;
  }

  pass(until: number): void {
    while (this.buffer.nextTime <= until) this.take(this.buffer.nextTime);
  }

  get numbers(): number[] {
    return this.given.map(({ number }) => number);
  }
}

const inTime = (packets: readonly TestPacket[]): [number, TestPacket][] => packets.map((packet) => [packet.sent + 10, packet]);
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe('JitterBuffer', () => {
  it('gives whole frames as soon as they are, each once, in order', () => {
    const bench = new Bench().run(inTime(vp8(20)));
    expect(bench.numbers).toEqual(range(0, 20));
    expect(bench.given.map(({ at }) => at)).toEqual(range(0, 20).map((i) => i * FRAME_TIME + 10));
    expect(bench.given[3]).toMatchObject({ keyframe: false, timestamp: 3 * FRAME_TIME * 90, afterLoss: false });
    expect([...bench.given[3]!.data]).toEqual([1, 3, 0, 1, 3, 1, 1, 3, 2]);
    expect(bench.buffer.gaps).toBe(0);
  });

  it('is no worse for packets in any order, twice, and numbers that wrap', () => {
    const next = random(5);
    for (let round = 0; round < 20; round++) {
      const packets = vp8(60, { firstSequence: 65_530, firstTimestamp: 0xffff_f000 });
      const shuffled = packets.flatMap((packet): [number, TestPacket][] => {
        const twice: [number, TestPacket][] = [[packet.sent + 10 + next() * 100, packet]];
        return next() < 0.1 ? [...twice, [packet.sent + 10 + next() * 200, packet]] : twice;
      });
      const bench = new Bench({ mayCome: () => true }).run(shuffled, 20_000);
      expect(bench.numbers).toEqual(range(0, 60));
      const stamps = bench.given.map(({ timestamp }) => timestamp);
      expect(new Set(stamps.slice(1).map((stamp, i) => stamp - stamps[i]!))).toEqual(new Set([FRAME_TIME * 90]));
    }
  });

  it('begins with a keyframe', () => {
    const bench = new Bench();
    expect(bench.buffer.needsKeyframe).toBe(true);
    bench.run(inTime(vp8(20, { keyframes: [7] })));
    expect(bench.numbers).toEqual(range(7, 20));
    expect(bench.buffer.needsKeyframe).toBe(false);
  });

  it('waits for what was asked for, and gives all of it in order when it comes', () => {
    const packets = vp8(20);
    const missing = packets[3 * 5 + 1]!;
    const bench = new Bench();
    bench.coming.add(missing.sequence);
    bench.run([...inTime(packets.filter((packet) => packet !== missing)), [5 * FRAME_TIME + 130, missing]]);
    expect(bench.numbers).toEqual(range(0, 20));
    const late = bench.given.filter(({ at }) => at === 5 * FRAME_TIME + 130).map(({ number }) => number);
    expect(late).toEqual([5, 6, 7, 8]);
    expect(bench.given[5]!.completed - bench.given[5]!.firstArrival).toBe(120);
  });

  it('waits no longer than the ceiling, then asks for a keyframe and goes on with that', () => {
    const packets = vp8(40, { keyframes: [0, 20] });
    const missing = packets[3 * 5]!;
    const bench = new Bench();
    bench.coming.add(missing.sequence);
    const rest = packets.filter((packet) => packet !== missing);
    bench.run(inTime(rest.filter(({ sent }) => sent <= 18 * FRAME_TIME)));
    expect(bench.numbers).toEqual(range(0, 5));
    expect(bench.buffer.needsKeyframe).toBe(true);
    expect(bench.buffer.gaps).toBe(1);
    bench.run(inTime(rest.filter(({ sent }) => sent > 18 * FRAME_TIME)));
    expect(bench.numbers).toEqual([...range(0, 5), ...range(20, 40)]);
    expect(bench.given[5]).toMatchObject({ keyframe: true, afterLoss: true });
    expect(bench.given[6]).toMatchObject({ afterLoss: false });
  });

  it('gives up at once what nobody will send any more', () => {
    const packets = vp8(20, { keyframes: [0, 8] });
    const bench = new Bench().run(inTime(packets.filter((packet) => packet !== packets[3 * 5 + 2])));
    expect(bench.numbers).toEqual([...range(0, 5), ...range(8, 20)]);
    expect(bench.given[5]!.at).toBe(8 * FRAME_TIME + 10);
  });

  it('gives a packet the time of a reordering where nothing is sent again', () => {
    const packets = vp8(20, { keyframes: range(0, 20) });
    const [late, lost] = [packets[3 * 5]!, packets[3 * 10]!];
    const bench = new Bench({ repairable: false });
    bench.run([...inTime(packets.filter((packet) => packet !== late && packet !== lost)), [6 * FRAME_TIME + 10 + 25, late]]);
    expect(bench.numbers).toEqual(range(0, 20).filter((i) => i !== 10));
    expect(bench.given[10]).toMatchObject({ number: 11, at: 11 * FRAME_TIME + 10 + 30 });
  });

  it('leaves out a lost frame of an upper layer, and all that cannot be decoded after a lost one of the base layer', () => {
    const packets = vp8(30, { layers: 2, keyframes: [0, 20] });
    const frameOf = (packet: TestPacket): number => packet.sent / FRAME_TIME;
    const upper = new Bench().run(inTime(packets.filter((packet) => frameOf(packet) !== 7)));
    expect(upper.numbers).toEqual(range(0, 30).filter((i) => i !== 7));
    expect(upper.buffer.gaps).toBe(1);
    const base = new Bench().run(inTime(packets.filter((packet) => frameOf(packet) !== 8)));
    expect(base.numbers).toEqual([...range(0, 8), ...range(20, 30)]);
  });

  it('counts packets without media in, wherever they are', () => {
    const packets = vp8(10);
    const bench = new Bench();
    // Each frame's last packet comes with a number more, the one between is FEC.
    for (const packet of packets) {
      const frame = packet.sent / FRAME_TIME;
      const sequence = packet.sequence + frame + (packet.marker ? 1 : 0);
      if (packet.marker) bench.buffer.fill(sequence - 1, packet.timestamp, packet.sent);
      bench.buffer.insert(sequence, packet.timestamp, packet.marker, packet.payload, packet.sent);
      bench.take(packet.sent);
    }
    expect(bench.numbers).toEqual(range(0, 10));
  });

  it('gives frames out evenly where they come unevenly, as late as all but few need', () => {
    const next = random(9);
    const packets = vp8(255, { keyframes: [0] });
    const jitter = range(0, 255).map(() => next() * 60);
    const arrivals = packets.map((packet): [number, TestPacket] => [
      packet.sent + 10 + jitter[packet.sent / FRAME_TIME]!,
      packet,
    ]);
    const even = new Bench({ bounds: { floor: 0, ceiling: 500 }, mayCome: () => true }).run(arrivals, 20_000);
    expect(even.numbers).toEqual(range(0, 255));
    expect(even.buffer.delay).toBeGreaterThan(40);
    expect(even.buffer.delay).toBeLessThan(62);
    const delays = even.given.slice(130).map(({ at, number }) => at - number * FRAME_TIME);
    expect(Math.max(...delays) - Math.min(...delays)).toBeLessThan(10);
  });

  it('keeps the floor, and the ceiling', () => {
    const held = new Bench({ bounds: { floor: 100, ceiling: 300 } }).run(inTime(vp8(20)), 5000);
    expect(new Set(held.given.map(({ at, number }) => at - number * FRAME_TIME))).toEqual(new Set([110]));
    const packets = vp8(100);
    const uneven = packets.map((packet, i): [number, TestPacket] => [
      packet.sent + (Math.floor(i / 3) % 4 === 0 ? 800 : 0),
      packet,
    ]);
    const bounded = new Bench({ bounds: { floor: 0, ceiling: 50 }, mayCome: () => true }).run(uneven, 20_000);
    expect(bounded.buffer.delay).toBeLessThanOrEqual(50);
  });

  it('keeps no more than it may, whatever comes', () => {
    const bench = new Bench();
    const packets = vp8(3000, { keyframes: [] });
    bench.run(inTime(packets));
    expect(bench.given).toEqual([]);
    bench.run(inTime(vp8(3, { firstSequence: 100 + 9000 })).map(([time, packet]) => [time + 120_000, packet]));
    expect(bench.numbers).toEqual([0, 1, 2]);
  });

  it('stands garbage: seeded packets of any kind, in any order', () => {
    const next = random(13);
    for (const codec of ['VP8', 'VP9', 'H264', 'H265', 'AV1', 'OPUS']) {
      const bench = new Bench({ depacketiser: createDepacketiser(codec), mayCome: () => next() < 0.5 });
      let now = 0;
      for (let i = 0; i < 20_000; i++) {
        now += next() * 10;
        const payload = Uint8Array.from({ length: 1 + next() * 20 }, () => next() * 256);
        const sequence = i + Math.floor(next() * (next() < 0.01 ? 5000 : 20));
        if (next() < 0.1) bench.buffer.fill(sequence, i * 1000, now);
        else bench.buffer.insert(sequence, (i >> 2) * 3000 + (next() < 0.01 ? next() * 1e9 : 0), next() < 0.3, payload, now);
        bench.take(now);
      }
      // Nothing was thrown, and what follows is received.
      bench.buffer.reset();
      expect(bench.buffer.needsKeyframe).toBe(true);
    }
  });
});

it('H.264 goes on with a keyframe after a loss, and takes no frame whose beginning it cannot know', () => {
  const bench = new Bench({ depacketiser: createDepacketiser('H264') });
  // IDR and other slices in fragments of two packets.
  const packets = range(0, 12).flatMap((frame) => {
    const type = frame % 6 === 0 ? 5 : 1;
    return [0, 1].map((part) => ({
      sequence: frame * 2 + part,
      timestamp: frame * 3600,
      marker: part === 1,
      payload: Uint8Array.from([0x7c, (part === 0 ? 0x80 : 0x40) | type, frame, part]),
      sent: frame * FRAME_TIME,
    }));
  });
  bench.run(inTime(packets.filter(({ sequence }) => sequence !== 5)));
  const frames = bench.given.map(({ data }) => data[5]);
  expect(frames).toEqual([0, 1, ...range(6, 12)]);
});
