/** Reads bits, most significant first, as the headers of video bitstreams are written. Behind the end there are zeros. */
export class BitReader {
  readonly #data: Uint8Array;
  #at: number;

  /** Begins at byte `offset`. */
  constructor(data: Uint8Array, offset = 0) {
    this.#data = data;
    this.#at = offset * 8;
  }

  /** More was read than there is. */
  get exhausted(): boolean {
    return this.#at > this.#data.length * 8;
  }

  flag(): boolean {
    return this.bits(1) === 1;
  }

  /** An unsigned number of up to 32 bits. */
  bits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++, this.#at++)
      value = 2 * value + (((this.#data[this.#at >> 3] ?? 0) >> (7 - (this.#at & 7))) & 1);
    return value;
  }

  skip(count: number): void {
    this.#at += count;
  }

  /** ue(v) of H.264 §9.1 and H.265 §9.2, and uvlc() of AV1 §4.10.3. */
  exponential(): number {
    let zeros = 0;
    while (zeros < 32 && !this.flag()) zeros++;
    return zeros === 32 ? 0xffff_ffff : 2 ** zeros - 1 + this.bits(zeros);
  }

  /** se(v) of H.264 §9.1.1. */
  signedExponential(): number {
    const value = this.exponential();
    return value % 2 === 1 ? (value + 1) / 2 : -value / 2;
  }
}

/** A NAL unit without the bytes that keep start codes out of it (H.264 §7.4.1, H.265 §7.4.2). */
export function withoutEmulationPrevention(unit: Uint8Array): Uint8Array {
  const plain = new Uint8Array(unit.length);
  let length = 0;
  let zeros = 0;
  for (const byte of unit) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    plain[length++] = byte;
  }
  return plain.subarray(0, length);
}
