/** When a frame was captured, in its first packet: as it leaves an `OutboundStream` in every form. */
import { describe, expect, it } from 'vitest';
import { HeaderExtensionReader } from './header-extensions.ts';
import { fromNtp } from './ntp.ts';
import { type RenderedPacket, random, randomBytes, renderAll } from './ops.testing.ts';
import { OutboundStream, type OutboundStreamOptions } from './outbound-stream.ts';
import { PacketArena } from './packet-arena.ts';
import { createPacketiser, type Packetiser } from './packetiser.ts';
import { frameOf } from './packetisers/packetisers.testing.ts';
import { parseRed } from './red.ts';
import { SendOps } from './send-ops.ts';
import { UlpfecDecoder } from './ulpfec-decoder.ts';

const SSRC = 0x11111111;
const [TRANSPORT_CC, ABS_SEND_TIME, CAPTURE_TIME] = [5, 3, 9];
const [MEDIA, RTX, RED, ULPFEC] = [96, 97, 98, 99];
const START = 1_700_000_000_000.25;

class Bench {
  readonly arena = new PacketArena(1 << 20);
  readonly ops = new SendOps();
  readonly stream: OutboundStream;
  readonly packetiser: Packetiser;
  now = 10_000;
  #count = 0;
  #numbers = 0;

  constructor(codec: string, options: Partial<OutboundStreamOptions> = {}) {
    this.packetiser = createPacketiser(codec, { captureTimes: true });
    this.stream = new OutboundStream({
      ...{ ssrc: SSRC, payloadType: MEDIA, clockRate: this.packetiser.clockRate, rtxSsrc: 0xf2222222, rtxPayloadType: RTX },
      extensions: { transportCc: TRANSPORT_CC, absSendTime: ABS_SEND_TIME, absCaptureTime: CAPTURE_TIME },
      ...{ initialSequenceNumber: 100, initialRtxSequenceNumber: 700, timestampOffset: 0, initialPictureId: 10 },
      ...options,
    });
  }

  readonly take = (): number => this.#numbers++;

