/**
 * The batch sender over the addon: one call a batch. What the addon cannot send itself (no plain socket, a socket not yet
 * bound, a name instead of an address) it protects and gives back, and it leaves from here.
 */
import type { Socket } from 'node:dgram';
import { descriptorOf } from './descriptor.ts';
import type { Addon, NativeSender } from './native.ts';
import type {
  BatchSender,
  BatchSenderOptions,
  BatchSenderStats,
  Destination,
  LaneCounters,
  LaneOptions,
  Ops,
  Templates,
} from './types.ts';

/** ms until a full socket is tried again. */
const RETRY_INTERVAL = 1;
/** Packets given back by one call of the addon; a batch with more of them takes several calls. */
const SPILL_PACKETS = 64;
const SPILL_PACKET_SIZE = 2048;
/** Words of the spill's index before the entries: next op, number of entries, whether packets wait. */
const SPILL_HEADER = 3;
const NO_SOCKET = -1;

const PROFILES = {
  AEAD_AES_128_GCM: { number: 0, saltLength: 12 },
  AES128_CM_HMAC_SHA1_80: { number: 1, saltLength: 14 },
} as const;
const KEY_LENGTH = 16;

/** What the addon knows a `dgram` socket by. */
interface OpenSocket {
  readonly number: number;
  /** Lanes that send by it. */
  lanes: number;
  readonly onClose: () => void;
}

interface Lane {
  destination: Destination;
  /** The socket that the addon sends by, where it does. */
  socket: Socket | undefined;
  /** Of what leaves from here. */
  readonly counters: LaneCounters;
}

interface Spilled {
  readonly lane: Lane;
  readonly datagram: Buffer;
}

export class NativeBatchSender implements BatchSender {
  readonly #native: NativeSender;
  readonly #lanes = new Map<number, Lane>();
  readonly #sockets = new Map<Socket, OpenSocket>();
  readonly #spillBytes = Buffer.allocUnsafeSlow(SPILL_PACKETS * SPILL_PACKET_SIZE);
  readonly #spillIndex = new Uint32Array(SPILL_HEADER + 2 * SPILL_PACKETS);
  readonly #figures = new Float64Array(3);
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(addon: Addon, options: BatchSenderOptions = {}) {
    this.#native = new addon.NativeSender(options.segmentation ?? true, options.thread ?? false);
  }

