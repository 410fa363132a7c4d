/**
 * What a session has still to send, and in which order: audio at once, then what the peer asked to have again, then video
 * with its FEC as the pacer allows. While a probe is under way everything leaves as part of its train, filled up with
 * padding. Sequence numbers are given when a packet leaves, so that the order on the wire is the order here.
 */
import type { BitrateWindow } from '../congestion/bitrate-window.ts';
import type { Pacer } from '../congestion/pacer.ts';
import type { Prober } from '../congestion/prober.ts';
import type { Lane } from '../connection/types.ts';
import type { OutboundStream } from '../rtp/outbound-stream.ts';
import type { PacketArena } from '../rtp/packet-arena.ts';
import type { PacketisedFrame } from '../rtp/packetised-frame.ts';
import type { SendOps } from '../rtp/send-ops.ts';

interface Entry {
  readonly stream: OutboundStream;
  readonly frame: PacketisedFrame;
  /** Next packet of `frame` to leave. */
  next: number;
  /** It is not given up for being late: nothing would take its place soon. */
  readonly irreplaceable: boolean;
}

/** What draining writes to, and what it needs to know of the session. */
export interface DrainTarget {
  readonly lane: Lane;
  readonly arena: PacketArena;
  /** Where this tick's packets are written. */
  ops: SendOps;
  readonly sent: BitrateWindow;
  readonly retransmitted: BitrateWindow;
  /** Takes the next transport-wide sequence number. */
  readonly nextTransportSequenceNumber: () => number;
  /** A packet with the number taken last left; `clusterId` names its probe, 0 none. */
  readonly packetSent: (bytes: number, now: number, clusterId: number) => void;
}

export class SendQueue {
  readonly #audio: Entry[] = [];
  readonly #video: Entry[] = [];
  readonly #pacer: Pacer;
  readonly #prober: Prober;
  #videoBytes = 0;
  /** Whose FEC packets are to follow. */
  #protected: OutboundStream | undefined;
  #counted = false;
  #starved = false;
  /** Takes a number where a stream wants one, and remembers that it did. */
  #take: () => number = () => 0;

  constructor(pacer: Pacer, prober: Prober) {
    this.#pacer = pacer;
    this.#prober = prober;
  }

  /** Bytes of video that wait for the pacer. */
  get backlog(): number {
    return this.#videoBytes;
  }

  /** Bytes of video that wait and could be given up. */
  get expendable(): number {
    return this.#video.reduce((sum, entry) => (entry.irreplaceable ? sum : sum + waitingBytes(entry)), 0);
  }

  /** The train under way is due, and there is nothing that could be sent in its name: it goes on with what comes. */
  get starved(): boolean {
    return this.#starved;
  }

