import { expect, it } from 'vitest';
import { StableBitrate } from './stable-bitrate.ts';

it('falls at once, rises in seconds, and ignores short peaks', () => {
  const stable = new StableBitrate(1_000_000, 0);
  expect(stable.update(500_000, 100)).toBe(500_000);
  expect(stable.update(1_000_000, 300)).toBeLessThan(550_000);
  stable.update(500_000, 400);
  let rate = 0;
  for (let now = 400; now < 15_400; now += 100) rate = stable.update(1_000_000, now);
  expect(rate).toBeGreaterThan(950_000);
});
