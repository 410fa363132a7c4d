/**
 * Where a shard keeps the RTP packet templates of its outgoing media: one ring of bytes, written once per encoded frame
 * however many sessions send it, read by the batch sender and, for a while, by retransmission.
 *
 * A template is named by its *position*, the number of bytes ever allocated before it. Positions only grow, so that a
 * holder can ask whether a template is still there instead of counting references: history is bounded by the ring's size.
 */
export class PacketArena {
  readonly bytes: Uint8Array;
  /** The oldest part in eight is given up early, for what is allocated between the choice of a packet and its sending. */
  readonly #usable: number;
  #head = 0;

  constructor(size = 8 << 20) {
    this.bytes = new Uint8Array(new SharedArrayBuffer(size));
    this.#usable = size - (size >> 3);
  }

  /** Reserves `length` contiguous bytes and returns their position. Overwrites the oldest templates. */
  alloc(length: number): number {
    const size = this.bytes.length;
    if (length > size) throw new RangeError(`a template of ${length} bytes does not fit an arena of ${size}`);
    const offset = this.#head % size;
    if (offset + length > size) this.#head += size - offset;
    const position = this.#head;
    this.#head += length;
    return position;
  }

  /** Offset in `bytes` of the template at `position`. */
  offset(position: number): number {
    return position % this.bytes.length;
  }

  /**
   * Whether the template at `position` can still be sent: it has not been overwritten, and will not be before a batch that
   * takes it now has left.
   */
  has(position: number): boolean {
    return position >= 0 && this.#head - position <= this.#usable;
  }
}
