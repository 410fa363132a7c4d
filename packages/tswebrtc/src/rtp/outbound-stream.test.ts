import { describe, expect, it } from 'vitest';
import { HeaderExtensionReader } from './header-extensions.ts';
import { compactNtp, fromNtp, toNtp } from './ntp.ts';
import { type RenderedPacket, random, randomBytes, render, renderAll } from './ops.testing.ts';
import { OutboundStream, type OutboundStreamOptions } from './outbound-stream.ts';
import { PacketArena } from './packet-arena.ts';
import type { PacketisedFrame } from './packetised-frame.ts';
import { OpusPacketiser } from './packetisers/opus.ts';
import { frameOf } from './packetisers/packetisers.testing.ts';
import { Vp8Packetiser } from './packetisers/vp8.ts';
import { Vp9Packetiser } from './packetisers/vp9.ts';
import { SendOps } from './send-ops.ts';

const SSRC = 0x11111111;
const RTX_SSRC = 0xf2222222;

/** A session that sends VP8, on a clock that the test moves. */
class Bench {
  readonly arena: PacketArena;
  readonly ops = new SendOps();
  readonly stream: OutboundStream;
  readonly packetiser = new Vp8Packetiser();
  now = 10_000;
  transportSequenceNumber = 0;
  #frames = 0;

  constructor(options: Partial<OutboundStreamOptions> = {}, arena = new PacketArena(1 << 20)) {
    this.arena = arena;
    this.stream = new OutboundStream({
      ssrc: SSRC,
      payloadType: 96,
      clockRate: 90_000,
      rtxSsrc: RTX_SSRC,
      rtxPayloadType: 97,
      extensions: { transportCc: 5 },
      initialSequenceNumber: 100,
      initialRtxSequenceNumber: 700,
      timestampOffset: 0,
      initialPictureId: 10,
      ...options,
    });
  }

  readonly take = (): number => this.transportSequenceNumber++;

  frame(length = 3000, temporalLayer = 0): PacketisedFrame {
    const n = this.#frames++;
    const data = Uint8Array.from({ length }, (_, i) => 1 + ((i + n) % 255));
    return this.packetiser.packetise(
      frameOf(data, { timestamp: n * 40_000, captureTime: 1e12 + n * 40, temporalLayer }),
      this.arena,
    )!;
  }

  send(frame = this.frame()): RenderedPacket[] {
    for (let i = 0; i < frame.count; i++) {
      this.stream.writePacket(this.ops, 3, this.arena, frame, i, this.now, this.take());
    }
    return renderAll(this.arena, this.ops);
  }

  /** Everything that waits to be sent again. */
  resend(): RenderedPacket[] {
    while (this.stream.nextRetransmission(this.ops, 3, this.arena, this.now, this.take) > 0);
    return renderAll(this.arena, this.ops);
  }

  nack(sequenceNumbers: number[], roundTripTime: number | undefined = 50): void {
    this.stream.handleNack(sequenceNumbers, this.now, roundTripTime);
  }
}

function extension(packet: RenderedPacket, id: number): number | undefined {
  const reader = new HeaderExtensionReader();
  reader.reset(packet.bytes, packet.header);
  if (!reader.find(id)) return undefined;
  return packet.bytes.subarray(reader.offset, reader.offset + reader.length).reduce((value, byte) => value * 256 + byte, 0);
}

/** PictureID and TL0PICIDX, from a VP8 payload. */
const pictureId = (payload: Uint8Array): number => ((payload[2]! & 0x7f) << 8) | payload[3]!;
const tl0 = (payload: Uint8Array): number => payload[4]!;

const numbers = (packets: RenderedPacket[]): number[] => packets.map((packet) => packet.header.sequenceNumber);
const originals = (packets: RenderedPacket[]): number[] => packets.map(({ payload }) => (payload[0]! << 8) | payload[1]!);

