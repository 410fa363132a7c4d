/**
 * The sending process of the fan-out benchmark: everything between the encoder and the socket is the library's own. Frames
 * of the size of 720p30 at the wanted rate stand in for the encoder, keys are known without DTLS.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { RtcpSession } from '../packages/tswebrtc/dist/connection/rtcp-session.js';
import type { SrtpReceiver } from '../packages/tswebrtc/dist/connection/srtp/srtp-context.js';
import type { SrtpSender } from '../packages/tswebrtc/dist/connection/types.js';
import type { EncodedFrame, Encoding, EncodingEvents } from '../packages/tswebrtc/dist/media/types.js';
import type { OutboundStream } from '../packages/tswebrtc/dist/rtp/outbound-stream.js';
import type { PacketArena } from '../packages/tswebrtc/dist/rtp/packet-arena.js';
import type { PacketisedFrame } from '../packages/tswebrtc/dist/rtp/packetised-frame.js';
import type { SendOps } from '../packages/tswebrtc/dist/rtp/send-ops.js';
import type { ShardMember, Shard as ShardType } from '../packages/tswebrtc/dist/webrtcsink/shard.js';
import type { FrameSubscriber } from '../packages/tswebrtc/dist/webrtcsink/shared-encoding.js';
import { cpuTime, serve, sharedClock, waitingTime } from './child.ts';
import { FRAMERATE, PAYLOAD_TYPE, TRANSPORT_CC_ID, viewerKeys, viewerSsrc } from './fanout-viewer.ts';
import { load, loadSrtpBatch } from './tswebrtc.ts';

const { CongestionController } = await load('congestion/congestion-controller');
const { RtcpSession: Rtcp } = await load('connection/rtcp-session');
const { createSrtpSender } = await load('connection/srtp/create-srtp-sender');
const { SrtpReceiver: Receiver } = await load('connection/srtp/srtp-context');
const { UdpPort } = await load('connection/transport/udp-port');
const { Emitter } = await load('common/emitter');
const { silentLogger } = await load('common/logger');
const { OutboundStream: Outbound } = await load('rtp/outbound-stream');
const { SendOps: Ops, OP_WORDS } = await load('rtp/send-ops');
const { Egress } = await load('webrtcsink/egress');
const { Shard } = await load('webrtcsink/shard');
const { SharedEncoding } = await load('webrtcsink/shared-encoding');

type Port = Awaited<ReturnType<typeof UdpPort.bind>>;

export interface SenderOptions {
  readonly sender: string;
  /** One for each viewer. */
  readonly ports: readonly number[];
  /** Bit/s. */
  readonly bitrate: number;
  /** Pacing is no finer than this, ms: 0 as the library has it. */
  readonly tick: number;
}

export interface SenderFigures {
  /** s. */
  readonly duration: number;
  readonly cpu: number;
  /** s for which others had the cores that the sender wanted. */
  readonly waited: number;
  readonly packets: number;
  readonly dropped: number;
  readonly frames: number;
  readonly batches: number;
  /** Packets for one viewer that left together, on average. */
  readonly perVisit: number;
  /** Bytes that waited for the pacer at the end, over all viewers. */
  readonly backlog: number;
  readonly feedback: number;
  /** How long one batch held the thread, ms. */
  readonly batchP99: number;
  readonly batchMax: number;
  /** How late the event loop was, ms: with the system's own lateness of a timer. */
  readonly loopP99: number;
}

export interface BurstFigures {
  readonly packets: number;
  readonly cpu: number;
}

/** Frames of one size, as an encoder would give them, each at its time. */
class Frames extends Emitter<EncodingEvents> implements Encoding {
  readonly id = 'fanout';
  readonly codec = 'H264';
  readonly #data: Uint8Array;
  readonly #start: number;
  count = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(size: number, start: number) {
    super();
    this.#start = start;
    // One slice without anything that looks like a start code.
    this.#data = new Uint8Array(size).fill(0x55);
    this.#data.set([0, 0, 0, 1, 0x41]);
    this.#next();
  }

