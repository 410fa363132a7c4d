import { beforeEach, describe, expect, it } from 'vitest';
import { initialTarget } from '../congestion/initial-target.ts';
import type { CongestionControl, ProbeCluster } from '../congestion/types.ts';
import { renderAll } from '../rtp/ops.testing.ts';
import { OutboundStream } from '../rtp/outbound-stream.ts';
import { PacketArena } from '../rtp/packet-arena.ts';
import type { PacketisedFrame } from '../rtp/packetised-frame.ts';
import { frameOf } from '../rtp/packetisers/packetisers.testing.ts';
import { Vp8Packetiser } from '../rtp/packetisers/vp8.ts';
import { SendOps } from '../rtp/send-ops.ts';
import { Egress } from './egress.ts';

/** Says what the test wants, and remembers what it was told. */
class ScriptedControl implements CongestionControl {
  readonly target = initialTarget(1_000_000);
  readonly sent: [sequenceNumber: number, size: number, cluster: number | undefined][] = [];
  readonly processed: number[] = [];
  nextProcess: number | undefined;
  probes: ProbeCluster[] = [];

  packetSent(sequenceNumber: number, size: number, _now: number, cluster?: number): void {
    this.sent.push([sequenceNumber, size, cluster]);
  }
  feedback(): void {}
  roundTripTime(): void {}
  remb(): void {}
  lossReport(): void {}
  setLimits(): void {}
  setAllocated(): void {}
  process(now: number): number | undefined {
    this.processed.push(now);
    return this.nextProcess;
  }
  takeProbe(): ProbeCluster | undefined {
    return this.probes.shift();
  }
}

const FEEDBACK = { baseSequence: 0, arrivals: new Int32Array(), referenceTime: 0 };

let control: ScriptedControl;
let egress: Egress;
let arena: PacketArena;
let video: OutboundStream;
/** When `onTarget` and `onCongested` were called. */
let told: number[];
let congested: number;
const ops = new SendOps();

beforeEach(() => {
  control = new ScriptedControl();
  arena = new PacketArena(1 << 20);
  told = [];
  congested = 0;
  egress = new Egress({ control, onTarget: (now) => told.push(now), onCongested: () => congested++ });
  video = new OutboundStream({
    ssrc: 1,
    payloadType: 96,
    clockRate: 90_000,
    rtxSsrc: 2,
    rtxPayloadType: 97,
    redPayloadType: 98,
    ulpfecPayloadType: 99,
    extensions: { transportCc: 5 },
    initialSequenceNumber: 0,
    initialRtxSequenceNumber: 0,
    initialPictureId: 0,
    timestampOffset: 0,
  });
  egress.streams = [video];
});

function start(): void {
  let number = 500;
  egress.start(0, arena, () => number++);
}

function picture(length: number): PacketisedFrame {
  return new Vp8Packetiser().packetise(frameOf(new Uint8Array(length).fill(1)), arena)!;
}

const payloadTypes = (): number[] => renderAll(arena, ops).map(({ header }) => header.payloadType);

