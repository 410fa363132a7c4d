/**
 * What a session has still to send, and in which order: audio at once, then what the peer asked to have again, then video
 * as the pacer allows. Sequence numbers are given when a packet leaves, so that the order on the wire is the order here.
 */
import type { BitrateWindow } from '../congestion/bitrate-window.ts';
import type { Pacer } from '../congestion/pacer.ts';
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
}

/** What draining writes to, and what it needs to know of the session. */
export interface DrainTarget {
  readonly lane: Lane;
  readonly arena: PacketArena;
  /** Where this tick's packets are written. */
  ops: SendOps;
  readonly sent: BitrateWindow;
  /** Takes the next transport-wide sequence number. */
  readonly nextTransportSequenceNumber: () => number;
}

export class SendQueue {
  readonly #audio: Entry[] = [];
  readonly #video: Entry[] = [];
  #videoBytes = 0;

  /** Bytes of video that wait for the pacer. */
  get backlog(): number {
    return this.#videoBytes;
  }

  push(kind: 'audio' | 'video', stream: OutboundStream, frame: PacketisedFrame): void {
    (kind === 'audio' ? this.#audio : this.#video).push({ stream, frame, next: 0 });
    if (kind === 'video') this.#videoBytes += frame.size;
  }

  clear(): void {
    this.#audio.length = 0;
    this.#video.length = 0;
    this.#videoBytes = 0;
  }

  /** Writes what may leave now as ops. `streams`: all of the session, for their retransmissions. Returns whether something waits. */
  drain(pacer: Pacer, streams: readonly OutboundStream[], to: DrainTarget, now: number): boolean {
    pacer.advance(now, this.#videoBytes);
    for (const entry of this.#audio) {
      while (entry.next < entry.frame.count) pacer.spend(this.#write(entry, to, now));
    }
    this.#audio.length = 0;

    for (const stream of streams) {
      while (stream.pendingRetransmissions > 0 && pacer.canSend()) {
        const bytes = stream.nextRetransmission(to.ops, to.lane, to.arena, now, to.nextTransportSequenceNumber);
        if (bytes === 0) break;
        pacer.spend(bytes);
        to.sent.add(bytes, now);
      }
      if (stream.pendingRetransmissions > 0) return true;
    }

    let done = 0;
    for (const entry of this.#video) {
      while (entry.next < entry.frame.count && pacer.canSend()) {
        const bytes = this.#write(entry, to, now);
        this.#videoBytes -= bytes;
        pacer.spend(bytes);
      }
      if (entry.next < entry.frame.count) break;
      done++;
    }
    if (done > 0) this.#video.splice(0, done);
    return this.#video.length > 0;
  }

  #write(entry: Entry, to: DrainTarget, now: number): number {
    const { stream, frame } = entry;
    const index = entry.next++;
    // Overtaken by the arena: a loss like any other, and no transport-wide number is spent on it.
    if (!to.arena.has(frame.positions[index]!)) return frame.lengths[index]!;
    const transportSequenceNumber = stream.usesTransportCc ? to.nextTransportSequenceNumber() : undefined;
    const bytes = stream.writePacket(to.ops, to.lane, to.arena, frame, index, now, transportSequenceNumber);
    to.sent.add(bytes, now);
    return bytes;
  }
}
