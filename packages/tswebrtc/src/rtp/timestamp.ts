/**
 * From the media timeline (µs) to RTP timestamps (units of the clock rate, RFC 3550 §5.1). Every timestamp is computed from
 * the timeline's zero, never by adding durations, so rounding does not add up to drift.
 */

const MICROSECONDS = 1_000_000;

/** RTP timestamp, 32 bits, of a position on the media timeline. `clockRate` in Hz; exact for any position in 2^53 µs. */
export function toRtpTimestamp(microseconds: number, clockRate: number): number {
  // Whole seconds first: position × clock rate would lose bits after 27 hours at 90 kHz.
  const seconds = Math.floor(microseconds / MICROSECONDS);
  const rest = microseconds - seconds * MICROSECONDS;
  return (seconds * clockRate + Math.round((rest * clockRate) / MICROSECONDS)) >>> 0;
}

/** How far timestamp `a` is ahead of `b`, modulo 2^32, in units of the clock rate. */
export function timestampDelta(a: number, b: number): number {
  return (a - b) | 0;
}

/** Turns 32-bit timestamps into ones that do not wrap: each is taken to be the one nearest to the last. */
export class TimestampUnwrapper {
  #last: number | undefined;

  unwrap(timestamp: number): number {
    // The remainder, not `>>> 0`: what is unwrapped has more than 32 bits.
    this.#last = this.#last === undefined ? timestamp : this.#last + timestampDelta(timestamp, this.#last % 0x1_0000_0000);
    return this.#last;
  }
}
