import { describe, expect, it } from 'vitest';
import { random, renderAll } from '../ops.testing.ts';
import { OutboundStream } from '../outbound-stream.ts';
import { parseRtp, RtpHeader } from '../packet.ts';
import { PacketArena } from '../packet-arena.ts';
import { createPacketiser } from '../packetiser.ts';
import { frameOf } from '../packetisers/packetisers.testing.ts';
import { SendOps } from '../send-ops.ts';
import { type InboundFrame, InboundStream, type PayloadFormat } from './inbound-stream.ts';

const [SSRC, RTX_SSRC] = [1111, 2222];
const VIDEO_FORMATS = new Map<number, PayloadFormat>([
  [96, { name: 'VP8', clockRate: 90_000 }],
  [97, { name: 'rtx', clockRate: 90_000, associated: 96 }],
  [98, { name: 'H264', clockRate: 90_000 }],
  [99, { name: 'rtx', clockRate: 90_000, associated: 98 }],
  [100, { name: 'red', clockRate: 90_000 }],
  [101, { name: 'ulpfec', clockRate: 90_000 }],
]);
const AUDIO_FORMATS = new Map<number, PayloadFormat>([
  [111, { name: 'opus', clockRate: 48_000 }],
  [63, { name: 'red', clockRate: 48_000 }],
]);

interface PathOptions {
  readonly codec?: 'VP8' | 'H264' | 'OPUS';
  readonly seed?: number;
  /** One way, ms, and what is added to it at random. */
  readonly delay?: number;
  readonly jitter?: number;
  readonly loss?: number;
  readonly rtx?: boolean;
  readonly nack?: boolean;
  readonly fecPercentage?: number;
  readonly redundancy?: number;
  readonly frames?: number;
  readonly ceiling?: number;
}

interface Outcome {
  readonly received: (InboundFrame & { readonly at: number })[];
  readonly sent: number;
  readonly stream: InboundStream;
  readonly keyframesAsked: number;
}

/**
 * A sender and a receiver of ours with a path between them, on a virtual clock: every frame says its number. Feedback takes the
 * delay of the path, too, and the sender obeys it.
 */
