import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FeedbackAdapter } from './feedback-adapter.ts';
import { type ArrivalFeedback, NOT_RECEIVED } from './types.ts';

const message = (baseSequence: number, referenceTime: number, ...ticks: (number | null)[]): ArrivalFeedback => ({
  baseSequence,
  referenceTime,
  arrivals: Int32Array.from(ticks, (tick) => tick ?? NOT_RECEIVED),
});

function sent(count: number, first = 0): FeedbackAdapter {
  const adapter = new FeedbackAdapter();
  for (let i = 0; i < count; i++) adapter.packetSent((first + i) & 0xffff, 1000 + i, i * 10, i);
  return adapter;
}

const seen = ({ results }: FeedbackAdapter) =>
  Array.from({ length: results.count }, (_, row) => ({
    sent: results.sendTimes[row]!,
    arrival: results.arrivalTimes[row]!,
    size: results.sizes[row]!,
    late: results.late[row] === 1,
  }));

describe('FeedbackAdapter', () => {
  it('joins arrivals with what was sent', () => {
    const adapter = sent(4);
    adapter.feedback(message(1, 10, 0, null, 80), 100);
    expect(seen(adapter)).toEqual([
      { sent: 10, arrival: 640, size: 1001, late: false },
      { sent: 20, arrival: Number.NaN, size: 1002, late: false },
      { sent: 30, arrival: 660, size: 1003, late: false },
    ]);
    expect(adapter.results.received).toBe(2);
  });

  it('tells of a packet once, though feedback comes twice', () => {
    const adapter = sent(4);
    adapter.feedback(message(0, 10, 0, 4, null, 12), 100);
    adapter.feedback(message(0, 10, 0, 4, null, 12), 101);
    expect(adapter.results.count).toBe(0);
  });

  it('takes back a loss when the packet came after all, and does not lose it again', () => {
    const adapter = sent(4);
    adapter.feedback(message(0, 10, 0, null, 8), 100);
    adapter.feedback(message(1, 10, 40), 120);
    expect(seen(adapter)).toEqual([{ sent: 10, arrival: 650, size: 1001, late: true }]);
    adapter.feedback(message(0, 10, 0, null, 8), 130);
    expect(adapter.results.count).toBe(0);
  });

  it('goes on where the numbers and the clock of the receiver wrap, and where feedback changes places', () => {
    const adapter = sent(6, 65_533);
    adapter.feedback(message(65_533, 0xffffff, 0, 40), 100);
    const before = adapter.results.arrivalTimes[0]!;
    adapter.feedback(message(1, 1, 0, 40), 200);
    expect(adapter.results.arrivalTimes[0]! - before).toBe(128);
    adapter.feedback(message(65_535, 0, 0, 40), 210);
    expect(adapter.results.arrivalTimes[0]! - before).toBe(64);
    expect(seen(adapter).map((one) => one.sent)).toEqual([20, 30]);
  });

  it('orders by arrival what overtook each other', () => {
    const adapter = sent(4);
    adapter.feedback(message(0, 10, 0, 100, 40, 60), 100);
    const { results } = adapter;
    const order = Array.from(results.order.subarray(0, results.received), (row) => results.sendTimes[row]);
    expect(order).toEqual([0, 20, 30, 10]);
  });

  it('measures the round trip without the time that packets waited for the feedback', () => {
    const adapter = sent(4);
    // Sent at 0, 10, 20, 30; each took 40 ms; the message left with the last and took 40 ms back.
    adapter.feedback(message(0, 10, 0, 40, 80, 120), 110);
    expect(adapter.propagationRtt).toBe(80);
  });

  it('takes any message of any peer', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0xffff }),
        fc.integer({ min: -0x800000, max: 0xffffff }),
        fc.array(fc.integer({ min: -0x80000000, max: 0x7fffffff }), { maxLength: 100 }),
        (base, reference, ticks) => {
          const adapter = sent(50, 65_500);
          adapter.feedback(message(base, reference, ...ticks), 1000);
          expect(adapter.results.count).toBeLessThanOrEqual(50);
          expect(adapter.history.bytesInFlight).toBeGreaterThanOrEqual(0);
        },
      ),
      { seed: 1 },
    );
  });
});