describe('Egress', () => {
  it('keeps nothing before the transport is up', () => {
    egress.enqueue('video', video, picture(1000));
    expect(egress.open).toBe(false);
    expect(egress.drain(ops, 0)).toBeUndefined();
    start();
    egress.drain(ops, 1);
    expect(payloadTypes()).toEqual([]);
  });

  it('tells congestion control of every packet, by its number and with all that it takes on the path', () => {
    start();
    egress.enqueue('video', video, picture(1000));
    egress.drain(ops, 0);
    const [packet] = renderAll(arena, ops);
    // IPv4, UDP, the SRTP tag, and the packet itself.
    expect(control.sent).toEqual([[500, 20 + 8 + 16 + packet!.bytes.length, 0]]);
    egress.clear();
    expect(egress.open).toBe(false);
  });

  it('says when it wants to go on, and lets congestion control have its time when it asked for it', () => {
    start();
    control.nextProcess = 30;
    expect(egress.drain(ops, 0)).toBeUndefined();
    egress.enqueue('video', video, picture(20_000));
    const delay = egress.drain(ops, 10)!;
    expect(delay).toBeGreaterThan(0);
    expect(delay).toBeLessThan(20);
    for (const now of [20, 29, 30, 31]) egress.drain(ops, now);
    expect(control.processed).toEqual([0, 30, 31]);
    payloadTypes();
  });

  it('sends the probes it is given, though no media waits', () => {
    start();
    egress.enqueue('video', video, picture(3000));
    egress.drain(ops, 0);
    control.sent.length = 0;
    control.nextProcess = 0;
    control.probes = [{ clusterId: 4, bitrate: 3_000_000, minBytes: 5000, minPackets: 5 }];
    let now = 300;
    for (let wait: number | undefined = 0; wait !== undefined && now < 400; now++) wait = egress.drain(ops, now);
    expect(new Set(control.sent.map(([, , cluster]) => cluster))).toEqual(new Set([4]));
    expect(control.sent.length).toBeGreaterThanOrEqual(5);
    payloadTypes();
  });

  it('wakes nobody for a probe as long as there is nothing to send it with', () => {
    start();
    control.probes = [{ clusterId: 4, bitrate: 3_000_000, minBytes: 5000, minPackets: 5 }];
    control.nextProcess = 0;
    expect(egress.drain(ops, 0)).toBeUndefined();
    expect(egress.drain(ops, 200)).toBeUndefined();
    egress.enqueue('video', video, picture(10_000));
    expect(egress.drain(ops, 210)).toBeGreaterThan(0);
    for (let now = 211; now < 300; now++) egress.drain(ops, now);
    expect(control.sent.slice(0, 5).map(([, , cluster]) => cluster)).toEqual([4, 4, 4, 4, 4]);
    payloadTypes();
  });

  it('tells of a target that changed much at once, of a small change only now and then', () => {
    egress.feedback(FEEDBACK, 1000);
    for (let now = 1010; now < 1600; now += 10) {
      control.target.bitrate += 100;
      egress.feedback(FEEDBACK, now);
    }
    expect(told).toEqual([1000, 1200, 1400]);
    control.target.bitrate = 900_000;
    egress.remb(900_000, 1590);
    expect(told.at(-1)).toBe(1590);
  });

  it('gives up a queue that would take too long, no more than once a second', () => {
    start();
    egress.enqueue('video', video, picture(60_000));
    egress.feedback(FEEDBACK, 1000);
    expect(congested).toBe(1);
    for (let now = 1200; now < 2000; now += 200) egress.feedback(FEEDBACK, now);
    expect(congested).toBe(1);
    egress.drop(video);
    expect(egress.backlog).toBe(0);
    egress.feedback(FEEDBACK, 2300);
    expect(congested).toBe(1);
    egress.enqueue('video', video, picture(60_000));
    egress.report(0, 100, 30, 2600);
    expect(congested).toBe(2);
  });

  it('gives up what waits behind a frame that nothing would take the place of, not that frame', () => {
    start();
    egress.enqueue('video', video, picture(200_000), true);
    egress.feedback(FEEDBACK, 1000);
    expect(congested).toBe(0);
    egress.enqueue('video', video, picture(60_000));
    egress.feedback(FEEDBACK, 1200);
    expect(congested).toBe(1);
    egress.giveUp(video);
    expect(egress.backlog).toBeGreaterThan(200_000);
    egress.feedback(FEEDBACK, 2300);
    expect(congested).toBe(1);
  });

  it('protects as much as the losses ask for where a packet sent again would come late, and not while the path is full', () => {
    egress.protectable = [video];
    control.target.rtt = 300;
    control.target.lossFraction = 0.08;
    for (let now = 0; now < 5000; now += 200) egress.feedback(FEEDBACK, now);
    expect(video.fecPercentage).toBeGreaterThan(0);
    control.target.state = 'overuse';
    for (let now = 5000; now < 8000; now += 200) egress.feedback(FEEDBACK, now);
    expect(video.fecPercentage).toBe(0);
  });
});
