/**
 * What transport-wide feedback said of the last 300 ms, in the terms of the GStreamer family's `gst-twcc-stats` (reference A.5).
 * For people to look at: congestion control does not go by it. Sans-IO: times in ms of any steady clock.
 */
import { type ArrivalFeedback, NOT_RECEIVED } from './types.ts';

export interface TwccFigures {
  /** Bit/s. */
  readonly bitrateSent: number;
  readonly bitrateRecv: number;
  readonly packetsSent: number;
  readonly packetsRecv: number;
  /** Per cent. */
  readonly packetLossPct: number;
  /** By how much packets came further apart than they were sent, on average; ns. */
  readonly avgDeltaOfDelta: number;
}

/** What one feedback packet said. */
interface Report {
  readonly time: number;
  sent: number;
  received: number;
  bytesSent: number;
  bytesReceived: number;
  /** ms. */
  deltas: number;
  deltaCount: number;
}

const WINDOW = 300;
/** Packets that are remembered until they are reported on; a power of two. */
const SIZE = 512;
/** ms of one unit of arrival times, and of the reference time. */
const TICK = 0.25;
const REFERENCE_TICK = 64;

export class TwccStatistics {
  readonly #numbers = new Int32Array(SIZE).fill(-1);
  readonly #sizes = new Uint16Array(SIZE);
  readonly #times = new Float64Array(SIZE);
  readonly #reports: Report[] = [];
  /** Of the latest packet that arrived. */
  #sentAt = Number.NaN;
  #arrivedAt = Number.NaN;

  packetSent(sequenceNumber: number, size: number, now: number): void {
    const slot = sequenceNumber & (SIZE - 1);
    this.#numbers[slot] = sequenceNumber;
    this.#sizes[slot] = size;
    this.#times[slot] = now;
  }

  feedback({ baseSequence, arrivals, referenceTime }: ArrivalFeedback, now: number): void {
    const report: Report = { time: now, sent: 0, received: 0, bytesSent: 0, bytesReceived: 0, deltas: 0, deltaCount: 0 };
    for (let i = 0; i < arrivals.length; i++) {
      const number = (baseSequence + i) & 0xffff;
      const slot = number & (SIZE - 1);
      if (this.#numbers[slot] !== number) continue;
      const size = this.#sizes[slot]!;
      report.sent++;
      report.bytesSent += size;
      const arrival = arrivals[i]!;
      if (arrival === NOT_RECEIVED) continue;
      // Reported once.
      this.#numbers[slot] = -1;
      report.received++;
      report.bytesReceived += size;
      const sentAt = this.#times[slot]!;
      const arrivedAt = referenceTime * REFERENCE_TICK + arrival * TICK;
      const delta = arrivedAt - this.#arrivedAt - (sentAt - this.#sentAt);
      if (Number.isFinite(delta)) {
        report.deltas += delta;
        report.deltaCount++;
      }
      this.#sentAt = sentAt;
      this.#arrivedAt = arrivedAt;
    }
    this.#reports.push(report);
    this.#forget(now);
  }

  /** Undefined while there is no feedback. */
  figures(now: number): TwccFigures | undefined {
    this.#forget(now);
    if (this.#reports.length === 0) return undefined;
    const sum = (key: Exclude<keyof Report, 'time'>): number => this.#reports.reduce((total, report) => total + report[key], 0);
    const [sent, received, deltaCount] = [sum('sent'), sum('received'), sum('deltaCount')];
    const rate = (bytes: number): number => Math.round((bytes * 8000) / WINDOW);
    return {
      bitrateSent: rate(sum('bytesSent')),
      bitrateRecv: rate(sum('bytesReceived')),
      packetsSent: sent,
      packetsRecv: received,
      packetLossPct: sent === 0 ? 0 : (100 * (sent - received)) / sent,
      avgDeltaOfDelta: deltaCount === 0 ? 0 : Math.round((1e6 * sum('deltas')) / deltaCount),
    };
  }

  #forget(now: number): void {
    while (this.#reports.length > 0 && now - this.#reports[0]!.time > WINDOW) this.#reports.shift();
  }
}
