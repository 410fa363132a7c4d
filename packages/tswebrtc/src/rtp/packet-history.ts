/**
 * What a session remembers of the packets of one stream it sent, so as to send one again (RFC 4585 §6.2.1): numbers in typed
 * arrays, by sequence number. Bounded in packets, bytes and time. The bytes stay in the arena and may be gone before the entry is.
 */
import type { PacketArena } from './packet-arena.ts';
import { sequenceDelta } from './sequence.ts';

/** How a packet was sent: plain, alone in RED, in RED behind an earlier one, or ULPFEC in RED. */
export const PacketKind = { PLAIN: 0, RED: 1, REDUNDANT: 2, FEC: 3 } as const;

export class PacketHistory {
  readonly positions: Float64Array;
  readonly lengths: Uint16Array;
  /** With the session's offset. */
  readonly timestamps: Uint32Array;
  /** ms, on the caller's clock. */
  readonly sentAt: Float64Array;
  /** ms; -Infinity before the first time. */
  readonly resentAt: Float64Array;
  /** How often it was sent again. */
  readonly resentCounts: Uint8Array;
  /** SRTP roll-over counter. */
  readonly rolloverCounters: Uint32Array;
  /** The header extension elements it carried in the place of abs-send-time, 0 for none. */
  readonly elements: Uint32Array;
  /** 16-bit transport sequence number it carried, -1 for none. */
  readonly transportSequenceNumbers: Int32Array;
  /** PictureID and TL0PICIDX (and what VP9 has between them) as patched in, where, and how many bytes; offset 0 for none. */
  readonly pictureIds: Uint32Array;
  readonly pictureIdOffsets: Uint8Array;
  readonly pictureIdLengths: Uint8Array;
  readonly markers: Uint8Array;
  /** `PacketKind` of each. */
  readonly kinds: Uint8Array;
  /** 1 while a retransmission waits to be sent. */
  readonly queued: Uint8Array;
  readonly #sequenceNumbers: Int32Array;
  readonly #mask: number;
  readonly #duration: number;
  readonly #maxBytes: number;
  #bytes = 0;
  /** Newest sequence number, and how many numbers up to it can be in the table. */
  #newest = 0;
  #span = 0;

  /** `size`: packets, a power of two up to 32768. `duration`: ms. `maxBytes`: of all packets together. */
  constructor(size: number, duration: number, maxBytes: number) {
    this.#mask = size - 1;
    this.#duration = duration;
    this.#maxBytes = maxBytes;
    this.#sequenceNumbers = new Int32Array(size).fill(-1);
    this.positions = new Float64Array(size);
    this.lengths = new Uint16Array(size);
    this.timestamps = new Uint32Array(size);
    this.sentAt = new Float64Array(size);
    this.resentAt = new Float64Array(size);
    this.resentCounts = new Uint8Array(size);
    this.rolloverCounters = new Uint32Array(size);
    this.elements = new Uint32Array(size);
    this.transportSequenceNumbers = new Int32Array(size);
    this.pictureIds = new Uint32Array(size);
    this.pictureIdOffsets = new Uint8Array(size);
    this.pictureIdLengths = new Uint8Array(size);
    this.markers = new Uint8Array(size);
    this.kinds = new Uint8Array(size);
    this.queued = new Uint8Array(size);
  }

  /**
   * Makes room for `sequenceNumber`, the next or one a little further on, forgetting what is beyond the bounds then; returns
   * the slot for the caller to fill.
   */
  add(sequenceNumber: number, position: number, length: number, now: number): number {
    const slot = sequenceNumber & this.#mask;
    this.#moveTo(sequenceNumber);
    this.#bytes += length;
    this.#sequenceNumbers[slot] = sequenceNumber;
    this.positions[slot] = position;
    this.lengths[slot] = length;
    this.sentAt[slot] = now;
    this.resentAt[slot] = Number.NEGATIVE_INFINITY;
    this.resentCounts[slot] = 0;
    this.queued[slot] = 0;
    while (this.#bytes > this.#maxBytes && this.#span > 1) this.#forget(sequenceNumber - --this.#span);
    return slot;
  }

  #moveTo(sequenceNumber: number): void {
    const size = this.#mask + 1;
    const steps = this.#span === 0 ? 1 : Math.min(Math.max(sequenceDelta(sequenceNumber, this.#newest), 0), size);
    for (let i = steps - 1; i >= 0; i--) {
      if (this.#span === size) this.#forget(sequenceNumber - i);
      else this.#span++;
    }
    this.#newest = sequenceNumber;
  }

  /** Empties the slot of `sequenceNumber`, whatever is in it. */
  #forget(sequenceNumber: number): void {
    const slot = sequenceNumber & this.#mask;
    if (this.#sequenceNumbers[slot]! < 0) return;
    this.#sequenceNumbers[slot] = -1;
    this.#bytes -= this.lengths[slot]!;
  }

  /** Slot of `sequenceNumber` while it is remembered, however old, else -1. */
  slotOf(sequenceNumber: number): number {
    const slot = sequenceNumber & this.#mask;
    return this.#sequenceNumbers[slot] === sequenceNumber ? slot : -1;
  }

  /** Slot of `sequenceNumber` if it can still be sent again at `now`, else -1. */
  find(sequenceNumber: number, now: number, arena?: PacketArena): number {
    const slot = this.slotOf(sequenceNumber);
    if (slot < 0) return -1;
    if (now - this.sentAt[slot]! > this.#duration) return -1;
    if (arena && !arena.has(this.positions[slot]!)) return -1;
    return slot;
  }
}
