/** RED, ULPFEC and redundant audio as they leave an `OutboundStream`. */
import { describe, expect, it } from 'vitest';
import { type RenderedPacket, random, randomBytes, renderAll } from './ops.testing.ts';
import { OutboundStream, type OutboundStreamOptions } from './outbound-stream.ts';
import { PacketArena } from './packet-arena.ts';
import type { PacketisedFrame } from './packetised-frame.ts';
import { H264Packetiser } from './packetisers/h264.ts';
import { OpusPacketiser } from './packetisers/opus.ts';
import { frameOf } from './packetisers/packetisers.testing.ts';
import { Vp8Packetiser } from './packetisers/vp8.ts';
import { parseRed } from './red.ts';
import { OP_WORDS, SendOps } from './send-ops.ts';
import { UlpfecDecoder } from './ulpfec-decoder.ts';

const SSRC = 0x11111111;
const RTX_SSRC = 0xf2222222;
const [MEDIA, RTX, RED, ULPFEC, RED_RTX] = [96, 97, 98, 99, 100];

class Bench {
  readonly arena: PacketArena;
  readonly ops = new SendOps();
  readonly stream: OutboundStream;
  readonly packetiser: Vp8Packetiser | H264Packetiser | OpusPacketiser;
  now = 10_000;
  transportSequenceNumber = 0;
  #frames = 0;

  constructor(
    options: Partial<OutboundStreamOptions> = {},
    packetiser: Bench['packetiser'] = new Vp8Packetiser(),
    arena = new PacketArena(1 << 20),
  ) {
    this.packetiser = packetiser;
    this.arena = arena;
    this.stream = new OutboundStream({
      ssrc: SSRC,
      payloadType: MEDIA,
      clockRate: 90_000,
      rtxSsrc: RTX_SSRC,
      rtxPayloadType: RTX,
      redPayloadType: RED,
      ulpfecPayloadType: ULPFEC,
      redRtxPayloadType: RED_RTX,
      extensions: { transportCc: 5, absSendTime: 3 },
      initialSequenceNumber: 65_500,
      initialRtxSequenceNumber: 700,
      timestampOffset: 0xffff_0000,
      initialPictureId: 10,
      ...options,
    });
  }

  readonly take = (): number => this.transportSequenceNumber++;

  frame(length = 3000): PacketisedFrame {
    const n = this.#frames++;
    const data = Uint8Array.from({ length }, (_, i) => (i * 7 + n * 31) & 0xff);
    if (this.packetiser instanceof H264Packetiser) data.set([0, 0, 0, 1, 0x41]);
    return this.packetiser.packetise(frameOf(data, { timestamp: n * 40_000, captureTime: 1e12 + n * 40 }), this.arena)!;
  }

  media(frame = this.frame()): RenderedPacket[] {
    for (let i = 0; i < frame.count; i++) {
      this.stream.writePacket(this.ops, 3, this.arena, frame, i, this.now, this.take());
    }
    this.now += 33;
    return renderAll(this.arena, this.ops);
  }

  fec(): RenderedPacket[] {
    while (this.stream.nextFec(this.ops, 3, this.arena, this.now, this.take) > 0);
    return renderAll(this.arena, this.ops);
  }

  /** What the peer asks for, sent again. */
  resend(sequenceNumbers: number[]): RenderedPacket[] {
    this.stream.handleNack(sequenceNumbers, this.now, 20);
    while (this.stream.nextRetransmission(this.ops, 3, this.arena, this.now, this.take) > 0);
    return renderAll(this.arena, this.ops);
  }
}

/** A RED packet as the media packet it was before, by RFC 2198. */
function unwrap({ bytes, header, payload }: RenderedPacket): Uint8Array {
  const [block, ...others] = parseRed(payload)!;
  expect(others).toEqual([]);
  const packet = new Uint8Array(bytes.length - 1);
  packet.set(bytes.subarray(0, header.payloadOffset));
  packet.set(block!.data, header.payloadOffset);
  packet[1] = (bytes[1]! & 0x80) | block!.payloadType;
  return packet;
}

