/** The H.264 byte stream format (ITU-T H.264 annex B): finding the NAL units between start codes. */

/** NAL unit i lies at `[offsets[2i], offsets[2i + 1])`. Reused from call to call. */
export class NalUnits {
  offsets = new Uint32Array(32);
  count = 0;

  /** Finds the NAL units of `data`, behind 3- or 4-byte start codes. Empty units are left out. */
  find(data: Uint8Array): void {
    this.count = 0;
    let start = -1;
    const last = data.length - 2;
    for (let i = 0; i < last; ) {
      const third = data[i + 2]!;
      // Only 00 00 01 is looked for: a third byte above 1 cannot be part of one, so three bytes are skipped at once.
      if (third > 1) i += 3;
      else if (third === 1) {
        if (data[i] === 0 && data[i + 1] === 0) {
          if (start >= 0) this.#add(data, start, i);
          start = i + 3;
        }
        i += 3;
      } else i++;
    }
    if (start >= 0) this.#add(data, start, data.length);
  }

  #add(data: Uint8Array, start: number, end: number): void {
    // Zeros behind a unit are trailing_zero_8bits or the next start code's first byte: a unit never ends in zero (§7.4.1).
    while (end > start && data[end - 1] === 0) end--;
    if (end === start) return;
    if (2 * this.count === this.offsets.length) {
      const offsets = new Uint32Array(this.offsets.length * 2);
      offsets.set(this.offsets);
      this.offsets = offsets;
    }
    this.offsets[2 * this.count] = start;
    this.offsets[2 * this.count + 1] = end;
    this.count++;
  }
}
