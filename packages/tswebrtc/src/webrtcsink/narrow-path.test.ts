/**
 * A session on a path that gets very narrow and wide again, in virtual time: its own queue, pacer, probes and congestion control,
 * before a peer that reports on the arrival of pictures alone (as Janus does), while sound takes half of the narrow path.
 */
import { describe, expect, it } from 'vitest';
import { CongestionController } from '../congestion/congestion-controller.ts';
import { Clock } from '../congestion/simulator/clock.testing.ts';
import { Encoder, FRAME_INTERVAL } from '../congestion/simulator/encoder.testing.ts';
import { type FlowEnd, Link, type Packet } from '../congestion/simulator/link.testing.ts';
import { Random } from '../congestion/simulator/random.testing.ts';
import { TimeSeries } from '../congestion/simulator/time-series.testing.ts';
import { NOT_RECEIVED } from '../congestion/types.ts';
import { renderAll } from '../rtp/ops.testing.ts';
import { OutboundStream } from '../rtp/outbound-stream.ts';
import { PacketArena } from '../rtp/packet-arena.ts';
import { OpusPacketiser } from '../rtp/packetisers/opus.ts';
import { frameOf } from '../rtp/packetisers/packetisers.testing.ts';
import { Vp8Packetiser } from '../rtp/packetisers/vp8.ts';
import { SendOps } from '../rtp/send-ops.ts';
import { encoderBitrate, PATH_OVERHEAD } from './allocation.ts';
import { Egress } from './egress.ts';

const [VIDEO, RTX, AUDIO] = [96, 97, 111];
/** Each direction, ms. */
const PROPAGATION = 20;
/** Janus reports so often, ms. */
const FEEDBACK_INTERVAL = 200;
/** Sound of 105 kbit/s on the path: a packet so often, ms, of so many bytes. */
const SOUND_INTERVAL = 20;
const SOUND_SIZE = 105_000 / 8 / (1000 / SOUND_INTERVAL);
/** Of a picture of 320×180, which gets no smaller however low the rate, bytes. */
const LEAST_KEYFRAME = 4000;
/** Below this an encoder spends no more than a part of what it may: it leaves out pictures rather than spoil all, bit/s. */
const POOR_BITRATE = 60_000;
const POOR_PART = 0.5;
const LIMITS = { startBitrate: 2_000_000, minBitrate: 1000, maxBitrate: 4_000_000 };
/** Virtual time begins here, ms: an egress looks at the real clock as it is made, and time must not go back for it. */
const EPOCH = 1e7;
const WIDE = 3_000_000;
const NARROW = 200_000;

/** Rates of the path from so many ms on, bit/s. */
type Steps = readonly (readonly [from: number, capacity: number])[];

interface Options {
  readonly steps: Steps;
  /** ms. */
  readonly duration: number;
  readonly seed: number;
  /** Brings the estimate down to `to` bit/s at `at` ms, whatever the path. */
  readonly fall?: { readonly at: number; readonly to: number };
}

interface Run {
  /** bit/s, every 100 ms. */
  readonly targets: number[];
  /** Bytes of pictures that arrived. */
  readonly pictures: TimeSeries;
}

class ReportedController extends CongestionController {
  onSent: (number: number, bytes: number) => void = () => {};

  override packetSent(number: number, bytes: number, now: number, cluster?: number): void {
    super.packetSent(number, bytes, now, cluster);
    this.onSent(number, bytes);
  }
}

