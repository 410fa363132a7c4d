/**
 * The books of one stream that is received: what was expected, what came, how unevenly it came (RFC 3550 §6.4.1, appendix A.3
 * and A.8), and the report block that says so. Sans-IO: times in ms of any steady clock.
 */
import { compactNtp } from '../ntp.ts';
import type { ReportBlock, SenderReport } from '../rtcp/types.ts';
import { timestampDelta } from '../timestamp.ts';

/** Weight of the newest packet in the jitter (RFC 3550 appendix A.8). */
const JITTER_WEIGHT = 1 / 16;
const MOST_LOST = 0x7fffff;
const LEAST_LOST = -0x800000;

/** W3C RTCInboundRtpStreamStats, in part. */
export interface ReceptionStats {
  readonly packetsReceived: number;
  /** Negative where duplicates came. */
  readonly packetsLost: number;
  /** Seconds. */
  readonly jitter: number;
  readonly bytesReceived: number;
  readonly headerBytesReceived: number;
  /** ms; undefined before the first packet. */
  readonly lastPacketReceived: number | undefined;
}

export class Reception {
  readonly ssrc: number;
  /** Hz; codecs of one medium may differ in it. */
  clockRate: number;
  #first: number | undefined;
  #highest = 0;
  #received = 0;
  #bytes = 0;
  #headerBytes = 0;
  #lastArrival: number | undefined;
  #lastTimestamp = 0;
  /** Units of the clock rate. */
  #jitter = 0;
  /** At the last report. */
  #reportedExpected = 0;
  #reportedReceived = 0;
  #senderReport: { readonly compact: number; readonly arrival: number } | undefined;

  constructor(ssrc: number, clockRate: number) {
    this.ssrc = ssrc;
    this.clockRate = clockRate;
  }

  /**
   * A packet came over the network as it was sent first: not by RTX, nor recovered. `sequence`: unwrapped; `timestamp`: RTP;
   * sizes in bytes.
   */
  packet(sequence: number, timestamp: number, payloadSize: number, headerSize: number, arrival: number): void {
    if (this.#first === undefined) this.#first = this.#highest = sequence;
    else {
      const transit = ((arrival - this.#lastArrival!) * this.clockRate) / 1000 - timestampDelta(timestamp, this.#lastTimestamp);
      this.#jitter += (Math.abs(transit) - this.#jitter) * JITTER_WEIGHT;
    }
    // What comes before the first one was expected as well.
    if (sequence < this.#first) this.#first = sequence;
    if (sequence > this.#highest) this.#highest = sequence;
    this.#received++;
    this.#bytes += payloadSize;
    this.#headerBytes += headerSize;
    this.#lastArrival = arrival;
    this.#lastTimestamp = timestamp;
  }

  /** The sender's report on this stream came. */
  senderReport({ ntpTime }: SenderReport, arrival: number): void {
    this.#senderReport = { compact: compactNtp(ntpTime), arrival };
  }

  /** The block for the next report; undefined before the first packet. */
  report(now: number): ReportBlock | undefined {
    if (this.#first === undefined) return undefined;
    const expected = this.#expected;
    const interval = expected - this.#reportedExpected;
    const lost = interval - (this.#received - this.#reportedReceived);
    this.#reportedExpected = expected;
    this.#reportedReceived = this.#received;
    const last = this.#senderReport;
    return {
      ssrc: this.ssrc,
      fractionLost: interval > 0 && lost > 0 ? lost / interval : 0,
      packetsLost: Math.max(LEAST_LOST, Math.min(MOST_LOST, expected - this.#received)),
      highestSequenceNumber: this.#highest % 0x1_0000_0000,
      jitter: Math.round(this.#jitter),
      lastSenderReport: last?.compact ?? 0,
      delaySinceLastSenderReport: last ? Math.max(0, Math.round(((now - last.arrival) * 65536) / 1000)) : 0,
    };
  }

  get stats(): ReceptionStats {
    return {
      packetsReceived: this.#received,
      packetsLost: this.#expected - this.#received,
      jitter: this.#jitter / this.clockRate,
      bytesReceived: this.#bytes,
      headerBytesReceived: this.#headerBytes,
      lastPacketReceived: this.#lastArrival,
    };
  }

  get #expected(): number {
    return this.#first === undefined ? 0 : this.#highest - this.#first + 1;
  }
}
