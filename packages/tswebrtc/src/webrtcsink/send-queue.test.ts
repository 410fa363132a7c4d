import { beforeEach, describe, expect, it } from 'vitest';
import { BitrateWindow } from '../congestion/bitrate-window.ts';
import { Pacer } from '../congestion/pacer.ts';
import { Prober } from '../congestion/prober.ts';
import { renderAll } from '../rtp/ops.testing.ts';
import { OutboundStream, type OutboundStreamOptions } from '../rtp/outbound-stream.ts';
import { PacketArena } from '../rtp/packet-arena.ts';
import type { PacketisedFrame } from '../rtp/packetised-frame.ts';
import { OpusPacketiser } from '../rtp/packetisers/opus.ts';
import { frameOf } from '../rtp/packetisers/packetisers.testing.ts';
import { Vp8Packetiser } from '../rtp/packetisers/vp8.ts';
import { SendOps } from '../rtp/send-ops.ts';
import { type DrainTarget, SendQueue } from './send-queue.ts';

const [VIDEO, RTX, AUDIO] = [96, 97, 111];
const PROBE = { clusterId: 7, bitrate: 4_000_000, minBytes: 8000, minPackets: 5 };

let arena: PacketArena;
let prober: Prober;
let queue: SendQueue;
let video: OutboundStream;
let audio: OutboundStream;
let to: DrainTarget;
/** Cluster of each packet that left with a transport-wide number. */
let clusters: number[];
let frames: number;
/** Sequence numbers of what left last. */
let numbers: number[];

function stream(options: Pick<OutboundStreamOptions, 'ssrc' | 'payloadType'> & Partial<OutboundStreamOptions>): OutboundStream {
  return new OutboundStream({
    clockRate: 90_000,
    extensions: { transportCc: 5 },
    initialSequenceNumber: 0,
    initialRtxSequenceNumber: 0,
    initialPictureId: 0,
    timestampOffset: 0,
    ...options,
  });
}

beforeEach(() => {
  arena = new PacketArena(1 << 20);
  prober = new Prober();
  // 400 kbit/s: two or three packets leave at once, then one every 10 ms.
  queue = new SendQueue(new Pacer(400_000, 0), prober);
  video = stream({ ssrc: 1, payloadType: VIDEO, rtxSsrc: 2, rtxPayloadType: RTX });
  audio = stream({ ssrc: 3, payloadType: AUDIO, clockRate: 48_000 });
  clusters = [];
  frames = 0;
  let number = 0;
  to = {
    lane: 0,
    arena,
    ops: new SendOps(),
    sent: new BitrateWindow(),
    retransmitted: new BitrateWindow(),
    nextTransportSequenceNumber: () => number++,
    packetSent: (_bytes, _now, clusterId) => clusters.push(clusterId),
  };
});

function picture(length: number): PacketisedFrame {
  return new Vp8Packetiser().packetise(frameOf(new Uint8Array(length).fill(1), { timestamp: frames++ * 40_000 }), arena)!;
}

function sound(): PacketisedFrame {
  return new OpusPacketiser().packetise(frameOf(new Uint8Array(160).fill(1), { timestamp: frames++ * 20_000 }), arena)!;
}

/** Payload types of what leaves at `now`, in order. */
function leaves(now: number): number[] {
  queue.drain([video, audio], to, now);
  const packets = renderAll(arena, to.ops);
  numbers = packets.map(({ header }) => header.sequenceNumber);
  return packets.map(({ header }) => header.payloadType);
}

