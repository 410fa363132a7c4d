import { expect, it } from 'vitest';
import { TwccStatistics } from './twcc-statistics.ts';
import { NOT_RECEIVED } from './types.ts';

it('sums up what feedback said of the last 300 ms', () => {
  const twcc = new TwccStatistics();
  expect(twcc.figures(0)).toBeUndefined();
  // Sent 10 ms apart, over the wrap of the numbers; they arrive 11 ms apart, and one is lost.
  for (let i = 0; i < 10; i++) twcc.packetSent((65_530 + i) & 0xffff, 1000, 10 * i);
  const arrivals = Int32Array.from({ length: 10 }, (_, i) => (i === 5 ? NOT_RECEIVED : 44 * i));
  twcc.feedback({ baseSequence: 65_530, arrivals, referenceTime: 3 }, 100);
  expect(twcc.figures(100)).toEqual({
    bitrateSent: Math.round((10_000 * 8000) / 300),
    bitrateRecv: Math.round((9000 * 8000) / 300),
    packetsSent: 10,
    packetsRecv: 9,
    packetLossPct: 10,
    // 9 ms more over 8 gaps.
    avgDeltaOfDelta: 1_125_000,
  });
  // What is reported again does not count again, and what nobody sent not at all.
  twcc.feedback({ baseSequence: 65_530, arrivals: Int32Array.of(0, 44, 88), referenceTime: 3 }, 150);
  twcc.feedback({ baseSequence: 500, arrivals: Int32Array.of(0), referenceTime: 3 }, 150);
  expect(twcc.figures(150)).toMatchObject({ packetsSent: 10, packetsRecv: 9 });
  expect(twcc.figures(500)).toBeUndefined();
});