const numbers = (packets: RenderedPacket[]): number[] => packets.map(({ header }) => header.sequenceNumber);
const types = (packets: RenderedPacket[]): number[] => packets.map(({ header }) => header.payloadType);
const blockType = ({ payload }: RenderedPacket): number => payload[0]!;

describe('OutboundStream with RED and ULPFEC', () => {
  it('sends media plain until it is told a percentage, and again when that is 0', () => {
    const bench = new Bench();
    expect(bench.stream.supportsFec).toBe(true);
    expect(types(bench.media())).toEqual([MEDIA, MEDIA, MEDIA]);
    expect(bench.stream.pendingFec).toBe(0);
    bench.stream.fecPercentage = 50;
    expect(types(bench.media())).toEqual([RED, RED, RED]);
    expect(bench.stream.pendingFec).toBe(2);
    expect(types(bench.fec())).toEqual([RED, RED]);
    bench.stream.fecPercentage = 0;
    expect(types(bench.media())).toEqual([MEDIA, MEDIA, MEDIA]);
    expect(bench.fec()).toEqual([]);
  });

  it('takes effect at the next frame, not within one', () => {
    const bench = new Bench();
    const frame = bench.frame();
    bench.stream.writePacket(bench.ops, 3, bench.arena, frame, 0, bench.now, 0);
    bench.stream.fecPercentage = 100;
    for (const i of [1, 2]) bench.stream.writePacket(bench.ops, 3, bench.arena, frame, i, bench.now, i);
    expect(types(renderAll(bench.arena, bench.ops))).toEqual([MEDIA, MEDIA, MEDIA]);
    expect(bench.stream.pendingFec).toBe(0);
  });

  it('does nothing where the peer takes no FEC', () => {
    const bench = new Bench({ redPayloadType: undefined, ulpfecPayloadType: undefined });
    bench.stream.fecPercentage = 100;
    expect(bench.stream.fecPercentage).toBe(0);
    expect(bench.stream.supportsFec).toBe(false);
    expect(types(bench.media())).toEqual([MEDIA, MEDIA, MEDIA]);
    expect(bench.stream.pendingFec).toBe(0);
  });

  it.each([
    ['VP8', () => new Vp8Packetiser()],
    ['H264', () => new H264Packetiser()],
  ])('wraps %s so that unwrapped it is the plain packet, on one run of sequence numbers', (_, packetiser) => {
    const [plain, red] = [new Bench({}, packetiser()), new Bench({}, packetiser())];
    red.stream.fecPercentage = 40;
    for (let i = 0; i < 3; i++) {
      const expected = plain.media();
      const sent = red.media();
      const fec = red.fec();
      // The plain stream's numbers, past those that FEC took.
      for (const [k, packet] of sent.entries()) {
        const media = unwrap(packet);
        const reference = expected[k]!.bytes.slice();
        reference.set(media.subarray(2, 4), 2);
        reference.set(media.subarray(17, 19), 17); // transport-wide number
        expect(Buffer.compare(media, reference)).toBe(0);
      }
      const all = numbers([...sent, ...fec]);
      expect(all).toEqual(all.map((_, k) => (all[0]! + k) & 0xffff));
      expect(fec.every((packet) => blockType(packet) === ULPFEC && !packet.header.marker)).toBe(true);
      expect(new Set([...sent, ...fec].map(({ header }) => `${header.ssrc} ${header.timestamp}`)).size).toBe(1);
    }
    expect(red.stream.stats().fecPacketsSent).toBeGreaterThan(2);
  });

  it('shares one RED copy of a frame between sessions, each with its own payload type', () => {
    const a = new Bench();
    const b = new Bench({ payloadType: 120, redPayloadType: 121, ulpfecPayloadType: 122, extensions: {} }, undefined, a.arena);
    a.stream.fecPercentage = b.stream.fecPercentage = 1;
    const frame = a.frame();
    const offsets = (bench: Bench): number[] => {
      for (let i = 0; i < frame.count; i++) bench.stream.writePacket(bench.ops, 0, bench.arena, frame, i, 0, i);
      const words = Array.from({ length: bench.ops.count }, (_, i) => bench.ops.words[i * OP_WORDS + 1]!);
      expect(renderAll(bench.arena, bench.ops).map(blockType)).toEqual(Array(3).fill(bench === a ? MEDIA : 120));
      return words;
    };
    expect(offsets(b)).toEqual(offsets(a));
  });

  it('protects the bytes that left: what is lost comes back byte for byte, over sequence number wrap and all extensions', () => {
    const next = random(17);
    let recovered = 0;
    let lost = 0;
    for (const packetiser of [new Vp8Packetiser(), new H264Packetiser()]) {
      const bench = new Bench({}, packetiser, new PacketArena(4 << 20));
      const decoder = new UlpfecDecoder(SSRC);
      bench.stream.fecPercentage = 30;
      for (let i = 0; i < 150; i++) {
        bench.now += next();
        const missing: string[] = [];
        const out: Uint8Array[] = [];
        for (const packet of [...bench.media(bench.frame(Math.floor(10 + next() ** 4 * 90_000))), ...bench.fec()]) {
          const isFec = blockType(packet) === ULPFEC;
          const media = isFec ? undefined : unwrap(packet);
          if (next() < 0.04) {
            if (media) missing.push(Buffer.from(media).toString('hex'));
          } else out.push(...(media ? decoder.addMedia(media) : decoder.addFec(packet.payload.subarray(1))));
        }
        lost += missing.length;
        for (const packet of out) {
          const at = missing.indexOf(Buffer.from(packet).toString('hex'));
          // Of a frame before this one, whose FEC came with this one.
          if (at >= 0) missing.splice(at, 1);
          recovered++;
        }
        for (const packet of out) expect(packet[1]! & 0x7f).toBe(MEDIA);
      }
    }
    expect(lost).toBeGreaterThan(100);
    expect(recovered / lost).toBeGreaterThan(0.8);
  });

  it('keeps to its percentage over frames of any size, and lets small ones share', () => {
    for (const [percentage, length] of [
      [5, 100],
      [20, 100],
      [10, 3000],
      [33, 3000],
      [50, 70_000],
      [100, 5000],
    ] as const) {
      const bench = new Bench();
      bench.stream.fecPercentage = percentage;
      let media = 0;
      let fec = 0;
      for (let i = 0; i < 120; i++) {
        media += bench.media(bench.frame(length)).length;
        fec += bench.fec().length;
      }
      expect(Math.abs(fec - (media * percentage) / 100)).toBeLessThanOrEqual(1);
    }
  });

  it('makes nobody wait for FEC over slow frames', () => {
    const bench = new Bench({}, undefined, new PacketArena(1 << 20));
    bench.stream.fecPercentage = 30;
    const seen: number[] = [];
    for (let i = 0; i < 12; i++) {
      bench.media(bench.frame(100));
      bench.now += 500;
      for (const { payload } of bench.fec()) {
        // Mask: only ever the one frame that was just sent.
        seen.push(((payload[13]! << 8) | payload[14]!) & 0xffff);
      }
    }
    expect(seen.length).toBeGreaterThan(2);
    for (const mask of seen) expect(mask.toString(2).replaceAll('0', '')).toHaveLength(1);
  });

  it('keeps RED packets and their retransmission within 1200 bytes, and FEC within 1230', () => {
    const bench = new Bench();
    bench.stream.fecPercentage = 10;
    const sent = bench.media(bench.frame(1167 * 40));
    const fec = bench.fec();
    expect(Math.max(...sent.map(({ bytes }) => bytes.length))).toBe(1198);
    const again = bench.resend(numbers([...sent, ...fec]));
    expect(again).toHaveLength(44);
    const lengths = again.map(({ bytes }) => bytes.length);
    expect(Math.max(...lengths.slice(0, 40))).toBe(1200);
    expect(Math.max(...lengths.slice(40))).toBeLessThanOrEqual(1230);
  });

  describe('retransmission', () => {
    const original = ({ payload }: RenderedPacket): number => (payload[0]! << 8) | payload[1]!;

    it('of RED and FEC goes by the rtx of RED', () => {
      const bench = new Bench();
      bench.stream.fecPercentage = 40;
      const sent = [...bench.media(), ...bench.fec()];
      const again = bench.resend(numbers(sent));
      expect(types(again)).toEqual(sent.map(() => RED_RTX));
      expect(again.map(original)).toEqual(numbers(sent));
      for (const [i, packet] of again.entries()) {
        expect(packet.header.ssrc).toBe(RTX_SSRC);
        expect(Buffer.compare(packet.payload.subarray(2), sent[i]!.payload)).toBe(0);
      }
    });

    it('without an rtx of RED takes media out of RED, and sends FEC again as it was', () => {
      const bench = new Bench({ redRtxPayloadType: undefined });
      bench.stream.fecPercentage = 40;
      const media = bench.media();
      const fec = bench.fec();
      const before = bench.transportSequenceNumber;
      const again = bench.resend(numbers([...media, ...fec]));
      expect(types(again)).toEqual([RTX, RTX, RTX, RED]);
      for (const [i, packet] of media.entries()) {
        expect(Buffer.compare(again[i]!.payload.subarray(2), packet.payload.subarray(1))).toBe(0);
      }
      expect(again[3]!.bytes).toEqual(fec[0]!.bytes);
      expect(bench.transportSequenceNumber - before).toBe(3);
    });

    it('without RTX sends everything again byte for byte', () => {
      const bench = new Bench({ rtxSsrc: undefined });
      bench.stream.fecPercentage = 40;
      const sent = [...bench.media(), ...bench.fec()];
      expect(bench.resend(numbers(sent)).map(({ bytes }) => bytes)).toEqual(sent.map(({ bytes }) => bytes));
    });

    it('as padding repeats RED by its rtx', () => {
      const bench = new Bench();
      bench.stream.fecPercentage = 40;
      const [first] = bench.media(bench.frame(1100));
      bench.stream.writePadding(bench.ops, 3, bench.arena, bench.now, bench.take);
      const [padding] = renderAll(bench.arena, bench.ops);
      expect(padding!.header).toMatchObject({ payloadType: RED_RTX, ssrc: RTX_SSRC });
      expect(padding!.payload.subarray(2)).toEqual(first!.payload);
    });
  });

  it('keeps the books', () => {
    const bench = new Bench();
    bench.stream.fecPercentage = 40;
    const media = bench.media();
    const fec = bench.fec();
    const again = bench.resend(numbers([media[0]!, fec[0]!]));
    const sum = (packets: RenderedPacket[]): number => packets.reduce((bytes, { payload }) => bytes + payload.length, 0);
    expect(bench.stream.stats()).toMatchObject({
      packetsSent: 6,
      bytesSent: sum([...media, ...fec, ...again]),
      headerBytesSent: 6 * 24,
      retransmittedPacketsSent: 2,
      retransmittedBytesSent: sum(again),
      fecPacketsSent: 1,
      fecBytesSent: sum(fec),
      framesSent: 1,
    });
    expect(bench.stream.senderReport(bench.now, 1e12)).toMatchObject({ packetCount: 4, octetCount: sum([...media, ...fec]) });
  });

  it('numbers FEC for the transport as it leaves, and only what leaves', () => {
    const bench = new Bench();
    bench.stream.fecPercentage = 100;
    bench.media();
    expect(bench.stream.pendingFec).toBe(3);
    bench.stream.clearFec();
    expect(bench.stream.pendingFec).toBe(0);
    expect(bench.fec()).toEqual([]);
    expect(bench.transportSequenceNumber).toBe(3);
    bench.media();
    const [fec] = bench.fec();
    expect(fec!.bytes[16]).toBe(0x51);
    expect((fec!.bytes[17]! << 8) | fec!.bytes[18]!).toBe(6);
  });

  it('lives with an arena too small for what it is asked', () => {
    const bench = new Bench({}, undefined, new PacketArena(48 << 10));
    bench.stream.fecPercentage = 100;
    const decoder = new UlpfecDecoder(SSRC);
    const next = random(1);
    for (let i = 0; i < 200; i++) {
      const sent = bench.media(bench.frame(Math.floor(next() * 17_000)));
      const media = sent.map(unwrap);
      const wanted = media.pop();
      for (const packet of media) decoder.addMedia(packet);
      for (const { payload } of bench.fec()) {
        for (const packet of decoder.addFec(payload.subarray(1))) {
          if (packet[3] === wanted?.[3]) expect(packet).toEqual(wanted);
        }
      }
    }
    expect(bench.stream.stats().packetsSent).toBeGreaterThan(1000);
  });
});