describe('SendQueue', () => {
  it('lets audio leave at once, then what was lost, then video as the pacer allows', () => {
    queue.push('video', video, picture(2000));
    leaves(0);
    const [first] = numbers;
    queue.push('video', video, picture(20_000));
    for (let i = 0; i < 3; i++) queue.push('audio', audio, sound());
    video.handleNack([first!], 40, 20);
    expect(leaves(40)).toEqual([AUDIO, AUDIO, AUDIO, RTX, VIDEO]);
  });

  it('keeps a large frame back for as long as the rate asks', () => {
    queue.push('video', video, picture(20_000));
    const before = queue.backlog;
    expect(leaves(0).length).toBeLessThanOrEqual(3);
    expect(queue.backlog).toBeLessThan(before);
    const times: number[] = [];
    for (let now = 1; now < 500 && queue.backlog > 0; now++) for (const _ of leaves(now)) times.push(now);
    // 20 kB at 2.5 times 400 kbit/s take 160 ms.
    expect(times.at(-1)!).toBeGreaterThan(120);
    expect(times.at(-1)!).toBeLessThan(200);
    expect(queue.backlog).toBe(0);
  });

  it('leaves to video what it may have, where nobody reports on audio', () => {
    const unreported = stream({ ssrc: 5, payloadType: AUDIO, extensions: {} });
    /** ms until a large frame has left, beside so much sound that it would take more than all. */
    const took = (sound_: OutboundStream, from: number): number => {
      queue.push('video', video, picture(20_000));
      for (let now = from; now < from + 1000; now++) {
        queue.push('audio', sound_, sound());
        leaves(now);
        if (queue.backlog === 0) return now - from;
      }
      return Number.POSITIVE_INFINITY;
    };
    expect(took(unreported, 0)).toBeLessThan(200);
    expect(took(audio, 1000)).toBeGreaterThan(300);
  });

  it('forgets what waits of one stream', () => {
    const other = stream({ ssrc: 9, payloadType: 100 });
    queue.push('video', video, picture(20_000));
    queue.push('video', other, picture(3000));
    leaves(0);
    expect(queue.drop(video)).toBe(true);
    expect(queue.drop(video)).toBe(false);
    const rest: number[] = [];
    for (let now = 1; now < 200; now++) rest.push(...leaves(now));
    expect(new Set(rest)).toEqual(new Set([100]));
    expect(queue.backlog).toBe(0);
  });

  it('gives up all but what nothing would take the place of, also when a part of that has left', () => {
    const keyframe = picture(20_000);
    queue.push('video', video, keyframe, true);
    queue.push('video', video, picture(3000));
    const left = leaves(0).length;
    const waiting = queue.backlog;
    expect(queue.expendable).toBeGreaterThan(3000);
    expect(queue.expendable).toBeLessThan(3300);
    expect(queue.giveUp(video)).toBe(true);
    expect(queue.expendable).toBe(0);
    expect(queue.backlog).toBeLessThanOrEqual(waiting - 3000);
    expect(queue.giveUp(video)).toBe(false);
    const rest: number[] = [];
    for (let now = 1; now < 300; now++) rest.push(...leaves(now));
    expect(rest).toHaveLength(keyframe.count - left);
  });
});

describe('a probe', () => {
  /** Sends for 100 ms, with a packet of audio every 20 ms. */
  function run(from: number): number[] {
    const types: number[] = [];
    for (let now = from; now < from + 100; now++) {
      if (now % 20 === 0) queue.push('audio', audio, sound());
      types.push(...leaves(now));
    }
    return types;
  }

  it('does not begin with audio, which cannot follow at its rate', () => {
    prober.add(PROBE, 0);
    expect(new Set(run(0))).toEqual(new Set([AUDIO]));
    expect(new Set(clusters)).toEqual(new Set([0]));
    expect(prober.current).toBe(PROBE);
  });

  it('is made of the video that waits, filled up with what was sent before, and of the audio that comes meanwhile', () => {
    prober.add(PROBE, 0);
    run(0);
    clusters.length = 0;
    queue.push('video', video, picture(3000));
    const types = run(100);
    const train = types.slice(clusters.indexOf(7), clusters.lastIndexOf(7) + 1);
    expect(prober.current).toBeUndefined();
    expect(train.slice(0, 3)).toEqual([VIDEO, VIDEO, VIDEO]);
    expect(train).toContain(RTX);
    expect(clusters.filter((id) => id === 7).length).toBe(train.length);
    expect(video.stats().paddingPacketsSent).toBeGreaterThan(2);
    // When the train is through, audio is on its own again.
    expect(clusters.at(-1)).toBe(0);
  });

  it('keeps everything else back until it is through', () => {
    queue.push('video', video, picture(3000));
    leaves(0);
    prober.add(PROBE, 50);
    queue.push('video', video, picture(30_000));
    const during: number[] = [];
    for (let now = 50; prober.current; now++) {
      clusters.length = 0;
      leaves(now);
      if (prober.current) during.push(...clusters);
    }
    expect(new Set(during)).toEqual(new Set([7]));
  });

  it('is whole without audio that nobody reports on', () => {
    const unreported = stream({ ssrc: 5, payloadType: AUDIO, extensions: {} });
    queue.push('video', video, picture(3000));
    prober.add(PROBE, 0);
    let sounds = 0;
    for (let now = 0; prober.current && now < 5000; now++) {
      queue.push('audio', unreported, sound());
      sounds += leaves(now).filter((type) => type === AUDIO).length;
    }
    expect(sounds).toBeGreaterThan(5);
    // Every packet of the train has a number, so that what became of it will be known.
    expect(clusters.length).toBeGreaterThanOrEqual(PROBE.minPackets);
    expect(new Set(clusters)).toEqual(new Set([7]));
    expect(to.sent.bitrate(100) / 8 / 10).toBeGreaterThan(PROBE.minBytes);
  });
});