  addLane(options: LaneOptions): number {
    if (this.#closed) throw new Error('the SRTP sender is closed; make another one');
    const { profile, masterKey, masterSalt } = options;
    const { number, saltLength } = PROFILES[profile];
    if (masterKey.length !== KEY_LENGTH || masterSalt.length !== saltLength) {
      throw new TypeError(
        `${profile} takes a master key of ${KEY_LENGTH} bytes and a salt of ${saltLength}, not ${masterKey.length} and ${masterSalt.length}`,
      );
    }
    const id = this.#native.addLane(number, masterKey, masterSalt);
    const counters = { packets: 0, bytes: 0, dropped: 0 };
    this.#lanes.set(id, { destination: options, socket: undefined, counters });
    this.setDestination(id, options);
    return id;
  }

  setDestination(id: number, destination: Destination): void {
    const lane = this.#lanes.get(id);
    if (!lane) return;
    const before = lane.socket;
    lane.destination = destination;
    lane.socket = undefined;
    // The new one first, so that a socket that stays is not closed and opened again.
    const { socket, address, port } = destination;
    const number = socket ? this.#take(socket) : NO_SOCKET;
    const isNative = this.#native.setDestination(id, number, address, port);
    if (socket && number !== NO_SOCKET) {
      if (isNative) lane.socket = socket;
      else this.#giveBack(socket);
    }
    if (before) this.#giveBack(before);
  }

  removeLane(id: number): void {
    const lane = this.#lanes.get(id);
    if (!lane) return;
    this.#lanes.delete(id);
    this.#native.removeLane(id);
    if (lane.socket) this.#giveBack(lane.socket);
  }

  counters(id: number): LaneCounters {
    const lane = this.#lanes.get(id);
    if (!lane || !this.#native.counters(id, this.#figures)) return { packets: 0, bytes: 0, dropped: 0 };
    const { packets, bytes, dropped } = lane.counters;
    const figures = this.#figures;
    return { packets: packets + figures[0]!, bytes: bytes + figures[1]!, dropped: dropped + figures[2]! };
  }

  stats(): BatchSenderStats {
    this.#figures.fill(0);
    if (!this.#closed) this.#native.stats(this.#figures);
    return { systemCalls: this.#figures[0]!, messages: this.#figures[1]!, datagrams: this.#figures[2]! };
  }

  send(templates: Templates, ops: Ops): number {
    let sent = 0;
    const { words, count } = ops;
    for (let next = 0; next < count && !this.#closed; ) {
      sent += this.#native.send(templates.bytes, words, next, count, this.#spillBytes, this.#spillIndex);
      const index = this.#spillIndex;
      next = index[0]!;
      if (index[2] === 1) this.#retryLater();
      // `sendDatagram` may call us again, and all of this is then overwritten: `next` and the copies are not.
      if (index[1]! > 0) sent += this.#sendSpilled(this.#copySpilled(index[1]!));
    }
    return sent;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#retry);
    for (const [socket, { onClose }] of this.#sockets) socket.off('close', onClose);
    this.#sockets.clear();
    this.#lanes.clear();
    this.#native.close();
  }

  /** The addon's number of a socket, with one more lane that uses it; -1 where the addon cannot use it. */
  #take(socket: Socket): number {
    const known = this.#sockets.get(socket);
    if (known) {
      known.lanes++;
      return known.number;
    }
    const descriptor = descriptorOf(socket);
    const number = descriptor === undefined ? NO_SOCKET : this.#native.openSocket(descriptor);
    if (number === NO_SOCKET) return NO_SOCKET;
    // The addon has a descriptor of its own: while that is open, the port stays taken.
    const onClose = (): void => this.#forget(socket);
    this.#sockets.set(socket, { number, lanes: 1, onClose });
    socket.once('close', onClose);
    return number;
  }

  #giveBack(socket: Socket): void {
    const known = this.#sockets.get(socket);
    if (known && --known.lanes === 0) this.#forget(socket);
  }

  #forget(socket: Socket): void {
    const known = this.#sockets.get(socket);
    if (!known) return;
    this.#sockets.delete(socket);
    socket.off('close', known.onClose);
    this.#native.closeSocket(known.number);
  }

  #copySpilled(count: number): Spilled[] {
    const spilled: Spilled[] = [];
    let at = 0;
    for (let i = SPILL_HEADER; i < SPILL_HEADER + 2 * count; i += 2) {
      const lane = this.#lanes.get(this.#spillIndex[i]!);
      const end = at + this.#spillIndex[i + 1]!;
      // Who gets the datagram may keep it as long as it likes.
      if (lane) spilled.push({ lane, datagram: Buffer.from(this.#spillBytes.subarray(at, end)) });
      at = end;
    }
    return spilled;
  }

  #sendSpilled(spilled: readonly Spilled[]): number {
    let sent = 0;
    for (const { lane, datagram } of spilled) {
      const { counters, destination } = lane;
      const { socket, address, port, sendDatagram } = destination;
      try {
        if (socket) {
          socket.send(datagram, port, address, (error) => {
            if (error) counters.dropped++;
          });
        } else sendDatagram(datagram);
      } catch {
        // A closed socket, an impossible address: the packet is lost, the batch goes on.
        counters.dropped++;
        continue;
      }
      counters.packets++;
      counters.bytes += datagram.length;
      sent++;
    }
    return sent;
  }

  #retryLater(): void {
    if (this.#retry) return;
    const retry = (): void => {
      this.#retry = undefined;
      if (!this.#closed && this.#native.flush()) this.#retryLater();
    };
    this.#retry = setTimeout(retry, RETRY_INTERVAL).unref();
  }
}
