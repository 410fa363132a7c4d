/**
 * What packets of an encoding say of themselves where several are sent at once: the names of their m-line (RFC 9143 §15) and of
 * the encoding (RFC 8852), as header extension elements that fill the four bytes of a template which else hold the send time. Names
 * that have no room beside each other take turns: receivers put together what they learn of an SSRC.
 */
import { isOneByteExtensionId } from './header-extensions.ts';

/** Bytes of room. */
const ROOM = 4;

export interface StreamName {
  /** Id of the header extension. */
  readonly id: number | undefined;
  /** Up to three characters; longer ones are not said. */
  readonly text: string;
}

export class StreamNames {
  /** Big-endian 32-bit words, each of whole elements and padding. */
  readonly #words: readonly number[];
  #next = 0;

  constructor(names: readonly StreamName[]) {
    const elements = names.flatMap(({ id, text }) => {
      const sayable = id !== undefined && isOneByteExtensionId(id) && text.length >= 1 && text.length < ROOM;
      return sayable ? [[(id << 4) | (text.length - 1), ...Buffer.from(text, 'latin1')]] : [];
    });
    const together = elements.flat();
    const groups = together.length <= ROOM ? [together] : elements;
    this.#words = groups.filter(({ length }) => length > 0).map((bytes) => Buffer.from([...bytes, 0, 0, 0]).readUInt32BE());
  }

  /** For the next packet; 0 where nothing can be said. */
  next(): number {
    const word = this.#words[this.#next] ?? 0;
    this.#next = (this.#next + 1) % Math.max(1, this.#words.length);
    return word;
  }
}
