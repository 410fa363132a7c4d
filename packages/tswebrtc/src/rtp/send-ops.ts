/**
 * The batch between pacer and socket. One op is one RTP packet to be protected and sent: a template (a whole RTP packet
 * whose sequence number, SSRC, timestamp and extension contents are blank), a lane (the SRTP context and destination of a
 * session) and the numbers to write into the template's copy. Ops hold numbers only, so that the same batch can be given to
 * a native implementation (docs/architecture.md, "Batches").
 *
 * Layout of one op, 16 unsigned 32-bit words:
 *
 *   0 lane        1 template offset      2 template length (bytes, header included)
 *   3 SSRC        4 roll-over counter    5 marker << 31 | payload type << 16 | sequence number
 *   6 timestamp   7 number of patches (0..4)
 *   8,9  10,11  12,13  14,15             patch: offset in the packet << 8 | length (1..4), value (big endian, low bytes)
 */
export const OP_WORDS = 16;
export const MAX_PATCHES = 4;

/** A growing list of ops, reused from batch to batch: appending allocates nothing once it has grown to its working size. */
export class SendOps {
  /** `count` ops of `OP_WORDS` words. */
  words: Uint32Array;
  count = 0;

  constructor(capacity = 256) {
    this.words = new Uint32Array(capacity * OP_WORDS);
  }

  clear(): void {
    this.count = 0;
  }

  /** Appends an op without patches. */
  push(
    lane: number,
    templateOffset: number,
    templateLength: number,
    ssrc: number,
    rolloverCounter: number,
    sequenceNumber: number,
    marker: boolean,
    payloadType: number,
    timestamp: number,
  ): void {
    const at = this.count * OP_WORDS;
    if (at === this.words.length) this.#grow();
    const w = this.words;
    w[at] = lane;
    w[at + 1] = templateOffset;
    w[at + 2] = templateLength;
    w[at + 3] = ssrc;
    w[at + 4] = rolloverCounter;
    w[at + 5] = ((marker ? 0x80000000 : 0) | (payloadType << 16) | sequenceNumber) >>> 0;
    w[at + 6] = timestamp;
    w[at + 7] = 0;
    this.count++;
  }

  /** Adds a patch to the op pushed last: writes the low `length` bytes of `value`, big endian, at `offset` of the packet. */
  patch(offset: number, length: number, value: number): void {
    const at = (this.count - 1) * OP_WORDS;
    const w = this.words;
    const n = w[at + 7]!;
    if (n === MAX_PATCHES) throw new RangeError(`an op has at most ${MAX_PATCHES} patches`);
    w[at + 8 + 2 * n] = (offset << 8) | length;
    w[at + 9 + 2 * n] = value;
    w[at + 7] = n + 1;
  }

  #grow(): void {
    const bigger = new Uint32Array(this.words.length * 2);
    bigger.set(this.words);
    this.words = bigger;
  }
}