describe('OutboundStream', () => {
  it('gives packets the identity of its session', () => {
    const bench = new Bench({ timestampOffset: 0xffff_fff0 });
    bench.send();
    const packets = bench.send();
    expect(packets.map(({ header }) => header.marker)).toEqual([false, false, true]);
    expect(numbers(packets)).toEqual([103, 104, 105]);
    for (const { header, lane } of packets) {
      expect(header).toMatchObject({ ssrc: SSRC, payloadType: 96, timestamp: 3600 - 16 });
      expect(lane).toBe(3);
    }
  });

  it('sends one frame to several sessions, each with its own', () => {
    const arena = new PacketArena(1 << 20);
    const a = new Bench({}, arena);
    const b = new Bench({ ssrc: 9, initialSequenceNumber: 5000, extensions: {}, initialPictureId: 99 }, arena);
    const frame = a.frame();
    const [first, second, again] = [a.send(frame), b.send(frame), a.send(frame)];
    expect([...numbers(first), ...numbers(second), ...numbers(again)]).toEqual([100, 101, 102, 5000, 5001, 5002, 103, 104, 105]);
    expect([first, second, again].map((packets) => pictureId(packets[0]!.payload))).toEqual([11, 100, 12]);
    const body = (packets: RenderedPacket[]): Buffer => Buffer.concat(packets.map(({ payload }) => payload.subarray(6)));
    expect(body(second)).toEqual(body(first));
  });

  it('never goes back in time, though a frame of another encoder is older than the last one', () => {
    const bench = new Bench({ timestampOffset: 0xffff_fff0 });
    const [first, second, third] = [bench.frame(), bench.frame(), bench.frame()];
    const stamps = [second, first, third].map((frame) => {
      const packets = bench.send(frame);
      expect(new Set(packets.map(({ header }) => header.timestamp)).size).toBe(1);
      return packets[0]!.header.timestamp;
    });
    expect(stamps).toEqual([3600 - 16, 3600 - 15, 7200 - 16]);
  });

  it('carries its sequence numbers over the wrap with the roll-over counter', () => {
    const bench = new Bench({ initialSequenceNumber: 65_534, initialRtxSequenceNumber: 65_535 });
    const packets = bench.send();
    expect(packets.map((p) => [p.rolloverCounter, p.header.sequenceNumber])).toEqual([
      [0, 65_534],
      [0, 65_535],
      [1, 0],
    ]);
    bench.nack([65_534, 0]);
    expect(bench.resend().map((p) => [p.rolloverCounter, p.header.sequenceNumber, originals([p])[0]])).toEqual([
      [0, 65_535, 65_534],
      [1, 0, 0],
    ]);
  });

  it('counts every roll-over', () => {
    const bench = new Bench({ historySize: 1 });
    const frame = bench.frame(10);
    let last: RenderedPacket | undefined;
    for (let i = 0; i < 200_000; i++) {
      bench.stream.writePacket(bench.ops, 0, bench.arena, frame, 0, 0, undefined);
      if (i === 199_999) last = render(bench.arena, bench.ops, 0);
      bench.ops.clear();
    }
    expect([last!.rolloverCounter, last!.header.sequenceNumber]).toEqual([3, 100 + 199_999 - 3 * 65_536]);
  });

  it('counts its timestamps from the beginning of a clock where it is told to', () => {
    const epoch = -2_208_988_800_000;
    const bench = new Bench({ timestampEpoch: epoch });
    const frame = bench.frame(1);
    const [packet] = bench.send(frame);
    const since = (BigInt(Math.round(frame.captureTime * 1000)) - BigInt(epoch) * 1000n) * BigInt(bench.stream.clockRate);
    expect(Math.abs(packet!.header.timestamp - Number((since / 1_000_000n) % 0x1_0000_0000n))).toBeLessThanOrEqual(1);
  });

  describe('header extensions', () => {
    it('go out under the negotiated ids', () => {
      const bench = new Bench({ extensions: { transportCc: 5, absSendTime: 14 } });
      bench.transportSequenceNumber = 65_535;
      bench.now = 64_000 + 1500;
      const [first, second] = bench.send();
      expect(extension(first!, 5)).toBe(65_535);
      expect(extension(second!, 5)).toBe(0);
      expect(extension(first!, 14)).toBe(1.5 * 2 ** 18);
    });

    it('say the playout delay, in packets sent again too, unless the send time has that place', () => {
      const playoutDelay = [100, 2500] as const;
      const bench = new Bench({ extensions: { transportCc: 5, playoutDelay: 3 }, playoutDelay });
      for (const packet of bench.send()) expect(extension(packet, 3)).toBe((10 << 12) | 250);
      const both = new Bench({ extensions: { transportCc: 5, playoutDelay: 3, absSendTime: 4 }, playoutDelay });
      const [packet] = both.send();
      expect([extension(packet!, 3), extension(packet!, 4)]).toEqual([undefined, expect.any(Number)]);
    });

    it('are left out where they were not negotiated, have no number, or an id that does not fit', () => {
      for (const extensions of [{}, { transportCc: 0 }, { transportCc: 15 }, { transportCc: 300, absSendTime: -1 }]) {
        const bench = new Bench({ extensions });
        expect(bench.stream.usesTransportCc).toBe(false);
        const [packet] = bench.send();
        const reader = new HeaderExtensionReader();
        reader.reset(packet!.bytes, packet!.header);
        expect(reader.next()).toBe(false);
      }
      const bench = new Bench();
      bench.stream.writePacket(bench.ops, 0, bench.arena, bench.frame(), 0, 0, undefined);
      expect(extension(renderAll(bench.arena, bench.ops)[0]!, 5)).toBeUndefined();
    });
  });

  describe('for a peer that reports by RTP sequence numbers', () => {
    it('remembers the transport-wide numbers, of retransmissions and padding too, whether packets carry them or not', () => {
      for (const extensions of [{}, { transportCc: 5 }]) {
        const bench = new Bench({ congestionControlFeedback: true, extensions, initialSequenceNumber: 65_534, historySize: 4 });
        bench.transportSequenceNumber = 65_533;
        expect(bench.stream.countsTransport).toBe(true);
        const [first] = bench.send();
        expect(extension(first!, 5)).toBe(extensions.transportCc && 65_533);
        bench.nack([0]);
        const [again] = bench.resend();
        expect(extension(again!, 5)).toBe(extensions.transportCc && 65_536 % 0x10000);
        bench.stream.writePadding(bench.ops, 3, bench.arena, bench.now, bench.take);
        const known = [65_533, 65_534, 65_535, 0, 1].map((number) => bench.stream.transportSequenceNumberOf(number));
        expect(known).toEqual([undefined, 65_533, 65_534, 65_535, undefined]);
        expect([700, 701, 702].map((number) => bench.stream.transportSequenceNumberOf(number, RTX_SSRC))).toEqual([
          0,
          1,
          undefined,
        ]);
        expect(bench.stream.transportSequenceNumberOf(65_534, 77)).toBeUndefined();
        bench.send();
        expect(bench.stream.transportSequenceNumberOf(65_534)).toBeUndefined();
        expect(bench.stream.transportSequenceNumberOf(3)).toBe(4);
      }
    });

    it('counts none for other peers unless packets carry them', () => {
      expect([new Bench().stream.countsTransport, new Bench({ extensions: {} }).stream.countsTransport]).toEqual([true, false]);
      const bench = new Bench();
      bench.send();
      expect(bench.stream.transportSequenceNumberOf(100)).toBeUndefined();
    });
  });

  describe('VP8 picture ids', () => {
    it('run on over frames this session left out, one step a frame, and wrap at 15 bits', () => {
      const bench = new Bench({ initialPictureId: 0x7ffd });
      const seen: number[] = [];
      for (let i = 0; i < 6; i++) {
        const frame = bench.frame();
        if (i % 2 === 1) continue;
        const packets = bench.send(frame);
        expect(new Set(packets.map(({ payload }) => pictureId(payload))).size).toBe(1);
        expect(packets.every(({ payload }) => payload[2]! >= 0x80)).toBe(true);
        seen.push(pictureId(packets[0]!.payload));
      }
      expect(seen).toEqual([0x7ffe, 0x7fff, 0]);
    });

    it('have a TL0PICIDX that moves with the base layer only, and wraps', () => {
      const bench = new Bench({ initialPictureId: 0xfd });
      const seen = [0, 1, 1, 0, 1, 0, 0].map((layer) => tl0(bench.send(bench.frame(100, layer))[0]!.payload));
      expect(seen).toEqual([0xfe, 0xfe, 0xfe, 0xff, 0xff, 0, 1]);
    });
  });

  describe('VP9 picture ids', () => {
    it('run on with the layer between them and TL0PICIDX, first sent and sent again', () => {
      const bench = new Bench({ initialPictureId: 0x7ffe });
      const descriptor = ({ payload }: RenderedPacket, at: number): number[] => [...payload.subarray(at, at + 4)];
      const send = (temporalLayer: number): RenderedPacket[] => {
        const fields = { timestamp: 0, captureTime: 0, keyframe: false, duration: 0, temporalLayer };
        return bench.send(new Vp9Packetiser().packetise({ ...fields, data: Uint8Array.of(0x86, 1, 2) }, bench.arena)!);
      };
      const [base, upper] = [send(0), send(1)];
      expect(descriptor(base[0]!, 1)).toEqual([0xff, 0xff, 0x10, 0xff]);
      expect(descriptor(upper[0]!, 1)).toEqual([0x80, 0x00, 0x30, 0xff]);
      expect(descriptor(send(0)[0]!, 1)).toEqual([0x80, 0x01, 0x10, 0x00]);
      bench.nack([numbers(upper)[0]!]);
      const again = bench.resend();
      expect(descriptor(again[0]!, 3)).toEqual([0x80, 0x00, 0x30, 0xff]);
    });
  });

  describe('retransmission with RTX', () => {
    it('sends the same payload behind its sequence number, as a packet of the RTX stream', () => {
      const bench = new Bench({ extensions: { transportCc: 5, absSendTime: 2 } });
      bench.send();
      const sent = bench.send();
      bench.now += 30;
      bench.nack([105, 104]);
      expect(bench.stream.pendingRetransmissions).toBe(2);
      const resent = bench.resend();
      expect(bench.stream.pendingRetransmissions).toBe(0);
      expect(numbers(resent)).toEqual([700, 701]);
      expect(originals(resent)).toEqual([105, 104]);
      for (const [i, original] of [sent[2]!, sent[1]!].entries()) {
        const { header, payload, bytes } = resent[i]!;
        expect(header).toMatchObject({ ssrc: RTX_SSRC, payloadType: 97, timestamp: 3600, marker: original.header.marker });
        expect(payload.subarray(2)).toEqual(original.payload);
        expect(bytes.length).toBe(original.bytes.length + 2);
        expect(extension(resent[i]!, 5)).toBe(6 + i);
        expect(extension(resent[i]!, 2)).toBe(Math.floor(10_030 * 262.144) % 2 ** 24);
      }
    });

    it('keeps even the largest packet within 1200 bytes', () => {
      const bench = new Bench();
      const sent = bench.send(bench.frame(1167));
      expect(sent.map(({ bytes }) => bytes.length)).toEqual([1197]);
      bench.nack([100]);
      expect(bench.resend().map(({ bytes }) => bytes.length)).toEqual([1199]);
    });

    it('takes a transport sequence number only for a packet that leaves', () => {
      const bench = new Bench();
      bench.send();
      expect(bench.resend()).toEqual([]);
      bench.nack([50]);
      expect(bench.resend()).toEqual([]);
      expect(bench.transportSequenceNumber).toBe(3);
    });
  });

  it('without RTX sends the packet again byte for byte, since SRTP allows one content under one index', () => {
    const bench = new Bench({
      rtxSsrc: undefined,
      extensions: { transportCc: 5, absSendTime: 2 },
      initialSequenceNumber: 65_535,
    });
    const sent = bench.send();
    bench.now += 777;
    bench.nack([65_535, 0, 1]);
    const resent = bench.resend();
    expect(resent.map(({ bytes }) => bytes)).toEqual(sent.map(({ bytes }) => bytes));
    expect(resent.map(({ rolloverCounter }) => rolloverCounter)).toEqual([0, 1, 1]);
    expect(bench.transportSequenceNumber).toBe(3);
    // The next frame goes on where the first ended.
    expect(numbers(bench.send())).toEqual([2, 3, 4]);
  });

  describe('requests', () => {
    it('are answered once a round trip, however often they come', () => {
      const bench = new Bench();
      bench.send();
      bench.nack([100, 100, 101]);
      bench.nack([100]);
      expect(originals(bench.resend())).toEqual([100, 101]);
      bench.now += 49;
      bench.nack([100], 50);
      expect(bench.resend()).toEqual([]);
      bench.now += 1;
      bench.nack([100], 50);
      expect(originals(bench.resend())).toEqual([100]);
    });

    it('are answered at most every 100 ms where the round trip is not known, and every 5 ms on the shortest path', () => {
      const bench = new Bench();
      bench.send();
      const answered = (after: number, roundTripTime: number | undefined): boolean => {
        bench.now += after;
        bench.stream.handleNack([100], bench.now, roundTripTime);
        return bench.resend().length > 0;
      };
      expect([answered(0, undefined), answered(99, undefined), answered(1, undefined)]).toEqual([true, false, true]);
      expect([answered(5, 0), answered(4, 0), answered(1, 0)]).toEqual([true, false, true]);
    });

    it('are given up for a packet that was sent again ten times', () => {
      const bench = new Bench();
      bench.send();
      let answers = 0;
      for (let i = 0; i < 15; i++) {
        bench.now += 50;
        bench.nack([100]);
        answers += bench.resend().length;
      }
      expect(answers).toBe(10);
      bench.nack([101]);
      expect(originals(bench.resend())).toEqual([101]);
    });

    it('reach back only as far as the history has room, in bytes', () => {
      const bench = new Bench({ historyBytes: 5000, historySize: 8 });
      const everything = Array.from({ length: 40 }, (_, i) => 100 + i);
      for (let i = 0; i < 4; i++) bench.send(bench.frame(1000));
      expect(numbers(bench.send(bench.frame(1000)))).toEqual([104]);
      bench.nack(everything);
      expect(originals(bench.resend())).toEqual([101, 102, 103, 104]);
      // Small packets: now the number of packets is the bound.
      for (let i = 0; i < 20; i++) bench.send(bench.frame(10));
      bench.now += 50;
      bench.nack(everything);
      expect(originals(bench.resend())).toEqual([117, 118, 119, 120, 121, 122, 123, 124]);
      // One packet is always kept, however small the bound.
      const tiny = new Bench({ historyBytes: 1 });
      tiny.send();
      tiny.nack([100, 101, 102]);
      expect(originals(tiny.resend())).toEqual([102]);
    });

    it('beyond their share of the bandwidth are not answered now, but later', () => {
      const bench = new Bench({ retransmissionPercentage: 25 });
      for (let i = 0; i < 3; i++) bench.send(); // 9 packets
      bench.nack([100, 101, 102, 103, 104, 105]);
      expect(originals(bench.resend())).toEqual([100, 101, 102]); // 3 of 12
      expect(bench.stream.pendingRetransmissions).toBe(0);
      for (let i = 0; i < 2; i++) bench.send();
      bench.nack([103, 104, 105]);
      expect(originals(bench.resend())).toEqual([103, 104]); // 5 of 20
      bench.stream.retransmissionPercentage = -1;
      bench.nack([105, 106]);
      expect(originals(bench.resend())).toEqual([105, 106]);
      bench.stream.retransmissionPercentage = 0;
      bench.nack([107]);
      expect(bench.resend()).toEqual([]);
    });

    it('for packets never sent, too old or forgotten are not answered', () => {
      const bench = new Bench({ historySize: 4, historyDuration: 500 });
      bench.nack([0, 99, 100, 101, 65_535]);
      bench.send(); // 100..102
      bench.send(); // 103..105
      bench.nack([100, 101, 102, 105, 106, 102 + 0x8000]);
      expect(originals(bench.resend())).toEqual([102, 105]);
      bench.now += 501;
      bench.nack([103, 104]);
      expect(bench.resend()).toEqual([]);
    });

    it('wait for their turn, and lapse when the packet ages or is forgotten meanwhile', () => {
      const bench = new Bench({ historySize: 4, historyDuration: 500 });
      bench.send();
      bench.nack([100, 101, 102]);
      bench.send(bench.frame(1500)); // 103, 104: 100 is forgotten
      expect(originals(bench.resend())).toEqual([101, 102]);
      bench.nack([103]);
      bench.now += 501;
      expect(bench.resend()).toEqual([]);
      expect(bench.stream.pendingRetransmissions).toBe(0);
    });

    it('for packets whose bytes the arena has given up are not answered with other bytes', () => {
      const bench = new Bench({}, new PacketArena(32 << 10));
      bench.send();
      bench.send();
      for (let i = 0; i < 8; i++) bench.frame();
      bench.nack([100, 101, 102]);
      expect(bench.resend()).toEqual([]);
      expect(bench.transportSequenceNumber).toBe(6);
    });

    it('of a peer that asks for everything all the time cost no more than the history holds', () => {
      const bench = new Bench({ historySize: 16 });
      const everything = Array.from({ length: 65_536 }, (_, i) => i);
      for (let i = 0; i < 20; i++) {
        bench.send();
        bench.nack(everything, 0);
        expect(bench.stream.pendingRetransmissions).toBeLessThanOrEqual(16);
      }
      expect(bench.resend().length).toBeLessThanOrEqual(16);
      bench.nack([159]);
      bench.now += 10;
      bench.nack([159], 0);
      expect(originals(bench.resend())).toEqual([159]);
    });
  });

  it('forgets what waits to be sent again when told to, and answers the next request', () => {
    const bench = new Bench({ historySize: 4 });
    bench.send(); // 100..102
    bench.nack([100, 101, 102]);
    bench.send(bench.frame(100)); // 103
    bench.send(bench.frame(100)); // 104: 100 is forgotten
    bench.stream.clearRetransmissions();
    expect(bench.stream.pendingRetransmissions).toBe(0);
    expect(bench.resend()).toEqual([]);
    bench.nack([102, 104]);
    expect(originals(bench.resend())).toEqual([102, 104]);
  });

  describe('padding', () => {
    const pad = (bench: Bench): RenderedPacket | undefined => {
      const bytes = bench.stream.writePadding(bench.ops, 3, bench.arena, bench.now, bench.take);
      const [packet] = renderAll(bench.arena, bench.ops);
      expect(bytes).toBe(packet?.bytes.length ?? 0);
      return packet;
    };

    it('is the last packet of some size, once more, on the RTX stream', () => {
      const bench = new Bench();
      const sent = bench.send();
      bench.send(bench.frame(100));
      const before = bench.stream.stats();
      bench.now += 20;
      const packets = [pad(bench)!, pad(bench)!];
      expect(numbers(packets)).toEqual([700, 701]);
      expect(originals(packets)).toEqual([102, 102]);
      expect(packets.map((packet) => extension(packet, 5))).toEqual([4, 5]);
      for (const { header, payload } of packets) {
        expect(header).toMatchObject({ ssrc: RTX_SSRC, payloadType: 97, marker: true });
        expect(payload.subarray(2)).toEqual(sent[2]!.payload);
      }
      const bytes = 2 * packets[0]!.payload.length;
      expect(bench.stream.stats()).toEqual({
        ...before,
        packetsSent: before.packetsSent + 2,
        bytesSent: before.bytesSent + bytes,
        headerBytesSent: before.headerBytesSent + 2 * 24,
        paddingPacketsSent: 2,
        paddingBytesSent: bytes,
      });
      // RFC 3550 §6.4.1 counts media in sender reports.
      expect(bench.stream.senderReport(bench.now, 0)!.packetCount).toBe(4);
    });

    it('does not stand in the way of a retransmission of the same packet', () => {
      const bench = new Bench();
      bench.send();
      pad(bench);
      bench.nack([102]);
      expect(originals(bench.resend())).toEqual([102]);
    });

    it('is the last packet where none of some size was sent within a second', () => {
      const bench = new Bench({ historyDuration: 5000 });
      bench.send();
      bench.now += 1001;
      bench.send(bench.frame(100));
      expect(originals([pad(bench)!])).toEqual([103]);
    });

    it('is not sent before the first packet, after the history has lapsed, or without RTX', () => {
      const bench = new Bench({ initialSequenceNumber: 0 });
      expect(pad(bench)).toBeUndefined();
      bench.send();
      bench.now += 1001;
      expect(pad(bench)).toBeUndefined();
      const plain = new Bench({ rtxSsrc: undefined });
      plain.send();
      expect(pad(plain)).toBeUndefined();
      expect([bench.transportSequenceNumber, plain.transportSequenceNumber]).toEqual([3, 3]);
    });

    it('is not made of bytes that the arena has given up', () => {
      const bench = new Bench({}, new PacketArena(32 << 10));
      bench.send();
      for (let i = 0; i < 9; i++) bench.frame();
      expect(pad(bench)).toBeUndefined();
    });
  });

  it('spends nothing on a packet that the arena has already given up', () => {
    const bench = new Bench({}, new PacketArena(32 << 10));
    const frame = bench.frame();
    for (let i = 0; i < 9; i++) bench.frame();
    expect(bench.stream.writePacket(bench.ops, 0, bench.arena, frame, 0, bench.now, 1)).toBe(0);
    expect(bench.ops.count).toBe(0);
    expect(numbers(bench.send())).toEqual([100, 101, 102]);
  });

  it('marks audio at the start of a talk spurt only, and leaves its payload alone', () => {
    const bench = new Bench();
    const packetiser = new OpusPacketiser();
    const packets = [0, 20_000].flatMap((timestamp) =>
      bench.send(packetiser.packetise(frameOf([248, 1, 2, 3], { timestamp }), bench.arena)!),
    );
    expect(packets.map(({ header }) => header.marker)).toEqual([true, false]);
    expect(packets.map(({ payload }) => [...payload])).toEqual([
      [248, 1, 2, 3],
      [248, 1, 2, 3],
    ]);
  });

  it('refuses a history of a size it cannot index', () => {
    for (const historySize of [0, 3, 65_536, Number.NaN]) expect(() => new Bench({ historySize })).toThrow(RangeError);
  });

  describe('sender reports', () => {
    it('start with the first frame', () => {
      expect(new Bench().stream.senderReport(0, 0)).toBeUndefined();
    });

    it('give the moment on the RTP clock, and count media without retransmissions', () => {
      const bench = new Bench({ timestampOffset: 1000 });
      bench.send();
      bench.send(); // captured at 1e12 + 40, timestamp 3600
      bench.nack([100]);
      bench.resend();
      const wallTime = 1e12 + 40 + 250;
      const report = bench.stream.senderReport(bench.now, wallTime)!;
      expect(report).toMatchObject({ type: 'sr', ssrc: SSRC, rtpTimestamp: 1000 + 3600 + 22_500, packetCount: 6 });
      expect(report.octetCount).toBe(2 * (3000 + 3 * 6));
      expect(fromNtp(report.ntpTime)).toBeCloseTo(wallTime, 2);
    });

    it('put tracks of one input on one time line, whatever was sent last of each', () => {
      const video = new Bench({ timestampOffset: 0xffff_0000 });
      const audio = new Bench({ clockRate: 48_000, timestampOffset: 77 });
      const opus = new OpusPacketiser();
      video.send();
      video.send();
      for (let n = 0; n < 9; n++) {
        const input = frameOf([248], { timestamp: n * 20_000, captureTime: 1e12 + n * 20 });
        audio.send(opus.packetise(input, audio.arena)!);
      }
      // Position on the media timeline, ms, that a report puts at its wall time: RTP timestamps start at 0 with the offset.
      const position = (bench: Bench, wallTime: number, offset: number, clockRate: number): number =>
        (((bench.stream.senderReport(0, wallTime)!.rtpTimestamp - offset) >>> 0) * 1000) / clockRate;
      expect(position(video, 1e12 + 500, 0xffff_0000, 90_000)).toBeCloseTo(500, 1);
      expect(position(audio, 1e12 + 620, 77, 48_000)).toBeCloseTo(620, 1);
    });
  });

  describe('what the peer reports', () => {
    const block = {
      ssrc: SSRC,
      fractionLost: 0.25,
      packetsLost: 12,
      highestSequenceNumber: 900,
      jitter: 900,
      lastSenderReport: 0,
      delaySinceLastSenderReport: 0,
    };

    it('gives loss, jitter and the round trip of our own reports', () => {
      const bench = new Bench();
      bench.send();
      expect(bench.stream.remoteInbound).toBeUndefined();
      bench.stream.handleReportBlock(block, bench.now);
      expect(bench.stream.remoteInbound).toMatchObject({
        packetsLost: 12,
        fractionLost: 0.25,
        jitter: 0.01,
        roundTripTime: undefined,
      });

      const wallTime = 1.7e12;
      bench.stream.senderReport(bench.now, wallTime);
      const lastSenderReport = compactNtp(toNtp(wallTime));
      bench.now += 580;
      bench.stream.handleReportBlock({ ...block, lastSenderReport, delaySinceLastSenderReport: 65_536 / 2 }, bench.now);
      expect(bench.stream.remoteInbound?.roundTripTime).toBeCloseTo(0.08, 6);
      expect(bench.stream.remoteInbound).toMatchObject({ roundTripTimeMeasurements: 1 });
    });

    it('measures nothing by reports that were never sent or delays that cannot be', () => {
      const bench = new Bench();
      bench.send();
      const wallTime = 1.7e12;
      bench.stream.senderReport(bench.now, wallTime);
      const lastSenderReport = compactNtp(toNtp(wallTime));
      bench.stream.handleReportBlock({ ...block, lastSenderReport: lastSenderReport + 1 }, bench.now + 10);
      bench.stream.handleReportBlock({ ...block, lastSenderReport, delaySinceLastSenderReport: 0xffff_ffff }, bench.now + 10);
      expect(bench.stream.remoteInbound?.roundTripTime).toBeUndefined();
    });

    it('of other streams is not for us', () => {
      const bench = new Bench();
      bench.stream.handleReportBlock({ ...block, ssrc: RTX_SSRC }, 0);
      expect(bench.stream.remoteInbound).toBeUndefined();
    });
  });

  it('keeps the books', () => {
    const bench = new Bench();
    const key = bench.packetiser.packetise(frameOf([0x10, ...new Uint8Array(2000)]), bench.arena)!;
    bench.send(key);
    bench.send(bench.packetiser.packetise(frameOf([0x11, 1, 2]), bench.arena)!);
    bench.nack([100, 101]);
    bench.nack([]);
    const [a, b] = bench.resend();
    bench.stream.handlePli();
    expect([1, 1, 2].map((number) => bench.stream.handleFir(number))).toEqual([true, false, true]);
    expect(bench.stream.stats()).toEqual({
      packetsSent: 5,
      bytesSent: 2001 + 2 * 6 + 3 + 6 + a!.payload.length + b!.payload.length,
      headerBytesSent: 5 * 24,
      retransmittedPacketsSent: 2,
      retransmittedBytesSent: a!.payload.length + b!.payload.length,
      paddingPacketsSent: 0,
      paddingBytesSent: 0,
      fecPacketsSent: 0,
      fecBytesSent: 0,
      framesSent: 2,
      keyFramesSent: 1,
      nackCount: 2,
      pliCount: 1,
      firCount: 3,
    });
  });

  it('never answers with anything but what was sent, over a long run of chance', () => {
    const next = random(11);
    const bench = new Bench({ historySize: 64, initialSequenceNumber: 65_000, timestampOffset: 5 }, new PacketArena(96 << 10));
    const sent = new Map<number, RenderedPacket>();
    let answered = 0;
    for (let round = 0; round < 1500; round++) {
      bench.now += next() * 40;
      const input = frameOf(randomBytes(next, 1 + Math.floor(next() * 5000)), { timestamp: round * 33_333 });
      const frame = bench.packetiser.packetise(input, bench.arena)!;
      if (next() < 0.8) for (const packet of bench.send(frame)) sent.set(packet.header.sequenceNumber, packet);
      const newest = bench.stream.nextSequenceNumber;
      const asked = Array.from({ length: Math.floor(next() * 6) }, () => (newest - Math.floor(next() * 90)) & 0xffff);
      bench.nack(asked, next() * 100);
      for (const packet of bench.resend()) {
        const original = sent.get(originals([packet])[0]!)!;
        expect(Buffer.compare(packet.payload.subarray(2), original.payload)).toBe(0);
        expect(packet.header.timestamp).toBe(original.header.timestamp);
        expect(packet.header.marker).toBe(original.header.marker);
        answered++;
      }
    }
    expect(answered).toBeGreaterThan(500);
  });
});
