/**
 * The sending half of a link: numbers bodies, cuts them into frames, and keeps them until the other server has acknowledged
 * them, so that all from there on can be sent again (go-back-N).
 *
 * At most a window of them is on its way at a time: Redis drops a subscriber whose queue grows (8 MiB for a minute, 32 MiB at
 * once, by default), so a long outage must not be caught up in one burst.
 *
 * Lengths are counted in characters of JSON; no text of the size of a frame's is longer than NATS takes (1 MiB), whatever its
 * characters.
 */

/** Characters of the longest body that a link takes. */
export const MAX_BODY_LENGTH = 256 * 1024;

/** Characters of bodies in a frame, where it holds more than one. */
const FRAME_LENGTH = 128 * 1024;

/** Characters of bodies on their way that are not acknowledged. */
export const WINDOW_LENGTH = 1024 * 1024;

/** What a kept body costs beyond its text, about, in bytes. */
const BODY_OVERHEAD = 64;

/** Bodies of one frame, and the number of the first of them. */
export interface Numbered {
  readonly sequence: number;
  readonly bodies: readonly string[];
}

export class OutgoingStream {
  /** What is not acknowledged. The first has the number `#acknowledged`. */
  readonly #kept: string[] = [];
  #acknowledged = 0;
  /** How many of the kept have been sent. */
  #sent = 0;
  #sentLength = 0;
  /** How many of the kept have ever been sent: the other server cannot have more. */
  #everSent = 0;
  #keptSize = 0;

  /** Bytes that are kept, about. */
  get keptSize(): number {
    return this.#keptSize;
  }

  /** The number of the body that is sent next. */
  get next(): number {
    return this.#acknowledged + this.#sent;
  }

  push(body: string): void {
    this.#kept.push(body);
    this.#keptSize += body.length + BODY_OVERHEAD;
  }

  /** Takes what is to be sent now, as the content of one frame; undefined when nothing is, or the window is full. */
  take(): Numbered | undefined {
    if (this.#sent === this.#kept.length || this.#sentLength >= WINDOW_LENGTH) return undefined;
    const sequence = this.next;
    const start = this.#sent;
    let length = 0;
    do length += this.#kept[this.#sent++]!.length;
    while (this.#sent < this.#kept.length && length + this.#kept[this.#sent]!.length <= FRAME_LENGTH);
    this.#sentLength += length;
    this.#everSent = Math.max(this.#everSent, this.#sent);
    return { sequence, bodies: this.#kept.slice(start, this.#sent) };
  }

  /** The other server has all bodies below `count`. False where it cannot have them. */
  acknowledge(count: number): boolean {
    const fresh = count - this.#acknowledged;
    if (fresh > this.#everSent) return false;
    if (fresh <= 0) return true;
    let length = 0;
    for (const [index, body] of this.#kept.splice(0, fresh).entries()) {
      length += body.length;
      if (index < this.#sent) this.#sentLength -= body.length;
    }
    this.#keptSize -= length + fresh * BODY_OVERHEAD;
    this.#acknowledged = count;
    this.#everSent -= fresh;
    this.#sent = Math.max(0, this.#sent - fresh);
    return true;
  }

  /** Sends everything again that is not acknowledged. */
  goBack(): void {
    this.#sent = 0;
    this.#sentLength = 0;
  }
}
