/**
 * The receiving half of a link: lets every body through once and in order, asks for what is missing, and says when it is time
 * to acknowledge. After a gap nothing is kept: the sender goes back and sends everything again (go-back-N), which is simple,
 * and rare where the broker runs.
 */
import { WINDOW_LENGTH } from './outgoing-stream.ts';

/** Acknowledge after so many characters, well before the sender's window is full. */
const ACKNOWLEDGE_AFTER = WINDOW_LENGTH / 4;

export class IncomingStream {
  #expected = 0;
  #unacknowledgedLength = 0;
  #hasAsked = false;

  /** The number of the next body: all below have arrived. */
  get expected(): number {
    return this.#expected;
  }

  /** Enough has arrived for an acknowledgement of its own. */
  get acknowledgementIsDue(): boolean {
    return this.#unacknowledgedLength >= ACKNOWLEDGE_AFTER;
  }

  /** `count` bodies have arrived, the first with number `sequence`. Returns how many of them are known already; all, where some before them are missing. */
  receive(sequence: number, count: number, length: number): number {
    this.#unacknowledgedLength += length;
    const known = this.#expected - sequence;
    if (known < 0 || known >= count) return count;
    this.#expected = sequence + count;
    this.#hasAsked = false;
    return known;
  }

  /** Whether to ask for what is missing, given that the other server has sent all below `sequence`. True once a gap, until `askAgain`. */
  shouldAsk(sequence: number): boolean {
    if (sequence <= this.#expected || this.#hasAsked) return false;
    this.#hasAsked = true;
    return true;
  }

  /** What was asked for may have been lost. */
  askAgain(): void {
    this.#hasAsked = false;
  }

  /** An acknowledgement goes out. */
  acknowledged(): void {
    this.#unacknowledgedLength = 0;
  }
}
