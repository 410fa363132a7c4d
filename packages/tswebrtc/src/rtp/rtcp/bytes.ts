/** Reading and growing big-endian byte buffers, for RTCP messages. Not for the packet path. */

export function readUint16(from: Uint8Array, at: number): number {
  return (from[at]! << 8) | from[at + 1]!;
}

export function readUint32(from: Uint8Array, at: number): number {
  return ((from[at]! << 24) | (from[at + 1]! << 16) | (from[at + 2]! << 8) | from[at + 3]!) >>> 0;
}

/** A buffer that grows as it is written. */
export class ByteWriter {
  #bytes = new Uint8Array(256);
  length = 0;

  uint8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.length++] = value;
  }

  uint16(value: number): void {
    this.uint8(value >>> 8);
    this.uint8(value);
  }

  uint24(value: number): void {
    this.uint8(value >>> 16);
    this.uint16(value);
  }

  uint32(value: number): void {
    this.uint16(value >>> 16);
    this.uint16(value);
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.length);
    this.length += value.length;
  }

  /** Overwrites 16 bits written before. */
  setUint16(at: number, value: number): void {
    this.#bytes[at] = value >>> 8;
    this.#bytes[at + 1] = value;
  }

  /** Zeros up to the next multiple of 4. */
  align(): void {
    while (this.length & 3) this.uint8(0);
  }

  /** What was written; the writer must not be used afterwards. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  #reserve(count: number): void {
    if (this.length + count <= this.#bytes.length) return;
    const bigger = new Uint8Array(Math.max(2 * this.#bytes.length, this.length + count));
    bigger.set(this.#bytes);
    this.#bytes = bigger;
  }
}
