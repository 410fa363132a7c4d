import { expect, it } from 'vitest';
import { CongestionWindow } from './congestion-window.ts';

it('pushes back while too much is in flight, and lets go when it has drained', () => {
  const window = new CongestionWindow();
  // 1 Mbit/s over 50 ms and 350 ms of queue: 50,000 bytes.
  expect(window.apply(1_000_000, 20_000, 50)).toBe(1_000_000);
  let pushed = 1_000_000;
  for (let i = 0; i < 5; i++) pushed = window.apply(1_000_000, 90_000, 50);
  expect(pushed).toBeLessThan(700_000);
  for (let i = 0; i < 20; i++) pushed = window.apply(1_000_000, 20_000, 50);
  expect(pushed).toBe(1_000_000);
});