describe('OutboundStream with redundant audio', () => {
  const audio = (options: Partial<OutboundStreamOptions> = {}, arena?: PacketArena): Bench =>
    new Bench(
      { payloadType: 111, redPayloadType: 63, ulpfecPayloadType: undefined, rtxSsrc: undefined, clockRate: 48_000, ...options },
      new OpusPacketiser(),
      arena,
    );
  const opus = (bench: Bench, n: number, length = 80, timestamp = n * 20_000): PacketisedFrame => {
    const data = [0xfc, ...randomBytes(random(n), length - 1)];
    return bench.packetiser.packetise(frameOf(data, { timestamp, captureTime: 1e12 + n * 20, keyframe: true }), bench.arena)!;
  };

  it('puts the packet before in front of each', () => {
    const bench = audio();
    expect(bench.stream.supportsRedundancy).toBe(true);
    expect(bench.stream.supportsFec).toBe(false);
    const plain = bench.media(opus(bench, 0))[0]!;
    bench.stream.redundancy = 1;
    const [second] = bench.media(opus(bench, 1, 90));
    const [third] = bench.media(opus(bench, 2, 70));
    expect([plain, second!, third!].map(({ header }) => header.payloadType)).toEqual([111, 63, 63]);
    const blocks = parseRed(third!.payload)!;
    expect(blocks.map(({ payloadType, timestampOffset, data }) => [payloadType, timestampOffset, data.length])).toEqual([
      [111, 960, 90],
      [111, 0, 70],
    ]);
    expect(parseRed(second!.payload)![0]!.data).toEqual(plain.payload);
    expect(blocks[0]!.data).toEqual(parseRed(second!.payload)![1]!.data);
    bench.stream.redundancy = 0;
    expect(types(bench.media(opus(bench, 3)))).toEqual([111]);
  });

  it('shares the copy between sessions that sent the same packet before', () => {
    const a = audio();
    const b = audio({ payloadType: 109, redPayloadType: 64 }, a.arena);
    a.stream.redundancy = b.stream.redundancy = 1;
    const frames = [opus(a, 0), opus(a, 1)] as const;
    const last = (bench: Bench): [number, number[]] => {
      for (const frame of frames) bench.stream.writePacket(bench.ops, 0, bench.arena, frame, 0, 0, 0);
      const offset = bench.ops.words[OP_WORDS + 1]!;
      return [offset, parseRed(renderAll(bench.arena, bench.ops)[1]!.payload)!.map(({ payloadType }) => payloadType)];
    };
    const [one, two] = [last(a), last(b)];
    expect(one[0]).toBe(two[0]);
    expect([one[1], two[1]]).toEqual([
      [111, 111],
      [109, 109],
    ]);
  });

  it('sends plain what RED cannot say: the first, after a pause, behind too long a one, and what would be too long', () => {
    const bench = audio();
    bench.stream.redundancy = 1;
    const sent = [
      opus(bench, 0),
      opus(bench, 1, 80, 400_000), // 400 ms = 19200 units
      opus(bench, 2, 1050, 420_000),
      opus(bench, 3, 80, 440_000), // behind 1050 bytes
      opus(bench, 4, 600, 460_000),
      opus(bench, 5, 600, 480_000), // together too long
    ].flatMap((frame) => bench.media(frame));
    expect(types(sent)).toEqual([111, 111, 63, 111, 63, 111]);
  });

  it('does not do for video, nor where the peer takes no RED', () => {
    const video = new Bench();
    video.stream.redundancy = 1;
    expect(video.stream.redundancy).toBe(0);
    const bench = audio({ redPayloadType: undefined });
    bench.stream.redundancy = 1;
    expect(bench.stream.redundancy).toBe(0);
  });
});
