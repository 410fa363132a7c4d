/**
 * Caps what retransmissions may take of a stream's bandwidth (`rtx-percentage`, reference §2.2): over the last second no more
 * than so many per cent of all bytes sent, retransmissions included. On a path that loses much because it is full, sending
 * again makes it fuller.
 *
 * Sans-IO: `now` is ms on any steady clock.
 */

/** The second is kept in slots, so that nothing is remembered a packet. */
const SLOTS = 20;
/** ms. */
const SLOT_DURATION = 50;

export class RetransmissionBudget {
  readonly #share: number;
  readonly #all = new Float64Array(SLOTS);
  readonly #again = new Float64Array(SLOTS);
  #allSum = 0;
  #againSum = 0;
  /** Number of the slot that is being filled. */
  #slot = Number.NaN;

  /** `percentage`: of all bytes; 0 allows none, 100 and more everything. */
  constructor(percentage: number) {
    this.#share = percentage / 100;
  }

  /** A packet of `bytes` was sent for the first time. */
  sent(bytes: number, now: number): void {
    const slot = this.#advance(now);
    this.#all[slot]! += bytes;
    this.#allSum += bytes;
  }

  /** Whether a packet of `bytes` may be sent again now; takes it from the budget if so. */
  take(bytes: number, now: number): boolean {
    const slot = this.#advance(now);
    if (this.#againSum + bytes > this.#share * (this.#allSum + bytes)) return false;
    this.#all[slot]! += bytes;
    this.#allSum += bytes;
    this.#again[slot]! += bytes;
    this.#againSum += bytes;
    return true;
  }

  /** Empties the slots that are older than a second; returns the index of the present one. */
  #advance(now: number): number {
    const current = Math.floor(now / SLOT_DURATION);
    if (!(current - this.#slot < SLOTS)) {
      this.#all.fill(0);
      this.#again.fill(0);
      this.#allSum = 0;
      this.#againSum = 0;
      this.#slot = current;
    }
    while (this.#slot < current) {
      const index = ++this.#slot % SLOTS;
      this.#allSum -= this.#all[index]!;
      this.#againSum -= this.#again[index]!;
      this.#all[index] = 0;
      this.#again[index] = 0;
    }
    return this.#slot % SLOTS;
  }
}
