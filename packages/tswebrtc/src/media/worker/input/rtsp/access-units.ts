/** AAC out of RTP (RFC 3640 §3.2): access units of one packet, each behind its size, or one in several packets. */

export interface AacFormat {
  /** Bits. */
  readonly sizeLength: number;
  readonly indexLength: number;
  readonly indexDeltaLength: number;
}

export class AccessUnits {
  readonly #format: AacFormat;
  /** Of a unit in several packets: what came of it, and what it has to be. */
  #parts: Uint8Array[] = [];
  #missing = 0;

  constructor(fmtp: Readonly<Record<string, string>>) {
    this.#format = {
      sizeLength: Number(fmtp.sizelength ?? 13),
      indexLength: Number(fmtp.indexlength ?? 3),
      indexDeltaLength: Number(fmtp.indexdeltalength ?? 3),
    };
  }

  /** The units that are complete with this payload. */
  push(payload: Uint8Array): Uint8Array[] {
    const { sizeLength, indexLength, indexDeltaLength } = this.#format;
    if (payload.length < 2) return [];
    const headerBits = (payload[0]! << 8) | payload[1]!;
    const end = 2 + Math.ceil(headerBits / 8);
    const sizes: number[] = [];
    for (let at = 16; at + sizeLength <= 16 + headerBits && end <= payload.length; ) {
      sizes.push(bits(payload, at, sizeLength));
      at += sizeLength + (sizes.length === 1 ? indexLength : indexDeltaLength);
    }
    const data = payload.subarray(end);
    const [first] = sizes;
    if (first !== undefined && sizes.length === 1 && first > data.length) return this.#fragment(first, data);
    this.#parts = [];
    const units: Uint8Array[] = [];
    let at = 0;
    for (const size of sizes) {
      if (at + size > data.length) break;
      units.push(data.subarray(at, at + size));
      at += size;
    }
    return units;
  }

  #fragment(size: number, piece: Uint8Array): Uint8Array[] {
    if (this.#parts.length === 0) this.#missing = size;
    this.#parts.push(Uint8Array.from(piece));
    this.#missing -= piece.length;
    if (this.#missing > 0) return [];
    const whole = Buffer.concat(this.#parts);
    this.#parts = [];
    return this.#missing === 0 ? [whole] : [];
  }
}

function bits(data: Uint8Array, from: number, count: number): number {
  let value = 0;
  for (let i = from; i < from + count; i++) value = (value << 1) | ((data[i >> 3]! >> (7 - (i & 7))) & 1);
  return value;
}
