/** What H.264 and H.265 have in common in RTP: NAL units, whole, several in one packet, or one in several. */

const START_CODE = Uint8Array.of(0, 0, 0, 1);

/** Collects the NAL units of one frame into the byte stream format. */
export class ByteStream {
  readonly #parts: Uint8Array[] = [];
  /** A unit in pieces is under way. */
  #open = false;
  #broken = false;

  /** A whole unit. */
  add(unit: Uint8Array): void {
    if (this.#open || unit.length === 0) this.#broken = true;
    this.#parts.push(START_CODE, unit);
  }

  /** A piece of a unit; `header` begins the unit where it is the first piece. */
  addFragment(first: boolean, last: boolean, header: readonly number[], piece: Uint8Array): void {
    if (this.#open === first) this.#broken = true;
    if (first) this.#parts.push(START_CODE, Uint8Array.from(header));
    this.#parts.push(piece);
    this.#open = !last;
  }

  /** Several whole units, each behind its length in 16 bits. */
  addAggregate(units: Uint8Array): void {
    const split = splitAggregate(units);
    if (split) for (const unit of split) this.add(unit);
    else this.#broken = true;
  }

  /** All of it; undefined where pieces are missing or make no sense. */
  get whole(): readonly Uint8Array[] | undefined {
    return this.#broken || this.#open || this.#parts.length === 0 ? undefined : this.#parts;
  }
}

/** Units, each behind its length in 16 bits; undefined where the lengths do not fit. */
export function splitAggregate(units: Uint8Array): Uint8Array[] | undefined {
  const split: Uint8Array[] = [];
  for (let at = 0; at < units.length; ) {
    if (at + 2 > units.length) return undefined;
    const end = at + 2 + ((units[at]! << 8) | units[at + 1]!);
    if (end > units.length || end === at + 2) return undefined;
    split.push(units.subarray(at + 2, end));
    at = end;
  }
  return split;
}