function run({ steps, duration, seed, fall }: Options): Run {
  const clock = new Clock();
  clock.run(EPOCH);
  const random = new Random(seed);
  const capacity = steps.map(([from, rate]) => ({ from: EPOCH + from, capacity: rate }));
  const link = new Link(clock, new Random(seed + 1), { capacity, queueTime: 300, jitter: 2 });
  const arena = new PacketArena(1 << 22);
  const ops = new SendOps();
  const control = new ReportedController({ ...LIMITS, now: EPOCH });
  const video = outbound(1, VIDEO, { rtxSsrc: 2, rtxPayloadType: RTX, extensions: { transportCc: 5 } });
  const audio = outbound(3, AUDIO, { clockRate: 48_000, extensions: {} });
  const encoder = new Encoder(random, { ...LIMITS, minBitrate: 1000 });
  let keyframe = true;
  const egress = new Egress({
    control,
    onTarget: () => {
      const bitrate = encoderBitrate(control.target.bitrate, 1000 / FRAME_INTERVAL);
      encoder.setBitrate(bitrate < POOR_BITRATE ? POOR_PART * bitrate : bitrate, clock.now);
    },
    onCongested: () => {
      egress.drop(video);
      encoder.requestKeyframe();
      keyframe = true;
    },
  });
  egress.streams = [video, audio];
  let number = 0;
  egress.start(0, arena, () => number++ & 0xffff);

  const result: Run = { targets: [], pictures: new TimeSeries() };
  // What the receiver has seen since its last report.
  const arrivals = new Map<number, number>();
  let base = 0;
  const pictures: FlowEnd = {
    propagation: PROPAGATION,
    jitter: true,
    arrived: (packet, now) => {
      arrivals.set(packet.number, now);
      result.pictures.add(now - EPOCH, packet.size);
    },
  };
  const sound: FlowEnd = { propagation: PROPAGATION, jitter: true, arrived: () => {} };
  const send = (flow: FlowEnd, size: number, sequence: number): void =>
    link.send({ flow, size, number: sequence, sent: clock.now, queued: 0 } satisfies Packet);
  let unwrapped = -1;
  control.onSent = (_, bytes) => send(pictures, bytes, ++unwrapped);

  const every = (interval: number, action: () => void): void => {
    action();
    clock.after(interval, () => every(interval, action));
  };
  every(FRAME_INTERVAL, () => {
    const bytes = encoder.frame(clock.now);
    const data = new Uint8Array(keyframe ? Math.max(bytes, LEAST_KEYFRAME) : bytes);
    keyframe = false;
    egress.enqueue('video', video, new Vp8Packetiser().packetise(frameOf(data, { timestamp: clock.now * 1000 }), arena)!);
  });
  every(SOUND_INTERVAL, () => {
    const data = new Uint8Array(SOUND_SIZE - PATH_OVERHEAD - 24);
    egress.enqueue('audio', audio, new OpusPacketiser().packetise(frameOf(data, { timestamp: clock.now * 1000 }), arena)!);
  });
  every(2, () => {
    egress.drain(ops, clock.now);
    for (const { header, bytes } of renderAll(arena, ops)) {
      if (header.payloadType === AUDIO) send(sound, bytes.length + PATH_OVERHEAD, 0);
    }
  });
  every(FEEDBACK_INTERVAL, () => {
    if (arrivals.size === 0) return;
    const count = Math.max(...arrivals.keys()) - base + 1;
    const referenceTime = Math.floor(Math.min(...arrivals.values()) / 64);
    const times = new Int32Array(count).fill(NOT_RECEIVED);
    for (const [at, time] of arrivals) times[at - base] = Math.round((time - referenceTime * 64) * 4);
    const feedback = { baseSequence: base & 0xffff, arrivals: times, referenceTime };
    arrivals.clear();
    base += count;
    clock.after(PROPAGATION, () => egress.feedback(feedback, clock.now));
  });
  if (fall)
    clock.at(EPOCH + fall.at, () =>
      control.setLimits({ min: LIMITS.minBitrate, max: LIMITS.maxBitrate, start: fall.to }, clock.now),
    );
  every(100, () => result.targets.push(control.target.bitrate));
  clock.run(EPOCH + duration);
  return result;
}

function outbound(
  ssrc: number,
  payloadType: number,
  rest: Partial<ConstructorParameters<typeof OutboundStream>[0]>,
): OutboundStream {
  return new OutboundStream({
    ssrc,
    payloadType,
    clockRate: 90_000,
    extensions: {},
    initialSequenceNumber: 0,
    initialRtxSequenceNumber: 0,
    initialPictureId: 0,
    timestampOffset: 0,
    ...rest,
  });
}

/** At `time`, ms. */
const at = ({ targets }: Run, time: number): number => targets[Math.ceil(time / 100)]!;

describe.each([1, 2, 3])('pictures beside sound that nobody reports on (seed %i)', (seed) => {
  it('take what it leaves of a narrow path, and the wide one again', () => {
    const steps: Steps = [
      [0, WIDE],
      [20_000, NARROW],
      [50_000, WIDE],
    ];
    const seen = run({ steps, duration: 66_000, seed });
    expect(at(seen, 19_000)).toBeGreaterThan(1_500_000);
    expect(seen.pictures.bitrate(30_000, 50_000)).toBeGreaterThan(70_000);
    for (let time = 22_000; time < 50_000; time += 2000) {
      expect(seen.pictures.bitrate(time, time + 2000), `from ${time} ms`).toBeGreaterThan(30_000);
    }
    expect(at(seen, 65_000)).toBeGreaterThan(1_000_000);
    expect(seen.pictures.bitrate(64_000, 66_000)).toBeGreaterThan(1_000_000);
  });

  it.each([36_000, 18_000, 5000])('find a wide path from an estimate of %i bit/s', (to) => {
    const seen = run({ steps: [[0, WIDE]], duration: 36_000, seed, fall: { at: 15_000, to } });
    expect(at(seen, 15_500)).toBeLessThan(2 * to);
    expect(at(seen, 35_000)).toBeGreaterThan(1_000_000);
  });
});
