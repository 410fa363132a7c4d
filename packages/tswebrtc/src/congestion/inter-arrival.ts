/**
 * How much longer packets took than the ones before them. Packets that were sent together are taken as one group, and so
 * are packets that a link held back and released in one burst (draft-ietf-rmcat-gcc-02 §5.2); the delay variation between
 * the last packets of two groups is what the delay-based estimate works on. Same rules as libwebrtc's inter-arrival
 * calculator; unlike the original's, the packet that ends a group begins the next (reference section 10.10, C1 and C4).
 */

/** Packets sent within this time of a group's first belong to it, ms. */
const SEND_GROUP_LENGTH = 5;
/** Packets that arrive within this time of each other may belong to a burst, ms. */
const BURST_INTERVAL = 5;
/** A burst cannot go on longer, ms: else a link that always bursts would make one endless group. */
const MAX_BURST_DURATION = 100;
/** A receiver's clock that leaps by this much against ours makes earlier groups worthless, ms. */
const CLOCK_LEAP = 3000;
/** So many groups out of order in a row, and the receiver's clock was set back. */
const MAX_REORDERED = 3;

/** Two groups of packets, one after the other. */
export interface GroupDelta {
  /** Between their last packets' departures, ms. */
  send: number;
  /** Between their last packets' arrivals, ms. */
  arrival: number;
  /** Arrival of the later group's last packet, ms on the receiver's clock. */
  arrivalTime: number;
}

interface Group {
  firstSend: number;
  lastSend: number;
  firstArrival: number;
  lastArrival: number;
  /** When we heard of it, ms on our clock. */
  heard: number;
}

export class InterArrival {
  /** Of the last call that returned true. Reused. */
  readonly delta: GroupDelta = { send: 0, arrival: 0, arrivalTime: 0 };
  #current: Group = emptyGroup();
  #previous: Group = emptyGroup();
  #hasCurrent = false;
  #hasPrevious = false;
  #reordered = 0;

  /** A packet sent at `send` arrived at `arrival`, of which we heard at `now`. Returns whether `delta` is new. */
  packet(send: number, arrival: number, now: number): boolean {
    let complete = false;
    if (!this.#hasCurrent) {
      this.#start(this.#current, send, arrival);
      this.#hasCurrent = true;
    } else if (send < this.#current.firstSend) {
      return false;
    } else if (this.#startsGroup(send, arrival)) {
      if (this.#hasPrevious) {
        // The packet is left out where the clock leapt or groups came in the wrong order.
        if (!this.#compare()) return false;
        complete = true;
      }
      const free = this.#previous;
      this.#previous = this.#current;
      this.#hasPrevious = true;
      this.#current = free;
      this.#start(free, send, arrival);
    } else if (send > this.#current.lastSend) {
      this.#current.lastSend = send;
    }
    this.#current.lastArrival = arrival;
    this.#current.heard = now;
    return complete;
  }

  reset(): void {
    this.#hasCurrent = false;
    this.#hasPrevious = false;
    this.#reordered = 0;
  }

  /** Compares the current group with the previous one; false where nothing can be learnt from it. */
  #compare(): boolean {
    const arrival = this.#current.lastArrival - this.#previous.lastArrival;
    if (arrival - (this.#current.heard - this.#previous.heard) >= CLOCK_LEAP) {
      this.reset();
      return false;
    }
    if (arrival < 0) {
      if (++this.#reordered >= MAX_REORDERED) this.reset();
      return false;
    }
    this.#reordered = 0;
    this.delta.send = this.#current.lastSend - this.#previous.lastSend;
    this.delta.arrival = arrival;
    this.delta.arrivalTime = this.#current.lastArrival;
    return true;
  }

  #startsGroup(send: number, arrival: number): boolean {
    return !this.#isBurst(send, arrival) && send - this.#current.firstSend > SEND_GROUP_LENGTH;
  }

  /** Whether a packet came faster than it was sent, right behind the last: a queue was released, no news of the path. */
  #isBurst(send: number, arrival: number): boolean {
    const group = this.#current;
    const sendGap = send - group.lastSend;
    if (sendGap === 0) return true;
    const arrivalGap = arrival - group.lastArrival;
    return arrivalGap < sendGap && arrivalGap <= BURST_INTERVAL && arrival - group.firstArrival < MAX_BURST_DURATION;
  }

  #start(group: Group, send: number, arrival: number): void {
    group.firstSend = send;
    group.lastSend = send;
    group.firstArrival = arrival;
    group.lastArrival = arrival;
  }
}

function emptyGroup(): Group {
  return { firstSend: 0, lastSend: 0, firstArrival: 0, lastArrival: 0, heard: 0 };
}
