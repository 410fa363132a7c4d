import { describe, expect, it } from 'vitest';
import { PacketResults } from './packet-results.ts';
import { ProbeBitrateEstimator, type ProbeResult } from './probe-bitrate-estimator.ts';

const PROBE = { clusterId: 1, bitrate: 2_000_000, minBytes: 4000, minPackets: 5, trust: 1 };

/** Five packets of 1000 bytes sent 4 ms apart (2 Mbit/s) and arriving `gap` ms apart. */
function result(gap: number, count = 5, probe = PROBE): ProbeResult | undefined {
  const estimator = new ProbeBitrateEstimator();
  estimator.expect(probe, 0);
  const results = new PacketResults();
  for (let i = 0; i < 5; i++) results.push(i, i * 4, i < count ? 100 + i * gap : Number.NaN, 1000, 1, false);
  return estimator.update(results, 200);
}

describe('ProbeBitrateEstimator', () => {
  it('takes the rate of the train where it got through as it was sent', () => {
    expect(result(4)).toEqual({ bitrate: 2_000_000, hampered: false });
  });

  it('takes nearly the rate received where that is less', () => {
    expect(result(8)).toEqual({ bitrate: 950_000, hampered: false });
  });

  it('knows when it was the sender that was slow, or the receiver', () => {
    expect(result(1)).toEqual({ bitrate: 0, hampered: true });
    expect(result(4, 5, { ...PROBE, bitrate: 3_000_000 })).toEqual({ bitrate: 2_000_000, hampered: true });
    expect(result(8, 5, { ...PROBE, bitrate: 3_000_000 })).toEqual({ bitrate: 950_000, hampered: false });
  });

  it('says nothing of a train that was lost in part', () => {
    expect(result(4, 3)).toBeUndefined();
  });

  it('believes a part where others may use the path', () => {
    expect(result(4, 5, { ...PROBE, trust: 0.8 })?.bitrate).toBe(1_600_000);
  });

  it('knows no cluster that it was not told of', () => {
    const estimator = new ProbeBitrateEstimator();
    const results = new PacketResults();
    for (let i = 0; i < 9; i++) results.push(i, i, 100 + i, 1000, 7, false);
    expect(estimator.update(results, 200)).toBeUndefined();
  });
});
