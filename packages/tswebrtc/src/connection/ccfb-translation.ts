/**
 * Turns RFC 8888 congestion control feedback (arrivals by stream and RTP sequence number) into transport-wide feedback
 * (arrivals by the number the sender counted over all streams), which is what congestion control takes. ECN marks are ignored.
 *
 * Sans-IO. One translator a connection: it follows the receiver's clock through the wrap of its timestamps (18 hours).
 */
import { CCFB_NO_TIME, CCFB_OFFSET, CCFB_OUT_OF_RANGE, CCFB_RECEIVED } from '../rtp/rtcp/ccfb.ts';
import { NOT_RECEIVED } from '../rtp/rtcp/twcc.ts';
import type { CongestionControlFeedback, TransportFeedback } from '../rtp/rtcp/types.ts';
import { sequenceDelta } from '../rtp/sequence.ts';

/** Of the report timestamp, in 250 µs: 65536 a second against 4000. */
const TICKS_PER_TIMESTAMP_UNIT = 4000 / 65_536;
/** Of an arrival time offset: 1024 a second. */
const TICKS_PER_OFFSET_UNIT = 4000 / 1024;
/** Reference times count 64 ms. */
const TICKS_PER_REFERENCE_UNIT = 256;

/** The transport-wide number of a packet that was sent, undefined where it is not known. */
export type TransportNumberLookup = (ssrc: number, sequenceNumber: number) => number | undefined;

export class CcfbTranslator {
  #lastTimestamp: number | undefined;
  /** The last report timestamp without its wraps, units of 2^-16 s. */
  #timestamp = 0;
  #messages = 0;
  /** Of the packets of the message: how far their numbers are from the first's, and their arrivals. */
  #numbers: { distance: number; arrival: number }[] = [];

  /**
   * One message for each run of consecutive transport-wide numbers that `feedback` tells of, lowest first. Packets it does
   * not tell of are in none of them: they are not lost, their report is still to come. So are those that arrived without a
   * usable time.
   */
  translate(feedback: CongestionControlFeedback, lookup: TransportNumberLookup): TransportFeedback[] {
    this.#follow(feedback.reportTimestamp);
    const reportTime = this.#timestamp * TICKS_PER_TIMESTAMP_UNIT;
    const referenceTime = Math.floor(reportTime / TICKS_PER_REFERENCE_UNIT);
    const base = this.#collect(feedback, lookup, reportTime - referenceTime * TICKS_PER_REFERENCE_UNIT);
    const numbers = this.#numbers;
    // A packet told of twice, as lost and as received, was received: NOT_RECEIVED sorts first and is overwritten below.
    numbers.sort((a, b) => a.distance - b.distance || a.arrival - b.arrival);
    const messages: TransportFeedback[] = [];
    for (let start = 0, end = 0; start < numbers.length; start = end) {
      const first = numbers[start]!.distance;
      for (end = start + 1; end < numbers.length && numbers[end]!.distance - numbers[end - 1]!.distance <= 1; end++);
      const arrivals = new Int32Array(numbers[end - 1]!.distance - first + 1);
      for (let i = start; i < end; i++) arrivals[numbers[i]!.distance - first] = numbers[i]!.arrival;
      messages.push({
        type: 'transport-cc',
        senderSsrc: feedback.senderSsrc,
        mediaSsrc: 0,
        baseSequenceNumber: (base + first) & 0xffff,
        referenceTime: (referenceTime << 8) >> 8,
        feedbackPacketCount: this.#messages++ & 0xff,
        arrivals,
      });
    }
    return messages;
  }

  /** Fills `#numbers`; returns the number that distances are from. `reportTime` in ticks after the reference time. */
  #collect(feedback: CongestionControlFeedback, lookup: TransportNumberLookup, reportTime: number): number {
    const numbers = this.#numbers;
    numbers.length = 0;
    let base = -1;
    for (const { ssrc, beginSequenceNumber, metrics } of feedback.reports) {
      for (let i = 0; i < metrics.length; i++) {
        const metric = metrics[i]!;
        const offset = metric & CCFB_OFFSET;
        const received = (metric & CCFB_RECEIVED) !== 0;
        if (received && (offset === CCFB_OUT_OF_RANGE || offset === CCFB_NO_TIME)) continue;
        const number = lookup(ssrc, (beginSequenceNumber + i) & 0xffff);
        if (number === undefined) continue;
        if (base < 0) base = number;
        const arrival = received ? Math.round(reportTime - offset * TICKS_PER_OFFSET_UNIT) : NOT_RECEIVED;
        numbers.push({ distance: sequenceDelta(number, base), arrival });
      }
    }
    return base;
  }

  #follow(reportTimestamp: number): void {
    if (this.#lastTimestamp === undefined) this.#timestamp = reportTimestamp;
    else this.#timestamp += (reportTimestamp - this.#lastTimestamp) | 0;
    this.#lastTimestamp = reportTimestamp;
  }
}
