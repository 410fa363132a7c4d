/**
 * When the packets of one connection came, by their transport-wide numbers, and the feedback that says so
 * (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1). Sans-IO: times in ms of any steady clock.
 */
import { ARRIVAL_TICKS_PER_MS, NOT_RECEIVED, REFERENCE_TIME_UNIT_MS } from '../rtcp/twcc.ts';
import type { TransportFeedback } from '../rtcp/types.ts';
import { SequenceUnwrapper } from '../sequence.ts';

/** Packets remembered; more than come between two messages. */
const LENGTH = 8192;

export class ArrivalRecorder {
  readonly #numbers = new SequenceUnwrapper();
  readonly #number = new Float64Array(LENGTH).fill(-1);
  readonly #time = new Float64Array(LENGTH);
  /** First number of the next message. */
  #base = -1;
  #count = 0;

  /** A packet with a transport-wide number (16 bit) came. */
  arrived(sequenceNumber: number, now: number): void {
    const number = this.#numbers.unwrap(sequenceNumber);
    if (number < 0) return;
    const slot = number % LENGTH;
    // An older number than the slot's has gone round the ring: it is too late for any report.
    if (this.#number[slot]! >= number) return;
    this.#number[slot] = number;
    this.#time[slot] = now;
    // One that came late is reported, too, with those after it once more.
    if (this.#base < 0 || number < this.#base) this.#base = number;
  }

  /** What to send now; undefined where nothing came since the last time. */
  take(senderSsrc: number, mediaSsrc: number): TransportFeedback | undefined {
    const highest = this.#numbers.highest ?? -1;
    if (this.#base < 0 || highest < this.#base) return undefined;
    const base = Math.max(this.#base, highest - LENGTH + 1);
    this.#base = highest + 1;
    let first = Number.POSITIVE_INFINITY;
    for (let number = base; number <= highest; number++) {
      const slot = number % LENGTH;
      if (this.#number[slot] === number) first = Math.min(first, this.#time[slot]!);
    }
    const referenceTime = Math.floor(first / REFERENCE_TIME_UNIT_MS);
    const arrivals = new Int32Array(highest - base + 1);
    for (let number = base; number <= highest; number++) {
      const slot = number % LENGTH;
      const since = this.#time[slot]! - referenceTime * REFERENCE_TIME_UNIT_MS;
      arrivals[number - base] = this.#number[slot] === number ? Math.round(since * ARRIVAL_TICKS_PER_MS) : NOT_RECEIVED;
    }
    return {
      type: 'transport-cc',
      senderSsrc,
      mediaSsrc,
      baseSequenceNumber: base % 0x10000,
      referenceTime: referenceTime & 0x7fffff,
      feedbackPacketCount: this.#count++ & 0xff,
      arrivals,
    };
  }
}
