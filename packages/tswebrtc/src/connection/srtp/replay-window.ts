/** Replay protection of one source (RFC 3711 §3.3.2): which of the latest packet indices have been seen. */
const SIZE = 1024;

/** Remembers the `SIZE` latest indices. Wider than the 64 the RFC asks for, so that late retransmissions still pass. */
export class ReplayWindow {
  readonly #seen = new Uint32Array(SIZE / 32);
  #highest = -1;

  /** Whether a packet with this index may be taken: neither seen nor older than the window. */
  isFresh(index: number): boolean {
    if (index > this.#highest) return true;
    if (this.#highest - index >= SIZE) return false;
    const bit = index % SIZE;
    return (this.#seen[bit >>> 5]! & (1 << (bit & 31))) === 0;
  }

  /** Marks an index as seen. Call it for authenticated packets only. */
  accept(index: number): void {
    if (index > this.#highest) {
      if (index - this.#highest >= SIZE) this.#seen.fill(0);
      else for (let i = this.#highest + 1; i < index; i++) this.#clear(i % SIZE);
      this.#highest = index;
    }
    const bit = index % SIZE;
    this.#seen[bit >>> 5]! |= 1 << (bit & 31);
  }

  #clear(bit: number): void {
    this.#seen[bit >>> 5]! &= ~(1 << (bit & 31));
  }
}