  #next(): void {
    const due = this.#start + (1000 * this.count) / FRAMERATE;
    this.#timer = setTimeout(() => this.#make(due), Math.max(0, due - sharedClock()));
  }

  #make(due: number): void {
    const data = this.count === 0 ? Uint8Array.from(this.#data, (byte, i) => (i === 4 ? 0x65 : byte)) : this.#data;
    const frame: EncodedFrame = {
      data,
      timestamp: (due - this.#start) * 1000,
      duration: 1e6 / FRAMERATE,
      captureTime: due,
      keyframe: this.count === 0,
      temporalLayer: 0,
      release: () => {},
    };
    this.count++;
    this.#next();
    this.emit('frame', frame);
  }

  requestKeyframe(): void {}
  setBitrate(): void {}
  setFormat(): void {}
  async getStats(): Promise<never> {
    throw new Error('not asked for');
  }
  async close(): Promise<void> {
    clearTimeout(this.#timer);
  }
}

/** What is left of a session without signalling, ICE and DTLS. */
class Session implements ShardMember, FrameSubscriber {
  readonly port: Port;
  readonly lane: number;
  readonly #shard: ShardType;
  readonly #stream: OutboundStream;
  readonly #egress: InstanceType<typeof Egress>;
  readonly #receiver: SrtpReceiver;
  readonly #rtcp: RtcpSession;
  #number = 0;
  feedback = 0;

  constructor(index: number, port: Port, to: number, shard: ShardType, bitrate: number) {
    this.port = port;
    this.#shard = shard;
    this.lane = shard.srtpSender.addLane({
      ...viewerKeys(index, 'media'),
      socket: port.socket,
      address: '127.0.0.1',
      port: to,
      sendDatagram: () => {},
    });
    this.#stream = new Outbound({
      ssrc: viewerSsrc(index),
      payloadType: PAYLOAD_TYPE,
      clockRate: 90_000,
      extensions: { transportCc: TRANSPORT_CC_ID },
      initialSequenceNumber: 0,
      initialRtxSequenceNumber: 0,
      timestampOffset: 0,
      initialPictureId: 0,
    });
    // It estimates, but does not steer: the stream is to stay the same whatever the machine does.
    const now = performance.now();
    const control = new CongestionController({ startBitrate: bitrate, minBitrate: bitrate, maxBitrate: bitrate * 2, now });
    this.#egress = new Egress({ control, onTarget: () => {}, onCongested: () => {} });
    this.#egress.streams = [this.#stream];
    this.#egress.start(this.lane, shard.arena, () => (this.#number = (this.#number + 1) & 0xffff));
    const { profile, masterKey, masterSalt } = viewerKeys(index, 'feedback');
    this.#receiver = new Receiver(profile, masterKey, masterSalt);
    this.#rtcp = new Rtcp({
      cname: 'fanout',
      senders: () => [],
      send: () => {},
      onTransportFeedback: ({ baseSequenceNumber, arrivals, referenceTime }, arrival) => {
        this.feedback++;
        this.#egress.feedback({ baseSequence: baseSequenceNumber, arrivals, referenceTime }, arrival);
      },
    });
    port.onData = (datagram) => {
      const compound = this.#receiver.unprotectRtcp(datagram);
      if (compound) this.#rtcp.receive(compound, performance.now());
    };
  }

  get backlog(): number {
    return this.#egress.backlog;
  }

  onFrame(frame: PacketisedFrame): boolean {
    this.#egress.enqueue('video', this.#stream, frame);
    return true;
  }

  fail(_reason: 'error', error: Error): void {
    throw error;
  }

  drain(ops: SendOps, now: number): number | undefined {
    const delay = this.#egress.drain(ops, now);
    return delay === undefined ? undefined : Math.max(tick, delay);
  }

  close(): void {
    this.#shard.remove(this);
    this.#shard.srtpSender.removeLane(this.lane);
    void this.port.close();
  }
}

/** Counts what goes through a sender. */
class Observed {
  packets = 0;
  batches = 0;
  /** Packets of one viewer that follow each other in a batch are one visit. */
  visits = 0;

  constructor(sender: SrtpSender) {
    const send = sender.send.bind(sender);
    // In place: the shard must not notice.
    sender.send = (arena: PacketArena, ops: SendOps): number => {
      const sent = send(arena, ops);
      this.packets += sent;
      this.batches++;
      let lane = -1;
      for (let at = 0; at < ops.count * OP_WORDS; at += OP_WORDS) {
        if (ops.words[at] === lane) continue;
        lane = ops.words[at]!;
        this.visits++;
      }
      return sent;
    };
  }
}

/** How long each flush of the shard held the thread, ms. */
function timeFlushes(shard: ShardType): number[] {
  const times: number[] = [];
  const flush = shard.flush.bind(shard);
  shard.flush = () => {
    const before = performance.now();
    flush();
    times.push(performance.now() - before);
  };
  return times;
}

let shard: ShardType | undefined;
let sessions: Session[] = [];
let frames: Frames | undefined;
let encoding: InstanceType<typeof SharedEncoding> | undefined;
let observed: Observed | undefined;
let flushes: number[] = [];
/** Pacing is no finer than this, ms. */
let tick = 0;