function play(options: PathOptions): Outcome {
  const { codec = 'VP8', seed = 1, delay = 50, jitter = 0, loss = 0, rtx = true, nack = true } = options;
  const { fecPercentage = 0, redundancy = 0, frames = 300, ceiling = 1000 } = options;
  const audio = codec === 'OPUS';
  const interval = audio ? 20 : 40;
  const next = random(seed);
  const arena = new PacketArena(1 << 22);
  const ops = new SendOps();
  const packetiser = createPacketiser(codec);
  const payloadType = { VP8: 96, H264: 98, OPUS: 111 }[codec];
  const outbound = new OutboundStream({
    ssrc: SSRC,
    payloadType,
    clockRate: packetiser.clockRate,
    ...(rtx && !audio ? { rtxSsrc: RTX_SSRC, rtxPayloadType: payloadType + 1 } : {}),
    ...(audio ? { redPayloadType: 63 } : { redPayloadType: 100, ulpfecPayloadType: 101 }),
    extensions: { transportCc: 3 },
    initialSequenceNumber: 65_000,
    initialRtxSequenceNumber: 7,
    timestampOffset: 0xfff0_0000,
    initialPictureId: 5,
  });
  outbound.fecPercentage = fecPercentage;
  outbound.redundancy = redundancy;
  const stream = new InboundStream({
    ssrc: SSRC,
    kind: audio ? 'audio' : 'video',
    formats: audio ? AUDIO_FORMATS : VIDEO_FORMATS,
    nack,
    bounds: { floor: 0, ceiling },
  });
  stream.roundTripTime = 2 * delay;
  const received: Outcome['received'] = [];
  const header = new RtpHeader();
  const events: { at: number; act: (now: number) => void }[] = [];
  let transportNumber = 0;
  let keyframe = true;
  let keyframesAsked = 0;
  let wake = Number.POSITIVE_INFINITY;
  const at = (time: number, act: (now: number) => void): void => void events.push({ at: time, act });

  const attend = (now: number): void => {
    for (let frame = stream.take(now); frame; frame = stream.take(now)) received.push({ ...frame, at: now });
    const wanted = stream.feedback(now);
    if (wanted.nack.length > 0) {
      at(now + delay, (then) => {
        outbound.handleNack(wanted.nack, then, 2 * delay);
        while (outbound.nextRetransmission(ops, 0, arena, then, () => transportNumber++) > 0);
        carry(then);
      });
    }
    if (wanted.keyframe) {
      keyframesAsked++;
      at(now + delay, () => (keyframe = true));
    }
    if (stream.nextTime < wake) {
      wake = Math.max(stream.nextTime, now + 1);
      at(wake, (then) => {
        wake = Number.POSITIVE_INFINITY;
        attend(then);
      });
    }
  };
  const carry = (now: number): void => {
    for (const { bytes } of renderAll(arena, ops)) {
      if (next() < loss) continue;
      at(now + delay + next() * jitter, (then) => {
        parseRtp(bytes, header);
        if (header.ssrc === RTX_SSRC) stream.retransmission(bytes, header, then);
        else stream.packet(bytes, header, then);
        attend(then);
      });
    }
  };
  for (let number = 0; number < frames; number++) {
    at(number * interval, (now) => {
      const size = audio ? 160 : keyframe || number === 0 ? 9000 : 4000;
      const data = new Uint8Array(size).fill(1 + (number % 250));
      if (codec === 'VP8') data[0] = keyframe ? 0 : 1;
      if (codec === 'H264') data.set([0, 0, 0, 1, keyframe ? 0x65 : 0x41]);
      const fields = { timestamp: number * interval * 1000, captureTime: 1.7e12 + number * interval, keyframe };
      keyframe = false;
      const frame = packetiser.packetise(frameOf(data, fields), arena)!;
      for (let i = 0; i < frame.count; i++) outbound.writePacket(ops, 0, arena, frame, i, now, transportNumber++);
      while (outbound.nextFec(ops, 0, arena, now, () => transportNumber++) > 0);
      carry(now);
      if (number % 25 === 0) {
        const report = outbound.senderReport(now, 1.7e12 + now)!;
        at(now + delay, (then) => stream.senderReport(report, then));
      }
    });
  }
  while (events.length > 0) {
    let first = 0;
    for (let i = 1; i < events.length; i++) if (events[i]!.at < events[first]!.at) first = i;
    const [event] = events.splice(first, 1);
    if (event!.at > frames * interval + 3000) break;
    event!.act(event!.at);
  }
  return { received, sent: frames, stream, keyframesAsked };
}

/** The number each frame carries, unwrapped. */
function numbers({ received }: Outcome, offset = 1): number[] {
  let base = 0;
  let last = -1;
  return received.map(({ data }) => {
    const small = data[data.length - offset]! - 1;
    if (base + small < last) base += 250;
    return (last = base + small);
  });
}

const isAscending = (values: readonly number[]): boolean => values.every((value, i) => i === 0 || value > values[i - 1]!);

