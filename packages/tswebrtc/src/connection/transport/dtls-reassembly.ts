/**
 * Puts the fragments of DTLS handshake messages together and the messages in order (RFC 6347 §4.2.2, §4.2.3). werift acts
 * on messages as they come: one that is lost or overtaken would leave it with other keys than its peer's, for good.
 */

const HEADER = 12;
/** Beyond any certificate chain of WebRTC. */
const LARGEST_MESSAGE = 1 << 15;
/** Messages of a flight, and some more. */
const FARTHEST_AHEAD = 16;

interface Slot {
  readonly type: number;
  readonly message: Buffer;
  readonly have: Uint8Array;
  missing: number;
}

export class HandshakeReassembly {
  readonly #slots = new Map<number, Slot>();
  readonly #expected: ReadonlySet<number>;
  #next = 0;
  #restart: Slot | undefined;

  /** `expected`: the message types that may come in the clear. */
  constructor(expected: ReadonlySet<number>) {
    this.#expected = expected;
  }

  /** Number of the message that comes next. */
  get next(): number {
    return this.#next;
  }

  /** For a message that came by another way: the encrypted Finished. */
  skip(): void {
    this.#next++;
  }

  /**
   * Takes the content of a handshake record.
   * @param restartable whether message 0 may come again: a server answers each first ClientHello
   * @returns whole messages with their headers, in order
   */
  accept(content: Buffer, restartable: boolean): Buffer[] {
    const complete: Buffer[] = [];
    for (let at = 0; at + HEADER <= content.length; ) {
      const length = content.readUIntBE(at + 9, 3);
      const end = at + HEADER + length;
      if (end > content.length) break;
      const again = this.#acceptFragment(content.subarray(at, end), restartable);
      if (again) complete.push(again);
      at = end;
    }
    for (let slot = this.#slots.get(this.#next); slot?.missing === 0; slot = this.#slots.get(this.#next)) {
      complete.push(slot.message);
      this.#slots.delete(this.#next++);
    }
    return complete;
  }

  #acceptFragment(fragment: Buffer, restartable: boolean): Buffer | undefined {
    const type = fragment.readUInt8(0);
    const length = fragment.readUIntBE(1, 3);
    const number = fragment.readUInt16BE(4);
    const offset = fragment.readUIntBE(6, 3);
    const end = offset + fragment.length - HEADER;
    if (!this.#expected.has(type) || length > LARGEST_MESSAGE || end > length || number >= this.#next + FARTHEST_AHEAD)
      return undefined;
    if (number >= this.#next) {
      let slot = this.#slots.get(number);
      if (!slot) this.#slots.set(number, (slot = newSlot(type, length, number)));
      fill(slot, fragment, offset, end);
    } else if (number === 0 && restartable) {
      if (this.#restart?.message.length !== HEADER + length) this.#restart = newSlot(type, length, number);
      const slot = this.#restart!;
      fill(slot, fragment, offset, end);
      if (slot.missing > 0) return undefined;
      this.#restart = undefined;
      return slot.message;
    }
    return undefined;
  }
}

function newSlot(type: number, length: number, number: number): Slot {
  const message = Buffer.alloc(HEADER + length);
  message.writeUInt8(type, 0);
  message.writeUIntBE(length, 1, 3);
  message.writeUInt16BE(number, 4);
  message.writeUIntBE(length, 9, 3);
  return { type, message, have: new Uint8Array(length), missing: length };
}

function fill(slot: Slot, fragment: Buffer, offset: number, end: number): void {
  // A fragment of another message under the same number is not of this handshake.
  if (fragment[0] !== slot.type || fragment.readUIntBE(1, 3) !== slot.have.length) return;
  for (let i = offset; i < end; i++) {
    if (slot.have[i] === 1) continue;
    slot.have[i] = 1;
    slot.message[HEADER + i] = fragment[HEADER + i - offset]!;
    slot.missing--;
  }
}
