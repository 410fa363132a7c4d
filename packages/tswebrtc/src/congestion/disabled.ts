/** `congestion-control=disabled` (reference section 2.8): the rate is the maximum, whatever the network says. */
import { initialTarget } from './initial-target.ts';
import { PACING_FACTOR } from './pacer.ts';
import { RttTracker } from './rtt-tracker.ts';
import type { ArrivalFeedback, BitrateLimits, CongestionControl, ProbeCluster, Target } from './types.ts';

export class DisabledController implements CongestionControl {
  readonly #rtt = new RttTracker();
  readonly #target: Target;

  /** `maxBitrate`: bit/s. */
  constructor(options: { readonly maxBitrate: number }) {
    const bitrate = options.maxBitrate;
    this.#target = initialTarget(bitrate);
  }

  get target(): Readonly<Target> {
    return this.#target;
  }

  packetSent(_sequenceNumber: number, _size: number, _now: number, _probeClusterId?: number): void {}

  feedback(_feedback: ArrivalFeedback, _now: number): void {}

  roundTripTime(ms: number, now: number): void {
    this.#rtt.report(ms, now);
    this.#target.rtt = this.#rtt.rtt;
  }

  remb(_bitrate: number, _now: number): void {}

  lossReport(fraction: number, _packets: number, _now: number): void {
    this.#target.lossFraction = fraction;
  }

  setLimits(limits: BitrateLimits, _now: number): void {
    this.#target.bitrate = limits.max;
    this.#target.stableBitrate = limits.max;
    this.#target.pacingRate = limits.max * PACING_FACTOR;
  }

  setAllocated(_bitrate: number, _now: number): void {}

  process(_now: number): number | undefined {
    return undefined;
  }

  takeProbe(_now: number): ProbeCluster | undefined {
    return undefined;
  }
}
