/**
 * Encoded frames on their way from an encoding's worker to the thread that sends them: a ring of records in a
 * SharedArrayBuffer. The writer copies a frame in once; the reader looks at it in place and releases it, in any order.
 *
 * A record is 8 bytes (state, length) and the frame, contiguous, aligned to 8. The writer alone moves head and tail: it
 * steps over released records when it needs room, so that a release is one atomic store. A ring without room refuses the
 * whole frame: half a frame is of no use to anybody.
 */
const HEADER = 8;
const LIVE = 1;
const RELEASED = 0;

/** Writes frames; lives in the encoding's worker. */
export class EncodedRingWriter {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #capacity: number;
  /** Where the next record goes. */
  #head = 0;
  /** The oldest record not known to be released. */
  #tail = 0;
  /** Records between tail and head; tells full from empty. */
  #records = 0;

  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer);
    this.#bytes = new Uint8Array(buffer);
    this.#capacity = buffer.byteLength & ~7;
  }

  /** Copies `frame` in and returns its position, or -1 when there is no room. */
  write(frame: Uint8Array): number {
    const size = recordSize(frame.length);
    if (size > this.#capacity) return -1;
    this.#reclaim();
    if (this.#records === 0) this.#head = this.#tail = 0;
    const room = this.#contiguous();
    if (room < size) {
      // Not enough up to the end: leave a released record there and go on from the start.
      if (this.#head <= this.#tail || this.#tail < size) return -1;
      this.#put(room - HEADER, RELEASED);
    }
    const position = this.#head + HEADER;
    this.#bytes.set(frame, position);
    this.#put(frame.length, LIVE);
    return position;
  }

  #put(length: number, state: number): void {
    this.#words[(this.#head >>> 2) + 1] = length;
    Atomics.store(this.#words, this.#head >>> 2, state);
    this.#head = (this.#head + recordSize(length)) % this.#capacity;
    this.#records++;
  }

  #contiguous(): number {
    if (this.#records > 0 && this.#head === this.#tail) return 0;
    return this.#head < this.#tail ? this.#tail - this.#head : this.#capacity - this.#head;
  }

  #reclaim(): void {
    while (this.#records > 0 && Atomics.load(this.#words, this.#tail >>> 2) === RELEASED) {
      this.#tail = (this.#tail + recordSize(this.#words[(this.#tail >>> 2) + 1]!)) % this.#capacity;
      this.#records--;
    }
  }
}

/** Reads frames; lives in the thread that sends them. */
export class EncodedRingReader {
  readonly #words: Int32Array;
  readonly #buffer: SharedArrayBuffer;

  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer);
    this.#buffer = buffer;
  }

  /** The frame at a position that the writer returned, in place. */
  view(position: number, length: number): Uint8Array {
    return new Uint8Array(this.#buffer, position, length);
  }

  /** Gives the frame's room back. */
  release(position: number): void {
    Atomics.store(this.#words, (position - HEADER) >>> 2, RELEASED);
  }
}

function recordSize(length: number): number {
  return HEADER + ((length + 7) & ~7);
}
