/**
 * What the peer says of a stream we send: loss, jitter and round-trip time from its report blocks (RFC 3550 §6.4.1). The
 * round trip is measured against the reports we really sent, on the steady clock: a step of the wall clock, or a block that
 * answers nothing of ours, cannot falsify it.
 */
import type { ReportBlock } from './rtcp/types.ts';

/** W3C RTCRemoteInboundRtpStreamStats, in part: from the peer's report blocks. */
export interface RemoteInboundStats {
  readonly packetsLost: number;
  /** 0..1, since the last report. */
  readonly fractionLost: number;
  /** Seconds. */
  readonly jitter: number;
  /** Seconds; undefined before the first report that answers one of ours. */
  readonly roundTripTime: number | undefined;
  /** Seconds, sum of all measurements. */
  readonly totalRoundTripTime: number;
  readonly roundTripTimeMeasurements: number;
}

/** Sender reports remembered. At one a second a peer that answers later than this tells nothing of the path's present. */
const REMEMBERED_REPORTS = 16;

export class RemoteInbound {
  readonly #clockRate: number;
  readonly #reportTimes = new Float64Array(REMEMBERED_REPORTS);
  readonly #reportIds = new Uint32Array(REMEMBERED_REPORTS);
  #reports = 0;
  #roundTripTime: number | undefined;
  #totalRoundTripTime = 0;
  #measurements = 0;
  #stats: RemoteInboundStats | undefined;

  constructor(clockRate: number) {
    this.#clockRate = clockRate;
  }

  get stats(): RemoteInboundStats | undefined {
    return this.#stats;
  }

  /** `compactTime`: middle 32 bits of its NTP time; `now` in ms. */
  senderReportSent(compactTime: number, now: number): void {
    const slot = this.#reports++ % REMEMBERED_REPORTS;
    this.#reportIds[slot] = compactTime;
    this.#reportTimes[slot] = now;
  }

  handleReportBlock(block: ReportBlock, now: number): void {
    if (block.lastSenderReport !== 0) this.#measure(block, now);
    this.#stats = {
      packetsLost: block.packetsLost,
      fractionLost: block.fractionLost,
      jitter: block.jitter / this.#clockRate,
      roundTripTime: this.#roundTripTime,
      totalRoundTripTime: this.#totalRoundTripTime,
      roundTripTimeMeasurements: this.#measurements,
    };
  }

  #measure(block: ReportBlock, now: number): void {
    for (let slot = Math.min(this.#reports, REMEMBERED_REPORTS) - 1; slot >= 0; slot--) {
      if (this.#reportIds[slot] !== block.lastSenderReport) continue;
      const milliseconds = now - this.#reportTimes[slot]! - (block.delaySinceLastSenderReport * 1000) / 65_536;
      // Clocks run unevenly: a little below zero is zero, far below is a peer that tells nonsense.
      if (milliseconds < -10) return;
      this.#roundTripTime = Math.max(milliseconds, 0) / 1000;
      this.#totalRoundTripTime += this.#roundTripTime;
      this.#measurements++;
      return;
    }
  }
}