serve({
  /** Opens a session for each port and begins to send after a moment; answers with the time of the first frame. */
  async start({ sender, ports, bitrate, tick: wanted }: SenderOptions): Promise<number> {
    tick = wanted;
    const srtpSender = await createSrtpSender({ choice: sender, load: loadSrtpBatch });
    observed = new Observed(srtpSender);
    shard = new Shard(srtpSender);
    flushes = timeFlushes(shard);
    const started = sharedClock() + 200;
    frames = new Frames(Math.round(bitrate / 8 / FRAMERATE), started);
    encoding = new SharedEncoding(frames, {
      track: { kind: 'video', id: 'fanout', format: { width: 1280, height: 720, framerate: FRAMERATE } },
      bitrate,
      captureTimes: false,
      shard,
      logger: silentLogger,
      onError: () => {},
      onEnded: () => {},
    });
    for (const [index, to] of ports.entries()) {
      const session = new Session(index, await UdpPort.bind('127.0.0.1'), to, shard, bitrate);
      sessions.push(session);
      shard.add(session);
      encoding.subscribe(session);
    }
    return started;
  },

  /** What happens in `duration` s from now. */
  async observe(duration: number): Promise<SenderFigures> {
    const watched = observed!;
    const loop = monitorEventLoopDelay({ resolution: 1 });
    flushes.length = 0;
    const sum = (of: (session: Session) => number): number => sessions.reduce((total, session) => total + of(session), 0);
    const dropped = (): number => sum((session) => shard!.srtpSender.counters(session.lane).dropped);
    const before = {
      time: sharedClock(),
      cpu: cpuTime(),
      waited: waitingTime(),
      packets: watched.packets,
      batches: watched.batches,
      visits: watched.visits,
      frames: frames!.count,
      feedback: sum((session) => session.feedback),
      dropped: dropped(),
    };
    loop.enable();
    await new Promise((resolve) => setTimeout(resolve, 1000 * duration));
    loop.disable();
    const cpu = cpuTime() - before.cpu;
    const times = [...flushes].sort((a, b) => a - b);
    return {
      duration: (sharedClock() - before.time) / 1000,
      cpu,
      waited: waitingTime() - before.waited,
      packets: watched.packets - before.packets,
      batches: watched.batches - before.batches,
      perVisit: (watched.packets - before.packets) / (watched.visits - before.visits),
      frames: frames!.count - before.frames,
      feedback: sum((session) => session.feedback) - before.feedback,
      dropped: dropped() - before.dropped,
      backlog: sum((session) => session.backlog),
      batchP99: times[Math.floor(times.length * 0.99)] ?? 0,
      batchMax: times.at(-1) ?? 0,
      loopP99: loop.percentile(99) / 1e6,
    };
  },

  /**
   * Protects and sends as fast as it goes, for `duration` s: `perVisit` packets of `length` bytes for each viewer, then the
   * same again. Frames have been stopped.
   */
  async burst({ duration, perVisit, length }: { duration: number; perVisit: number; length: number }): Promise<BurstFigures> {
    await encoding!.close();
    const { arena } = shard!;
    const position = arena.alloc(length);
    const offset = arena.offset(position);
    arena.bytes.fill(0x55, offset, offset + length);
    arena.bytes.set([0x80], offset);
    const ops = new Ops(sessions.length * perVisit);
    for (const { lane } of sessions) {
      for (let i = 0; i < perVisit; i++) ops.push(lane, offset, length, 1, 0, 0, false, PAYLOAD_TYPE, 0);
    }
    let sequenceNumber = 0;
    const next = (): void => {
      for (let at = 5; at < ops.count * OP_WORDS; at += OP_WORDS) {
        ops.words[at] = (PAYLOAD_TYPE << 16) | (sequenceNumber++ & 0xffff);
      }
    };
    const sent = (): number => sessions.reduce((sum, { lane }) => sum + shard!.srtpSender.counters(lane).packets, 0);
    const before = { cpu: cpuTime(), packets: sent() };
    for (const end = sharedClock() + 1000 * duration; sharedClock() < end; ) {
      next();
      shard!.srtpSender.send(arena, ops);
      // The plain sender's sockets finish their work between two turns of the loop.
      await new Promise((resolve) => setImmediate(resolve));
    }
    // A sender with a thread is not done when its call returns.
    for (let last = -1; last !== sent(); ) {
      last = sent();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return { packets: sent() - before.packets, cpu: cpuTime() - before.cpu };
  },

  async stop(): Promise<void> {
    await encoding?.close();
    for (const session of sessions) session.close();
    sessions = [];
    shard?.close();
  },
});
