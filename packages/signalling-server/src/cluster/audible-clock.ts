/**
 * A clock that runs only while we hear ourselves. Each of our announcements comes back to us through the broker; where it does
 * not, because the broker is away, the connection is half open, or this process was stopped, then the silence of others says
 * nothing about them. By this clock they are not silent.
 */
export class AudibleClock {
  readonly #patience: number;
  /** What the clock showed at `#heardAt`. */
  #shown = 0;
  #heardAt: number;

  /** @param patience ms for which the clock runs on without a word from ourselves */
  constructor(patience: number, now: number) {
    this.#patience = patience;
    this.#heardAt = now;
  }

  /** When (ms, as given to `hear`) we last heard ourselves. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** ms during which we could have heard others. */
  read(now: number): number {
    return this.#shown + Math.min(now - this.#heardAt, this.#patience);
  }

  /** One of our own announcements has come back. After a longer silence the clock goes on from where that began. */
  hear(now: number): void {
    if (now - this.#heardAt <= this.#patience) this.#shown = this.read(now);
    this.#heardAt = now;
  }
}
