/**
 * Which RTP timestamp was which time of the sender's wall clock, by its reports (RFC 3550 §6.4.1). The clock that counts the
 * timestamps is often that of a sound card, and seldom runs at the rate that it says: a line through the last reports tells the
 * rate it runs at, or frames would be put where they belong at a report and leave that place until the next. Sans-IO.
 */
import { fromNtp } from '../ntp.ts';
import type { SenderReport } from '../rtcp/types.ts';
import { timestampDelta } from '../timestamp.ts';

/** Reports that the line goes through: 20 s of video, 100 s of sound. */
const MOST_REPORTS = 20;
/** A line through less time than this says more of the reports' roundness than of the clock, ms. */
const SHORTEST_SPAN = 2000;
/** No clock is so wrong; such a line is of reports that are. */
const MOST_DEVIATION = 0.05;
/** A report so far off the line tells of another clock, ms. */
const NONSENSE = 500;

interface Point {
  /** RTP timestamp, counted on from the first report. */
  readonly units: number;
  /** ms since the Unix epoch. */
  readonly time: number;
}

export class SenderClock {
  readonly #nominal: number;
  #points: Point[] = [];
  #lastTimestamp = 0;
  /** ms for one unit, and the time on the line at the last report. */
  #slope: number;
  #time = 0;

  /** `clockRate`: Hz. */
  constructor(clockRate: number) {
    this.#nominal = this.#slope = 1000 / clockRate;
  }

  report({ rtpTimestamp, ntpTime }: SenderReport): void {
    const time = fromNtp(ntpTime);
    const expected = this.captureTime(rtpTimestamp);
    if (expected !== undefined && Math.abs(time - expected) > NONSENSE) this.#points = [];
    const last = this.#points.at(-1);
    const passed = last ? timestampDelta(rtpTimestamp, this.#lastTimestamp) : 0;
    // A report that came twice, or out of order.
    if (last && passed <= 0) return;
    this.#points.push({ units: (last?.units ?? 0) + passed, time });
    if (this.#points.length > MOST_REPORTS) this.#points.shift();
    this.#lastTimestamp = rtpTimestamp;
    this.#fit();
  }

  /** ms since the Unix epoch; undefined before the first report. `timestamp`: RTP, of any number of bits. */
  captureTime(timestamp: number): number | undefined {
    if (this.#points.length === 0) return undefined;
    return this.#time + timestampDelta(timestamp % 0x1_0000_0000, this.#lastTimestamp) * this.#slope;
  }

  /** Least squares. */
  #fit(): void {
    const points = this.#points;
    const last = points.at(-1)!;
    this.#slope = this.#nominal;
    this.#time = last.time;
    if (last.time - points[0]!.time < SHORTEST_SPAN) return;
    const mean = { units: 0, time: 0 };
    for (const { units, time } of points) {
      mean.units += units / points.length;
      // From the last one: of times since 1970 the squares would lose what counts.
      mean.time += (time - last.time) / points.length;
    }
    let products = 0;
    let squares = 0;
    for (const { units, time } of points) {
      products += (units - mean.units) * (time - last.time - mean.time);
      squares += (units - mean.units) ** 2;
    }
    const slope = products / squares;
    if (!(Math.abs(slope / this.#nominal - 1) <= MOST_DEVIATION)) return;
    this.#slope = slope;
    this.#time = last.time + mean.time + (last.units - mean.units) * slope;
  }
}
