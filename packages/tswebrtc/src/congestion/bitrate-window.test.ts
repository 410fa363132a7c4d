import { expect, it } from 'vitest';
import { BitrateWindow } from './bitrate-window.ts';

it('tells a steady rate, a fall, and silence', () => {
  const window = new BitrateWindow();
  expect(window.bitrate(0)).toBe(0);
  let now = 12_345;
  for (; now < 15_345; now += 10) window.add(1250, now); // 1 Mbit/s
  expect(window.bitrate(now)).toBeGreaterThan(0.97e6);
  expect(window.bitrate(now)).toBeLessThan(1.03e6);
  for (; now < 17_000; now += 10) window.add(125, now); // 100 kbit/s
  expect(window.bitrate(now)).toBeGreaterThan(0.95e5);
  expect(window.bitrate(now)).toBeLessThan(1.05e5);
  expect(window.bitrate(now + 5000)).toBe(0);
});

it('does not divide the first packets by a whole second', () => {
  const window = new BitrateWindow();
  for (let now = 1000; now < 1200; now += 10) window.add(1250, now);
  expect(window.bitrate(1200)).toBeGreaterThan(0.9e6);
});
