/**
 * How a session sends: congestion control says how much, the queue in which order, pacer and prober when. One to a session,
 * whatever the number of its tracks, since they share one path.
 */
import { BitrateWindow } from '../congestion/bitrate-window.ts';
import { audioRedundancy, FecRate } from '../congestion/fec-rate.ts';
import { Pacer } from '../congestion/pacer.ts';
import { Prober } from '../congestion/prober.ts';
import { TwccStatistics } from '../congestion/twcc-statistics.ts';
import type { ArrivalFeedback, CongestionControl } from '../congestion/types.ts';
import type { Lane } from '../connection/types.ts';
import type { OutboundStream } from '../rtp/outbound-stream.ts';
import type { PacketArena } from '../rtp/packet-arena.ts';
import type { PacketisedFrame } from '../rtp/packetised-frame.ts';
import { SendOps } from '../rtp/send-ops.ts';
import { PATH_OVERHEAD } from './allocation.ts';
import { type DrainTarget, SendQueue } from './send-queue.ts';

/** A target that changed by less than this part is told only every so often, ms. */
const TARGET_CHANGE = 0.02;
const TARGET_INTERVAL = 200;
/** A queue that needs longer than this at the target is given up: its pictures would be shown too late, ms. */
const MAX_QUEUE_TIME = 400;
/** What follows begins with a keyframe, which is given this time to leave, ms. */
const RESTART_INTERVAL = 1000;
/** Bytes of a retransmission, about. */
const RETRANSMISSION_SIZE = 1200;

export interface EgressOptions {
  readonly control: CongestionControl;
  /** The target changed, or what is lost: encoders are to follow. */
  readonly onTarget: (now: number) => void;
  /** What waits would come too late. */
  readonly onCongested: () => void;
}

export class Egress {
  readonly control: CongestionControl;
  /** Everything sent, and what of it was sent again. */
  readonly sent = new BitrateWindow();
  readonly retransmitted = new BitrateWindow();
  /** What transport-wide feedback said lately. */
  readonly twcc = new TwccStatistics();
  /** All of the session: for their retransmissions. */
  streams: readonly OutboundStream[] = [];
  /** Those of `streams` that FEC does good. */
  protectable: readonly OutboundStream[] = [];
  readonly #options: EgressOptions;
  readonly #pacer: Pacer;
  readonly #prober = new Prober();
  readonly #fec = new FecRate();
  readonly #queue: SendQueue;
  /** Where packets go. One object for every drain, so that a tick allocates nothing. */
  #target: DrainTarget | undefined;
  #lastNumber = 0;
  #nextProcess = Number.NEGATIVE_INFINITY;
  #told = 0;
  #restarted = Number.NEGATIVE_INFINITY;
  #toldTime = Number.NEGATIVE_INFINITY;

  constructor(options: EgressOptions) {
    this.control = options.control;
    this.#options = options;
    this.#pacer = new Pacer(options.control.target.bitrate, performance.now());
    this.#queue = new SendQueue(this.#pacer, this.#prober);
  }

  get open(): boolean {
    return this.#target !== undefined;
  }

  /** Bytes of video that wait for the pacer. */
  get backlog(): number {
    return this.#queue.backlog;
  }

