/**
 * Which packets of a stream are missing, and when to ask for them (RFC 4585 §6.2.1): as soon as a gap can be no reordering,
 * which on most paths is at once, again a round trip later, and no more when that is hopeless or they would come too late.
 * Sans-IO: times in ms of any steady clock; numbers are unwrapped sequence numbers.
 */

/** Requests for one packet, as in libwebrtc. */
const MOST_REQUESTS = 10;
/** A gap beyond this is a new beginning rather than a loss. */
const LARGEST_GAP = 1000;
/** A repeated request leaves the answer a round trip and this part of it. */
const PATIENCE = 1.25;
/** The shortest time between two requests for one packet, ms: timers and queues are no more exact. */
const SHORTEST_INTERVAL = 10;

/** Of how late packets are that came out of order: how much of it is forgotten with each that comes, and the most heeded, ms. */
const FORGETTING = 0.002;
const MOST_REORDERING = 60;

const NONE: readonly number[] = [];

interface Missing {
  /** When the gap showed, ms. */
  readonly since: number;
  requests: number;
  requested: number;
}

export class LossTracker {
  readonly #missing = new Map<number, Missing>();
  #highest: number | undefined;
  /** How late packets come out of order here, ms. */
  #reordering = 0;
  /** Packets asked for, each as often as it was. */
  requestedPackets = 0;

  /** Packets that are missing and not given up. */
  get size(): number {
    return this.#missing.size;
  }

  /**
   * A packet is there, however it came; `original`: as it was sent first. Returns false where the gap before it is too large
   * to be filled: then everything before it is forgotten.
   */
  arrived(sequence: number, now: number, original = true): boolean {
    const missing = this.#missing.get(sequence);
    this.#missing.delete(sequence);
    this.#reordering -= this.#reordering * FORGETTING;
    // One that was asked for may be the answer.
    const late = missing && original ? now - missing.since : 0;
    if (late <= MOST_REORDERING) this.#reordering = Math.max(this.#reordering, late);
    const highest = this.#highest;
    if (highest === undefined || sequence > highest) this.#highest = sequence;
    if (highest === undefined || sequence <= highest + 1) return true;
    if (sequence - highest > LARGEST_GAP) {
      this.#missing.clear();
      return false;
    }
    for (let lost = highest + 1; lost < sequence; lost++) {
      this.#missing.set(lost, { since: now, requests: 0, requested: Number.NEGATIVE_INFINITY });
    }
    // Also of a stream that nobody can begin to decode, or ask for anything, no more is kept than a gap can have.
    this.forgetBefore(sequence - LARGEST_GAP);
    return true;
  }

  /** Whether a packet is missing and may still come. */
  has(sequence: number): boolean {
    return this.#missing.has(sequence);
  }

  /** Whether a packet was there already, or is waited for no longer. */
  isSettled(sequence: number): boolean {
    return this.#highest !== undefined && sequence <= this.#highest && !this.#missing.has(sequence);
  }

  /** Nothing before `sequence` is of use any more. */
  forgetBefore(sequence: number): void {
    // They are in order: a gap is noted whole, when it shows.
    for (const missing of this.#missing.keys()) {
      if (missing >= sequence) return;
      this.#missing.delete(missing);
    }
  }

  /** Packets to ask for now. `roundTripTime`: ms. */
  take(now: number, roundTripTime: number): readonly number[] {
    if (this.#missing.size === 0) return NONE;
    const due: number[] = [];
    const interval = Math.max(SHORTEST_INTERVAL, roundTripTime * PATIENCE);
    for (const [sequence, missing] of this.#missing) {
      if (now < this.#dueTime(missing, interval)) continue;
      if (missing.requests >= MOST_REQUESTS) {
        this.#missing.delete(sequence);
        continue;
      }
      missing.requests++;
      missing.requested = now;
      due.push(sequence);
    }
    this.requestedPackets += due.length;
    return due;
  }

  /** When `take` has something next, ms; infinite when never. */
  next(roundTripTime: number): number {
    let next = Number.POSITIVE_INFINITY;
    const interval = Math.max(SHORTEST_INTERVAL, roundTripTime * PATIENCE);
    for (const missing of this.#missing.values()) next = Math.min(next, this.#dueTime(missing, interval));
    return next;
  }

  #dueTime({ since, requests, requested }: Missing, interval: number): number {
    return requests === 0 ? since + this.#reordering : requested + interval;
  }
}
