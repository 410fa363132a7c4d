/**
 * Where a shard keeps the RTP packet templates of its outgoing media: one ring of bytes, written once per encoded frame
 * however many sessions send it, read by the batch sender and, for a while, by retransmission.
 *
 * A template is named by its *position*, the number of bytes ever allocated before it. Positions only grow, so that a
 * holder can ask whether a template is still there instead of counting references: history is bounded by the ring's size.
 */
export class PacketArena {
  readonly bytes: Uint8Array;
  #head = 0;

  constructor(size = 8 << 20) {
    this.bytes = new Uint8Array(new SharedArrayBuffer(size));
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
   * Whether the template at `position` has not been overwritten yet, and will not be by the next `margin` bytes: a batch in
   * the making must not lose a template to what is allocated before it is sent.
   */
  has(position: number, margin = 0): boolean {
    return position >= 0 && this.#head + margin - position <= this.bytes.length;
  }
}