  send(data: Uint8Array): { sent: RenderedPacket[]; captured: number } {
    const captured = START + this.#count * 20;
    const frame = this.packetiser.packetise(
      frameOf(data, { timestamp: this.#count++ * 20_000, captureTime: captured }),
      this.arena,
    )!;
    for (let i = 0; i < frame.count; i++) {
      this.stream.writePacket(this.ops, 0, this.arena, frame, i, this.now, this.take());
    }
    return { sent: renderAll(this.arena, this.ops), captured };
  }
}

/** What the header extensions of a packet say: the capture time as ms since the Unix epoch. */
function extensions({ bytes, header }: Pick<RenderedPacket, 'bytes' | 'header'>): {
  ids: number[];
  captured: number | undefined;
} {
  const reader = new HeaderExtensionReader();
  reader.reset(bytes, header);
  const ids: number[] = [];
  let captured: number | undefined;
  while (reader.next()) {
    ids.push(reader.id);
    if (reader.id !== CAPTURE_TIME) continue;
    expect(reader.length).toBe(8);
    const view = new DataView(bytes.buffer, bytes.byteOffset + reader.offset);
    captured = fromNtp({ seconds: view.getUint32(0), fraction: view.getUint32(4) });
  }
  return { ids, captured };
}

const ALL = [TRANSPORT_CC, ABS_SEND_TIME, CAPTURE_TIME];
const REST = [TRANSPORT_CC, ABS_SEND_TIME];
const h264 = (length: number): Uint8Array => Uint8Array.from([0, 0, 0, 1, 0x41, ...new Uint8Array(length).fill(7)]);
const vp8 = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => 1 + 2 * (i % 100));

describe('the capture time', () => {
  it.each([
    ['VP8', vp8(3000)],
    ['VP9', Uint8Array.from(new Uint8Array(3000).fill(0x86))],
    ['H264', h264(3000)],
    ['H265', Uint8Array.from([0, 0, 0, 1, 2, 1, ...new Uint8Array(3000).fill(7)])],
    ['AV1', Uint8Array.from([0x32, 0xb8, 0x17, ...new Uint8Array(3000).fill(7)])],
    ['OPUS', new Uint8Array(80).fill(0xf8)],
    ['PCMU', new Uint8Array(160)],
  ])('stands in the first packet of each frame of %s, and in no other', (codec, data) => {
    const bench = new Bench(codec);
    for (let i = 0; i < 2; i++) {
      const { sent, captured } = bench.send(data);
      const [first, ...others] = sent.map(extensions);
      expect(first!.ids).toEqual(ALL);
      expect(first!.captured).toBeCloseTo(captured, 3);
      expect(others.every(({ ids }) => ids.join() === REST.join())).toBe(true);
      expect(Math.max(...sent.map(({ bytes }) => bytes.length))).toBeLessThanOrEqual(1208);
    }
  });

  it('leaves the picture id where it belongs, in each packet', () => {
    for (const codec of ['VP8', 'VP9']) {
      const bench = new Bench(codec);
      const { sent } = bench.send(codec === 'VP8' ? vp8(3000) : new Uint8Array(3000).fill(0x86));
      const at = codec === 'VP8' ? 2 : 1;
      expect(sent.map(({ payload }) => ((payload[at]! & 0x7f) << 8) | payload[at + 1]!)).toEqual([11, 11, 11]);
    }
  });

  it('is not shown to who did not negotiate it, whatever else was', () => {
    const data = vp8(3000);
    for (const [extensionIds, ids] of [
      [{ transportCc: TRANSPORT_CC, absSendTime: ABS_SEND_TIME }, REST],
      [{ transportCc: TRANSPORT_CC }, [TRANSPORT_CC]],
      [{ absSendTime: ABS_SEND_TIME, absCaptureTime: 15 }, [ABS_SEND_TIME]],
      [{}, []],
      [{ absCaptureTime: CAPTURE_TIME }, undefined],
      [{ ntp64: CAPTURE_TIME }, undefined],
      [{ absCaptureTime: CAPTURE_TIME, ntp64: 4 }, undefined],
    ] as const) {
      const { sent } = new Bench('VP8', { extensions: extensionIds }).send(data);
      expect(extensions(sent[0]!).ids).toEqual(ids ?? [CAPTURE_TIME]);
      expect(Buffer.concat(sent.map(({ payload }) => payload.subarray(6))).equals(data)).toBe(true);
    }
  });

  it('goes along with packets sent again, as RTX and as they were', () => {
    for (const rtx of [true, false]) {
      const bench = new Bench('VP8', rtx ? {} : { rtxPayloadType: undefined });
      const { sent, captured } = bench.send(vp8(3000));
      bench.stream.handleNack([100, 101], bench.now + 50, 20);
      while (bench.stream.nextRetransmission(bench.ops, 0, bench.arena, bench.now + 50, bench.take) > 0);
      const again = renderAll(bench.arena, bench.ops);
      expect(again.map((packet) => extensions(packet).captured?.toFixed(2))).toEqual([captured.toFixed(2), undefined]);
      for (const [i, { payload }] of again.entries()) expect(payload.subarray(rtx ? 2 : 0)).toEqual(sent[i]!.payload);
      const headers = [...sent, ...again].reduce((sum, { header }) => sum + header.payloadOffset, 0);
      const bodies = [...sent, ...again].reduce((sum, { payload }) => sum + payload.length, 0);
      expect(bench.stream.stats()).toMatchObject({ headerBytesSent: headers });
      // RTX counts as it left, with the number in front.
      expect(bench.stream.stats().bytesSent).toBe(bodies);
    }
  });

  it('is protected by ULPFEC like the rest, for those who know it and those who do not', () => {
    const next = random(7);
    for (const absCaptureTime of [CAPTURE_TIME, undefined]) {
      const known = absCaptureTime === undefined ? {} : { absCaptureTime };
      const bench = new Bench('H264', {
        ...{ redPayloadType: RED, ulpfecPayloadType: ULPFEC },
        extensions: { transportCc: TRANSPORT_CC, absSendTime: ABS_SEND_TIME, ...known },
      });
      bench.stream.fecPercentage = 100;
      const { sent } = bench.send(Uint8Array.from([0, 0, 0, 1, 0x41, ...randomBytes(next, 5000)]));
      while (bench.stream.nextFec(bench.ops, 0, bench.arena, bench.now, bench.take) > 0);
      const fec = renderAll(bench.arena, bench.ops);
      const media = sent.map(({ bytes, header, payload }) => {
        const [block] = parseRed(payload)!;
        const packet = Buffer.concat([bytes.subarray(0, header.payloadOffset), block!.data]);
        packet[1] = (bytes[1]! & 0x80) | block!.payloadType;
        return packet;
      });
      const decoder = new UlpfecDecoder(SSRC);
      const recovered = [
        ...media.slice(1).flatMap((packet) => decoder.addMedia(packet)),
        ...fec.flatMap(({ payload }) => decoder.addFec(payload.subarray(1))),
      ];
      expect(recovered.map((packet) => Buffer.from(packet).toString('hex'))).toEqual([media[0]!.toString('hex')]);
    }
  });

  it('stays out of what RED repeats of sound', () => {
    const bench = new Bench('OPUS', { redPayloadType: RED });
    bench.stream.redundancy = 1;
    const [first, second] = [new Uint8Array(80).fill(0xf8), new Uint8Array(70).fill(0xf9)];
    bench.send(first);
    const { sent, captured } = bench.send(second);
    expect(parseRed(sent[0]!.payload)!.map(({ data }) => Buffer.from(data))).toEqual(
      [first, second].map((data) => Buffer.from(data)),
    );
    expect(extensions(sent[0]!).captured).toBeCloseTo(captured, 3);
  });
});
