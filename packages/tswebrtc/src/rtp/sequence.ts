/**
 * Arithmetic on the 16-bit sequence numbers of RTP, which wrap (RFC 3550 §5.1, appendix A.1; RFC 1982). Also used for the
 * transport-wide sequence numbers, which are of the same kind.
 */

/** How far `a` is ahead of `b`, modulo 2^16: -32768..32767. */
export function sequenceDelta(a: number, b: number): number {
  return ((a - b) << 16) >> 16;
}

/** Whether `a` comes after `b`. Half a circle away counts as before. */
export function isSequenceNewer(a: number, b: number): boolean {
  return sequenceDelta(a, b) > 0;
}

/**
 * Turns 16-bit numbers into ones that do not wrap (48 bits: roll-over counter and sequence number, RFC 3711 §3.3.1). Each
 * number is taken to be the one nearest to the highest seen so far.
 */
export class SequenceUnwrapper {
  #highest: number | undefined;

  /** Highest number seen, unwrapped; undefined before the first. */
  get highest(): number | undefined {
    return this.#highest;
  }

  /** The unwrapped form of `sequenceNumber`. May be negative for numbers from before the first one's wrap. */
  unwrap(sequenceNumber: number): number {
    const highest = this.#highest;
    if (highest === undefined) {
      this.#highest = sequenceNumber;
      return sequenceNumber;
    }
    const unwrapped = this.peek(sequenceNumber);
    if (unwrapped > highest) this.#highest = unwrapped;
    return unwrapped;
  }

  /** Like `unwrap`, without moving on. */
  peek(sequenceNumber: number): number {
    const highest = this.#highest;
    if (highest === undefined) return sequenceNumber;
    // The remainder, not `& 0xffff`: the highest number has up to 48 bits.
    return highest + sequenceDelta(sequenceNumber, highest % 0x10000);
  }
}