  push(kind: 'audio' | 'video', stream: OutboundStream, frame: PacketisedFrame, irreplaceable = false): void {
    (kind === 'audio' ? this.#audio : this.#video).push({ stream, frame, next: 0, irreplaceable });
    if (kind === 'video') this.#videoBytes += frame.size;
  }

  /** Forgets the video of `stream` that has not left. Returns whether there was any. */
  drop(stream: OutboundStream): boolean {
    return this.#keep((entry) => entry.stream !== stream);
  }

  /** The same, but for what nothing would take the place of. */
  giveUp(stream: OutboundStream): boolean {
    return this.#keep((entry) => entry.stream !== stream || entry.irreplaceable);
  }

  #keep(wanted: (entry: Entry) => boolean): boolean {
    const kept = this.#video.filter(wanted);
    if (kept.length === this.#video.length) return false;
    this.#video.splice(0, this.#video.length, ...kept);
    this.#videoBytes = kept.reduce((sum, entry) => sum + waitingBytes(entry), 0);
    return true;
  }

  /** Forgets all that has not left of `stream`, which sends nothing more. */
  remove(stream: OutboundStream): void {
    this.drop(stream);
    const audio = this.#audio.filter((entry) => entry.stream !== stream);
    this.#audio.splice(0, this.#audio.length, ...audio);
    if (this.#protected === stream) this.#protected = undefined;
  }

  clear(): void {
    this.#audio.length = 0;
    this.#video.length = 0;
    this.#videoBytes = 0;
    this.#protected = undefined;
  }

  /** Writes what may leave now as ops. `streams`: all of the session, for their retransmissions. Returns whether something waits. */
  drain(streams: readonly OutboundStream[], to: DrainTarget, now: number): boolean {
    this.#take = to.nextTransportSequenceNumber;
    const [pacer, prober] = [this.#pacer, this.#prober];
    pacer.advance(now, this.#videoBytes);
    for (const entry of this.#audio) {
      while (entry.next < entry.frame.count) {
        const bytes = this.#write(entry, to, now);
        if (bytes === 0) continue;
        // Where nobody reports on audio the target is for pictures alone: audio must not take what they may send.
        if (this.#counted) this.#pacer.spend(bytes);
        // Audio alone cannot follow at a train's rate: it waits for video to begin with.
        this.#left(bytes, to, now, this.#prober.started);
      }
    }
    this.#audio.length = 0;

    this.#starved = false;
    for (let due = prober.due(now); due > 0 && prober.current && !this.#starved; ) {
      const bytes = this.#sendNext(streams, to, now) || this.#pad(streams, to, now);
      this.#starved = bytes === 0;
      due -= bytes;
    }
    // What leaves beside a train is not measured with it: it would come out too low.
    while (!prober.current && pacer.canSend()) if (this.#sendNext(streams, to, now) === 0) break;
    return this.#waits(streams);
  }

  #waits(streams: readonly OutboundStream[]): boolean {
    if (this.#video.length > 0 || (this.#protected?.pendingFec ?? 0) > 0) return true;
    for (const stream of streams) if (stream.pendingRetransmissions > 0) return true;
    return false;
  }

  /** Sends the packet that is next in turn; returns its bytes, 0 where nothing waits. */
  #sendNext(streams: readonly OutboundStream[], to: DrainTarget, now: number): number {
    for (const stream of streams) {
      if (stream.pendingRetransmissions === 0) continue;
      const bytes = stream.nextRetransmission(to.ops, to.lane, to.arena, now, this.#takeNumber);
      if (bytes === 0) continue;
      to.retransmitted.add(bytes, now);
      return this.#leftPaced(bytes, to, now);
    }
    const fec = this.#sendFec(to, now);
    if (fec > 0) return fec;
    for (let entry = this.#video[0]; entry; entry = this.#video[0]) {
      if (entry.next < entry.frame.count) {
        const planned = entry.frame.lengths[entry.next]!;
        const bytes = this.#write(entry, to, now);
        this.#videoBytes -= planned;
        if (entry.next === entry.frame.count) this.#finish(entry);
        if (bytes > 0) return this.#leftPaced(bytes, to, now);
      } else this.#finish(entry);
    }
    return 0;
  }

  #finish(entry: Entry): void {
    this.#video.shift();
    this.#protected = entry.stream;
  }

  #sendFec(to: DrainTarget, now: number): number {
    const stream = this.#protected;
    if (!stream || stream.pendingFec === 0) return 0;
    const bytes = stream.nextFec(to.ops, to.lane, to.arena, now, this.#takeNumber);
    return bytes === 0 ? 0 : this.#leftPaced(bytes, to, now);
  }

  #pad(streams: readonly OutboundStream[], to: DrainTarget, now: number): number {
    for (const stream of streams) {
      const bytes = stream.writePadding(to.ops, to.lane, to.arena, now, this.#takeNumber);
      if (bytes > 0) return this.#leftPaced(bytes, to, now);
    }
    return 0;
  }

  readonly #takeNumber = (): number => {
    this.#counted = true;
    return this.#take();
  };

  #leftPaced(bytes: number, to: DrainTarget, now: number): number {
    this.#pacer.spend(bytes);
    return this.#left(bytes, to, now, true);
  }

  /** Books a packet, as part of the train under way where it may be one. */
  #left(bytes: number, to: DrainTarget, now: number, train: boolean): number {
    to.sent.add(bytes, now);
    // What nobody reports on is no part of a train: it would never be known to be whole.
    const clusterId = train && this.#counted ? (this.#prober.current?.clusterId ?? 0) : 0;
    if (this.#counted) to.packetSent(bytes, now, clusterId);
    this.#counted = false;
    if (clusterId !== 0) this.#prober.sent(bytes, now);
    return bytes;
  }

  /** Returns the packet's bytes, 0 where the arena has overwritten it: a loss like any other, and no number is spent on it. */
  #write(entry: Entry, to: DrainTarget, now: number): number {
    const { stream, frame } = entry;
    const index = entry.next++;
    if (!to.arena.has(frame.positions[index]!)) return 0;
    const transportSequenceNumber = stream.countsTransport ? this.#takeNumber() : undefined;
    return stream.writePacket(to.ops, to.lane, to.arena, frame, index, now, transportSequenceNumber);
  }
}

/** Of what has not left of a frame. */
function waitingBytes({ frame, next }: Entry): number {
  let sum = 0;
  for (let i = next; i < frame.count; i++) sum += frame.lengths[i]!;
  return sum;
}
