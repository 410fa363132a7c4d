/**
 * Backing off when the path swallows packets or feedback altogether: without feedback neither delay nor loss is seen, and
 * to go on at the old rate would be a flood (RFC 8083's concern). libwebrtc's rule, with a shorter limit: feedback comes
 * many times a second, so that more than a second without any is no jitter.
 */

/** No feedback beyond this and a round trip means trouble, ms. */
const LIMIT = 1500;
/** Then the rate falls by this factor this often, ms. */
const FACTOR = 0.8;
const INTERVAL = 1000;

export class FeedbackTimeout {
  #lastFeedback: number | undefined;
  #lastSent: number | undefined;
  #unanswered: number | undefined;
  #lastBackoff = Number.NEGATIVE_INFINITY;

  sent(now: number): void {
    this.#lastSent = now;
    this.#unanswered ??= now;
  }

  feedback(now: number): void {
    this.#lastFeedback = now;
    this.#unanswered = undefined;
  }

  /** Factor by which the rate must fall now, 1 for not at all. Only where feedback has been seen before. */
  backoff(rtt: number, now: number): number {
    if (this.#lastFeedback === undefined || this.#unanswered === undefined || this.#lastSent === undefined) return 1;
    if (now - Math.max(this.#lastFeedback, this.#unanswered) < LIMIT + rtt) return 1;
    if (now - this.#lastBackoff < INTERVAL) return 1;
    this.#lastBackoff = now;
    return FACTOR;
  }
}
