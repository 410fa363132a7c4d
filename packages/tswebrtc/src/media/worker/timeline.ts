/** Where an input is on its timeline, by the monotonic clock that all threads share. */
import type { StartTime } from './messages.ts';

/** The monotonic clock all threads of the process share, ms. */
export function monotonicNow(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** A timeline that begins now. */
export function startTime(): StartTime {
  return { monotonic: monotonicNow(), unix: performance.timeOrigin + performance.now() };
}

export class Timeline {
  readonly #start: StartTime;

  constructor(start: StartTime) {
    this.#start = start;
  }

  /** µs since timestamp 0 was due. */
  now(): number {
    return (monotonicNow() - this.#start.monotonic) * 1000;
  }

  /** When `timestamp` (µs) is due, ms since the Unix epoch: linear, whatever the system's clock does meanwhile. */
  captureTime(timestamp: number): number {
    return this.#start.unix + timestamp / 1000;
  }
}