describe('InboundStream', () => {
  it.each(['VP8', 'H264', 'OPUS'] as const)('gives every frame of %s as it was, with its capture time', (codec) => {
    const outcome = play({ codec });
    expect(numbers(outcome)).toEqual(Array.from({ length: 300 }, (_, i) => i));
    expect(outcome.keyframesAsked).toBe(0);
    const known = outcome.received.filter(({ captureTime }) => captureTime !== undefined);
    expect(known.length).toBeGreaterThan(290);
    for (const { captureTime, at } of known) expect(1.7e12 + at - captureTime!).toBeCloseTo(50, 0);
    expect(outcome.received[0]).toMatchObject({ codec: codec === 'OPUS' ? 'opus' : codec, keyframe: true });
    expect(outcome.stream.stats()).toMatchObject({ packetsLost: 0, framesReceived: 300, gaps: 0, packetsDiscarded: 0 });
  });

  it('of a path of 50 ms, 20 ms jitter and 2 % loss gives 99 % of the frames, all in order', () => {
    let [sent, received] = [0, 0];
    for (let seed = 1; seed <= 10; seed++) {
      const outcome = play({ seed, jitter: 20, loss: 0.02 });
      const given = numbers(outcome);
      expect(isAscending(given)).toBe(true);
      // Where the very first packet is lost, nobody knows that it was: the second keyframe is the beginning.
      sent += outcome.sent - given[0]!;
      received += given.length;
      // Jitter that reorders is not mistaken for loss for long.
      const { packetsRequested, retransmittedPacketsReceived, packetsLost } = outcome.stream.stats();
      expect(retransmittedPacketsReceived).toBeGreaterThan(0);
      expect(packetsRequested).toBeLessThan(packetsLost + 40);
    }
    expect(received / sent).toBeGreaterThan(0.99);
  });

  it('asks again for what was lost again, and for a keyframe only when that does not help', () => {
    const outcome = play({ loss: 0.1, delay: 20, frames: 600 });
    expect(isAscending(numbers(outcome))).toBe(true);
    expect(outcome.received.length / outcome.sent).toBeGreaterThan(0.98);
    const { packetsRequested, retransmittedPacketsReceived, packetsLost } = outcome.stream.stats();
    expect(packetsRequested).toBeGreaterThan(retransmittedPacketsReceived);
    expect(packetsLost).toBeGreaterThan(150);
  });

  it('without retransmission asks for a keyframe after a loss, and goes on with that', () => {
    const outcome = play({ loss: 0.01, nack: false, rtx: false, frames: 500 });
    const { stream, received, sent, keyframesAsked } = outcome;
    expect(isAscending(numbers(outcome))).toBe(true);
    expect(keyframesAsked).toBeGreaterThan(3);
    expect(received.length / sent).toBeGreaterThan(0.7);
    for (const [i, { afterLoss, keyframe }] of received.entries()) if (afterLoss && i > 0) expect(keyframe).toBe(true);
    expect(stream.stats().packetsRequested).toBe(0);
  });

  it('recovers by FEC what nobody sends again', () => {
    const losses = { loss: 0.02, nack: false, rtx: false, seed: 3 };
    const without = play(losses);
    const protectedOutcome = play({ ...losses, fecPercentage: 60 });
    const { fecPacketsReceived, packetsRecovered } = protectedOutcome.stream.stats();
    expect(fecPacketsReceived).toBeGreaterThan(100);
    expect(packetsRecovered).toBeGreaterThan(10);
    expect(protectedOutcome.received.length).toBeGreaterThan(without.received.length);
    expect(isAscending(numbers(protectedOutcome))).toBe(true);
  });

  it('fills the gaps of sound from the packets that repeat it', () => {
    const outcome = play({ codec: 'OPUS', loss: 0.05, nack: false, redundancy: 1, frames: 1000, ceiling: 200 });
    const { packetsRecovered, packetsLost } = outcome.stream.stats();
    expect(packetsLost).toBeGreaterThan(30);
    expect(packetsRecovered / packetsLost).toBeGreaterThan(0.85);
    expect(isAscending(numbers(outcome))).toBe(true);
  });

  it('reports what the path lost, whatever came back', () => {
    const { stream } = play({ loss: 0.05, frames: 500 });
    const block = stream.report(20_000)!;
    expect(block.fractionLost).toBeGreaterThan(0.03);
    expect(block.fractionLost).toBeLessThan(0.07);
    expect(block.lastSenderReport).not.toBe(0);
  });

  it('stands garbage: seeded packets with anything in them, for each payload type', () => {
    const next = random(21);
    const stream = new InboundStream({
      ssrc: SSRC,
      kind: 'video',
      formats: VIDEO_FORMATS,
      nack: true,
      bounds: { floor: 0, ceiling: 300 },
    });
    const header = new RtpHeader();
    for (let i = 0; i < 50_000; i++) {
      const packet = Uint8Array.from({ length: 12 + next() * 60 }, () => next() * 256);
      packet[0] = 0x80 | (next() < 0.1 ? next() * 64 : 0);
      packet[1] = 96 + next() * 8 + (next() < 0.5 ? 128 : 0);
      if (!parseRtp(packet, header)) continue;
      if (next() < 0.2) stream.retransmission(packet, header, i);
      else stream.packet(packet, header, i);
      while (stream.take(i));
      const { nack } = stream.feedback(i);
      expect(nack.every((number) => number >= 0 && number < 0x10000)).toBe(true);
    }
    expect(stream.stats().packetsReceived).toBeGreaterThan(10_000);
  });
});
