/**
 * Which transport-wide number the sender counted for each RTP sequence number of a stream: RFC 8888 reports tell of RTP
 * sequence numbers, congestion control thinks in one sequence over all streams.
 */

export class TransportNumbers {
  /** Sequence number × 2^16 + transport-wide number, -1 for nothing yet. */
  readonly #entries: Float64Array;
  readonly #mask: number;

  /** `size`: how many packets are remembered, a power of two. */
  constructor(size: number) {
    this.#entries = new Float64Array(size).fill(-1);
    this.#mask = size - 1;
  }

  /** Both 16 bits. */
  set(sequenceNumber: number, transportSequenceNumber: number): void {
    this.#entries[sequenceNumber & this.#mask] = sequenceNumber * 0x10000 + (transportSequenceNumber & 0xffff);
  }

  /** Undefined for a packet that was not counted, or was too long ago. */
  get(sequenceNumber: number): number | undefined {
    const entry = this.#entries[sequenceNumber & this.#mask]!;
    return Math.floor(entry / 0x10000) === sequenceNumber ? entry % 0x10000 : undefined;
  }
}
