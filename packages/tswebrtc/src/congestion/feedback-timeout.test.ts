import { expect, it } from 'vitest';
import { FeedbackTimeout } from './feedback-timeout.ts';

it('backs off once a second while packets leave and nothing comes back', () => {
  const timeout = new FeedbackTimeout();
  let rate = 1;
  for (let now = 0; now < 10_000; now += 50) {
    timeout.sent(now);
    if (now < 3000) timeout.feedback(now);
    rate *= timeout.backoff(100, now);
    if (now < 4500) expect(rate).toBe(1);
  }
  expect(rate).toBeLessThan(0.4);
  expect(rate).toBeGreaterThan(0.2);
});

it('waits for the first feedback, and minds no silence of its own', () => {
  const timeout = new FeedbackTimeout();
  timeout.sent(0);
  expect(timeout.backoff(100, 60_000)).toBe(1);
  timeout.feedback(60_000);
  expect(timeout.backoff(100, 120_000)).toBe(1);
  timeout.sent(120_000);
  expect(timeout.backoff(100, 120_500)).toBe(1);
  expect(timeout.backoff(100, 122_000)).toBeLessThan(1);
});
