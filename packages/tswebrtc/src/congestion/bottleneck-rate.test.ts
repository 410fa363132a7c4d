import { describe, expect, it } from 'vitest';
import { bottleneckRate } from './bottleneck-rate.ts';
import { PacketResults } from './packet-results.ts';

/** `count` packets of 1000 bytes, sent and arriving at the given distances, ms. */
function packets(count: number, sent: number, arrived: number): PacketResults {
  const results = new PacketResults();
  for (let i = 0; i < count; i++) results.push(i, 1000 + i * sent, 5000 + i * arrived, 1000, 0, false);
  return results;
}

describe('bottleneckRate', () => {
  it('is the rate at which packets come out of a queue', () => {
    expect(bottleneckRate(packets(8, 4, 16))).toBe(500_000);
  });

  it('is not known where packets arrive as they were sent, are few, or come at once', () => {
    expect(bottleneckRate(packets(8, 16, 16))).toBeUndefined();
    expect(bottleneckRate(packets(3, 4, 40))).toBeUndefined();
    expect(bottleneckRate(packets(8, 1, 4))).toBeUndefined();
  });

  it('is what a full queue lets through', () => {
    const results = new PacketResults();
    for (let i = 0; i < 20; i++) results.push(i, 1000 + i * 4, i % 4 === 0 ? 5000 + i * 4 : Number.NaN, 1000, 0, false);
    expect(bottleneckRate(results)).toBe(500_000);
  });
});