  /** Packets can leave from now on. */
  start(lane: Lane, arena: PacketArena, nextTransportSequenceNumber: () => number): void {
    const { control } = this;
    this.#target = {
      lane,
      arena,
      ops: new SendOps(0),
      sent: this.sent,
      retransmitted: this.retransmitted,
      nextTransportSequenceNumber: () => (this.#lastNumber = nextTransportSequenceNumber()),
      packetSent: (bytes, now, clusterId) => {
        control.packetSent(this.#lastNumber, bytes + PATH_OVERHEAD, now, clusterId);
        this.twcc.packetSent(this.#lastNumber, bytes, now);
      },
    };
  }

  /** `irreplaceable`: it is to be sent however late it comes. */
  enqueue(kind: 'audio' | 'video', stream: OutboundStream, frame: PacketisedFrame, irreplaceable = false): void {
    if (this.#target) this.#queue.push(kind, stream, frame, irreplaceable);
  }

  drop(stream: OutboundStream): void {
    this.#queue.drop(stream);
  }

  /** Forgets what waits of `stream`, except what is irreplaceable. */
  giveUp(stream: OutboundStream): void {
    this.#queue.giveUp(stream);
  }

  /** Sends nothing more of `stream`. */
  remove(stream: OutboundStream): void {
    this.#queue.remove(stream);
    this.streams = this.streams.filter((other) => other !== stream);
    this.protectable = this.protectable.filter((other) => other !== stream);
  }

  clear(): void {
    this.#queue.clear();
    this.#target = undefined;
  }

  /** Writes what may leave now as ops; returns ms until more may, undefined when nothing waits. */
  drain(ops: SendOps, now: number): number | undefined {
    const to = this.#target;
    if (!to) return undefined;
    to.ops = ops;
    this.#process(now);
    this.#pacer.bitrate = this.control.target.bitrate;
    const waits = this.#queue.drain(this.streams, to, now);
    const probe = this.#prober.delay(now);
    if (probe !== undefined && !this.#queue.starved) return probe;
    return waits ? this.#pacer.delay : undefined;
  }

  feedback(feedback: ArrivalFeedback, now: number): void {
    this.control.feedback(feedback, now);
    this.twcc.feedback(feedback, now);
    this.#follow(now);
  }

  remb(bitrate: number, now: number): void {
    this.control.remb(bitrate, now);
    this.#follow(now);
  }

  /** A receiver report: the part lost of so many packets; round-trip time in ms. */
  report(fractionLost: number, packets: number, roundTripTime: number | undefined, now: number): void {
    if (roundTripTime !== undefined) this.control.roundTripTime(roundTripTime, now);
    this.control.lossReport(fractionLost, packets, now);
    this.#follow(now);
  }

  #process(now: number): void {
    if (now >= this.#nextProcess) {
      this.#nextProcess = this.control.process(now) ?? now + TARGET_INTERVAL;
      this.#follow(now);
    }
    for (let probe = this.control.takeProbe(now); probe; probe = this.control.takeProbe(now)) this.#prober.add(probe, now);
  }

  /** Tells of a new target, at once when it changed much. */
  #follow(now: number): void {
    const { bitrate } = this.control.target;
    if (Math.abs(bitrate - this.#told) < TARGET_CHANGE * this.#told && now - this.#toldTime < TARGET_INTERVAL) return;
    this.#told = bitrate;
    this.#toldTime = now;
    this.#protect(now);
    const waiting = this.streams.reduce(
      (sum, stream) => sum + stream.pendingRetransmissions * RETRANSMISSION_SIZE,
      this.#queue.expendable,
    );
    if (waiting * 8000 > bitrate * MAX_QUEUE_TIME && now - this.#restarted >= RESTART_INTERVAL) {
      this.#restarted = now;
      this.#options.onCongested();
    }
    this.#options.onTarget(now);
  }

  /** As much redundancy as what is lost asks for. */
  #protect(now: number): void {
    const { bitrate, lossFraction, rtt, state } = this.control.target;
    const [first] = this.protectable;
    if (first) {
      const percentage = this.#fec.update(
        {
          loss: lossFraction,
          roundTripTime: rtt,
          videoBitrate: bitrate,
          overuse: state === 'overuse',
          retransmission: first.rtxSsrc !== undefined,
        },
        now,
      );
      for (const stream of this.protectable) stream.fecPercentage = percentage;
    }
    for (const stream of this.streams) {
      if (stream.supportsRedundancy) stream.redundancy = audioRedundancy(lossFraction, stream.redundancy);
    }
  }
}
