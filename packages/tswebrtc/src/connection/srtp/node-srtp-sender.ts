/**
 * The batch sender that works everywhere: protects with `node:crypto` and sends with `dgram`, one system call a packet.
 *
 * `dgram` owns a buffer until its callback, so packets are built in slots that go back to a free list when the socket is
 * done with them. Each slot has its callback made once; nothing but what `node:crypto` itself allocates is allocated a packet.
 */
import type { Socket } from 'node:dgram';
import { TsWebRTCError } from '../../common/errors.ts';
import type { PacketArena } from '../../rtp/packet-arena.ts';
import { OP_WORDS, type SendOps } from '../../rtp/send-ops.ts';
import type { LaneCounters, Lane as LaneId, LaneOptions, SrtpSender } from '../types.ts';
import { createSrtpTransform } from './srtp-context.ts';
import type { SrtpTransform } from './srtp-transform.ts';

/** Largest protected packet, in bytes; WebRTC keeps below 1500. */
const SLOT_SIZE = 2048;
/** Slots made at most: packets on their way to the system. Beyond, the sockets are stuck and packets are dropped. */
const MAX_SLOTS = 8192;

interface Lane {
  readonly transform: SrtpTransform;
  socket: Socket | undefined;
  address: string;
  port: number;
  sendDatagram: (datagram: Uint8Array) => void;
  readonly counters: LaneCounters;
  /** Slots that a socket has. A socket that is closed before it has looked an address up never gives them back. */
  inFlight: number;
  removed: boolean;
}

interface Slot {
  readonly buffer: Buffer;
  lane: Lane | undefined;
  length: number;
  readonly done: (error: Error | null) => void;
}

export class NodeSrtpSender implements SrtpSender {
  readonly #lanes = new Map<LaneId, Lane>();
  readonly #free: Slot[] = [];
  #slots = 0;
  #nextLane = 0;
  #closed = false;
  /** `Buffer` over the arena last used: `copy` between buffers needs no view a packet. */
  #source = Buffer.alloc(0);

  addLane(options: LaneOptions): LaneId {
    if (this.#closed) throw new TsWebRTCError('INVALID_STATE', 'the SRTP sender is closed; make another one');
    // Never reused: an op of a removed lane that is still in a batch must not reach another session.
    const id = this.#nextLane++;
    this.#lanes.set(id, {
      transform: createSrtpTransform(options.profile, options.masterKey, options.masterSalt),
      socket: options.socket,
      address: options.address,
      port: options.port,
      sendDatagram: options.sendDatagram,
      counters: { packets: 0, bytes: 0, dropped: 0 },
      inFlight: 0,
      removed: false,
    });
    return id;
  }

  setDestination(id: LaneId, destination: Pick<LaneOptions, 'socket' | 'address' | 'port' | 'sendDatagram'>): void {
    const lane = this.#lanes.get(id);
    if (!lane) return;
    lane.socket = destination.socket;
    lane.address = destination.address;
    lane.port = destination.port;
    lane.sendDatagram = destination.sendDatagram;
  }

  removeLane(id: LaneId): void {
    const lane = this.#lanes.get(id);
    if (!lane) return;
    this.#lanes.delete(id);
    // Others are made in their place.
    lane.removed = true;
    this.#slots -= lane.inFlight;
  }

  counters(id: LaneId): LaneCounters {
    const counters = this.#lanes.get(id)?.counters;
    return counters ? { ...counters } : { packets: 0, bytes: 0, dropped: 0 };
  }

  send(arena: PacketArena, ops: SendOps): number {
    if (this.#source.buffer !== arena.bytes.buffer) {
      this.#source = Buffer.from(arena.bytes.buffer as unknown as ArrayBuffer, arena.bytes.byteOffset, arena.bytes.byteLength);
    }
    const words = ops.words;
    let sent = 0;
    for (let at = 0, end = ops.count * OP_WORDS; at < end; at += OP_WORDS) {
      const lane = this.#lanes.get(words[at]!);
      if (lane && this.#sendOne(lane, words, at)) sent++;
    }
    return sent;
  }

  close(): void {
    this.#closed = true;
    this.#lanes.clear();
    this.#free.length = 0;
  }

  #sendOne(lane: Lane, words: Uint32Array, at: number): boolean {
    const templateLength = words[at + 2]!;
    const slot = templateLength + lane.transform.rtpOverhead > SLOT_SIZE ? undefined : this.#takeSlot();
    if (!slot) {
      lane.counters.dropped++;
      return false;
    }
    const packet = slot.buffer;
    const offset = words[at + 1]!;
    this.#source.copy(packet, 0, offset, offset + templateLength);
    const ssrc = words[at + 3]!;
    const numbers = words[at + 5]!;
    const sequenceNumber = numbers & 0xffff;
    packet[1] = ((numbers >>> 24) & 0x80) | ((numbers >>> 16) & 0x7f);
    packet[2] = sequenceNumber >>> 8;
    packet[3] = sequenceNumber & 0xff;
    packet.writeUInt32BE(words[at + 6]!, 4);
    packet.writeUInt32BE(ssrc, 8);
    patch(packet, templateLength, words, at);
    const length = lane.transform.protectRtp(packet, templateLength, ssrc, words[at + 4]!, sequenceNumber);
    if (length < 0) {
      this.#free.push(slot);
      lane.counters.dropped++;
      return false;
    }
    return this.#hand(lane, slot, length);
  }

  #hand(lane: Lane, slot: Slot, length: number): boolean {
    try {
      if (lane.socket) {
        slot.lane = lane;
        slot.length = length;
        lane.inFlight++;
        lane.socket.send(slot.buffer, 0, length, lane.port, lane.address, slot.done);
      } else {
        // The receiver of the datagram may keep it as long as it likes.
        lane.sendDatagram(Buffer.from(slot.buffer.subarray(0, length)));
        this.#free.push(slot);
      }
    } catch {
      // A closed socket, an impossible address: the packet is lost, the batch goes on.
      if (lane.socket) lane.inFlight--;
      slot.lane = undefined;
      this.#free.push(slot);
      lane.counters.dropped++;
      return false;
    }
    lane.counters.packets++;
    lane.counters.bytes += length;
    return true;
  }

  #takeSlot(): Slot | undefined {
    const slot = this.#free.pop();
    if (slot) return slot;
    if (this.#slots === MAX_SLOTS) return undefined;
    this.#slots++;
    const made: Slot = {
      buffer: Buffer.allocUnsafeSlow(SLOT_SIZE),
      lane: undefined,
      length: 0,
      done: (error) => {
        const { lane } = made;
        if (!lane) return;
        made.lane = undefined;
        if (error) {
          lane.counters.packets--;
          lane.counters.bytes -= made.length;
          lane.counters.dropped++;
        }
        if (lane.removed || this.#closed) return;
        lane.inFlight--;
        this.#free.push(made);
      },
    };
    return made;
  }
}

function patch(packet: Buffer, length: number, words: Uint32Array, at: number): void {
  for (let i = 0, n = words[at + 7]!; i < n; i++) {
    const where = words[at + 8 + 2 * i]!;
    const value = words[at + 9 + 2 * i]!;
    const size = where & 0xff;
    const offset = where >>> 8;
    if (offset + size > length) continue;
    for (let k = 0; k < size; k++) packet[offset + k] = value >>> (8 * (size - 1 - k));
  }
}
