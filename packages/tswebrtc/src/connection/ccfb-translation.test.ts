import { describe, expect, it } from 'vitest';
import { FeedbackAdapter } from '../congestion/feedback-adapter.ts';
import { random } from '../rtp/ops.testing.ts';
import { CCFB_NO_TIME, CCFB_OUT_OF_RANGE, CCFB_RECEIVED } from '../rtp/rtcp/ccfb.ts';
import { parseRtcp, writeRtcp } from '../rtp/rtcp/rtcp.ts';
import { NOT_RECEIVED } from '../rtp/rtcp/twcc.ts';
import type { CongestionControlFeedback, TransportFeedback } from '../rtp/rtcp/types.ts';
import { TransportNumbers } from '../rtp/transport-numbers.ts';
import { CcfbTranslator } from './ccfb-translation.ts';

const lost = 0;
const received = (offset: number, ecn = 0): number => CCFB_RECEIVED | (ecn << 13) | offset;

function message(
  reports: readonly (readonly [ssrc: number, beginSequenceNumber: number, ...metrics: number[]])[],
  reportTimestamp = 0x0010_0000,
): CongestionControlFeedback {
  return {
    type: 'ccfb',
    senderSsrc: 9,
    reports: reports.map(([ssrc, beginSequenceNumber, ...metrics]) => ({
      ssrc,
      beginSequenceNumber,
      metrics: Uint16Array.from(metrics),
    })),
    reportTimestamp,
  };
}

/** What a message says of each transport-wide number: ms of the receiver's clock, or undefined for not arrived. */
function arrivalsOf(messages: readonly TransportFeedback[]): Map<number, number | undefined> {
  const arrivals = new Map<number, number | undefined>();
  for (const { baseSequenceNumber, referenceTime, arrivals: ticks } of messages) {
    ticks.forEach((tick, i) => {
      arrivals.set((baseSequenceNumber + i) & 0xffff, tick === NOT_RECEIVED ? undefined : referenceTime * 64 + tick / 4);
    });
  }
  return arrivals;
}

const same = (_ssrc: number, sequenceNumber: number): number => sequenceNumber;

describe('CcfbTranslator', () => {
  it('gives arrivals on the clock of the report, ECN or not', () => {
    // 16 s; 1024 units of offset are a second.
    const messages = new CcfbTranslator().translate(
      message([[1, 50, received(1024), lost, received(512, 3), received(0)]]),
      same,
    );
    expect(messages).toHaveLength(1);
    expect(arrivalsOf(messages)).toEqual(
      new Map([
        [50, 15_000],
        [51, undefined],
        [52, 15_500],
        [53, 16_000],
      ]),
    );
  });

  it('puts interleaved streams in the order they were sent in, over the wrap', () => {
    const numbers: Record<number, Record<number, number>> = { 1: { 10: 65_534, 11: 0, 12: 2 }, 2: { 900: 65_535, 901: 1 } };
    const messages = new CcfbTranslator().translate(
      message([
        [1, 10, received(100), received(60), lost],
        [2, 900, received(80), received(40)],
      ]),
      (ssrc, sequenceNumber) => numbers[ssrc]![sequenceNumber],
    );
    expect(messages).toHaveLength(1);
    expect(messages[0]!.baseSequenceNumber).toBe(65_534);
    const ticks = [...messages[0]!.arrivals];
    expect(ticks.pop()).toBe(NOT_RECEIVED);
    const first = ticks[0]!;
    // 20/1024 s apart.
    for (const [i, tick] of ticks.entries()) expect(Math.abs(tick - first - i * 78.125)).toBeLessThanOrEqual(1);
  });

  it('says nothing of packets it does not know of: neither lost nor received', () => {
    const unknown = new Set([7, 8]);
    const messages = new CcfbTranslator().translate(
      message([[1, 5, received(90), received(80), received(70), lost, received(50), received(CCFB_NO_TIME)]]),
      (_ssrc, sequenceNumber) => (unknown.has(sequenceNumber) ? undefined : sequenceNumber),
    );
    expect(messages.map(({ baseSequenceNumber, arrivals }) => [baseSequenceNumber, arrivals.length])).toEqual([
      [5, 2],
      [9, 1],
    ]);
    const far = new CcfbTranslator().translate(message([[1, 5, received(CCFB_OUT_OF_RANGE), lost]]), same);
    expect([...arrivalsOf(far)]).toEqual([[6, undefined]]);
    expect(new CcfbTranslator().translate(message([[1, 5, lost]]), () => undefined)).toEqual([]);
    expect(new CcfbTranslator().translate(message([]), same)).toEqual([]);
  });

  it('believes an arrival where the same packet is also called lost', () => {
    const feedback = message([
      [1, 5, received(0)],
      [2, 5, lost],
      [3, 5, received(0)],
    ]);
    expect([...arrivalsOf(new CcfbTranslator().translate(feedback, same))]).toEqual([[5, 16_000]]);
  });

  it('follows the clock of the receiver over the wrap of its timestamps', () => {
    const translator = new CcfbTranslator();
    const at = (reportTimestamp: number): number =>
      arrivalsOf(translator.translate(message([[1, 1, received(0)]], reportTimestamp), same)).get(1)!;
    const before = at(0xffff_0000);
    expect(at(0x0000_8000) - before).toBeCloseTo(1500, 0);
    expect(at(0xffff_8000) - before).toBeCloseTo(500, 0);
  });

  it('tells congestion control the same as the sender and the receiver saw, over a long run', () => {
    const next = random(5);
    const adapter = new FeedbackAdapter();
    const translator = new CcfbTranslator();
    const streams = [
      { ssrc: 1, sequenceNumber: 65_000, share: 0.7 },
      { ssrc: 2, sequenceNumber: 300, share: 1 },
    ];
    const numbers = new Map(streams.map(({ ssrc }) => [ssrc, new TransportNumbers(1024)]));
    let transport = 65_400;
    let now = 0;
    const arrived = new Map<number, Map<number, number>>(streams.map(({ ssrc }) => [ssrc, new Map()]));
    const truth = { sent: 0, lost: 0 };
    const seen = { received: 0, lost: 0, skew: [] as number[] };
    const first = new Map(streams.map(({ ssrc, sequenceNumber }) => [ssrc, sequenceNumber]));
    for (let round = 0; round < 400; round++) {
      for (let i = 0; i < 20; i++, now += 2) {
        const stream = streams.find(({ share }) => next() < share)!;
        adapter.packetSent(transport, 1000, now, 0);
        numbers.get(stream.ssrc)!.set(stream.sequenceNumber, transport);
        truth.sent++;
        if (next() < 0.05) truth.lost++;
        else arrived.get(stream.ssrc)!.set(stream.sequenceNumber, now + 30);
        transport = (transport + 1) & 0xffff;
        stream.sequenceNumber = (stream.sequenceNumber + 1) & 0xffff;
      }
      // The receiver's clock starts just before its timestamps wrap, 18 hours from zero.
      const receiverNow = now + 30;
      const reportTimestamp = (Math.round((receiverNow / 1000) * 65_536) + 0xfff0_0000) >>> 0;
      const feedback = message(
        streams.map(({ ssrc, sequenceNumber }) => {
          const metrics: number[] = [];
          for (let n = first.get(ssrc)!; n !== sequenceNumber; n = (n + 1) & 0xffff) {
            const arrival = arrived.get(ssrc)!.get(n);
            metrics.push(arrival === undefined ? lost : received(Math.round(((receiverNow - arrival) * 1024) / 1000)));
          }
          const begin = first.get(ssrc)!;
          first.set(ssrc, sequenceNumber);
          return [ssrc, begin, ...metrics] as const;
        }),
        reportTimestamp,
      );
      const [read] = parseRtcp(writeRtcp([feedback]));
      expect(read).toEqual(feedback);
      const messages = translator.translate(read as CongestionControlFeedback, (ssrc, n) => numbers.get(ssrc)!.get(n));
      expect(messages).toHaveLength(1);
      for (const { baseSequenceNumber, arrivals, referenceTime } of messages) {
        const results = adapter.feedback({ baseSequence: baseSequenceNumber, arrivals, referenceTime }, receiverNow + 20);
        seen.received += results.received;
        for (let i = 0; i < results.received; i++) {
          const row = results.order[i]!;
          seen.skew.push(results.arrivalTimes[row]! - results.sendTimes[row]!);
        }
        seen.lost += arrivals.filter((arrival) => arrival === NOT_RECEIVED).length;
      }
    }
    expect(seen.received).toBe(truth.sent - truth.lost);
    expect(seen.lost).toBe(truth.lost);
    // One-way delay is the same for all, on whatever clock: what is left is the millisecond of an offset.
    expect(Math.max(...seen.skew) - Math.min(...seen.skew)).toBeLessThan(1.6);
  });
});
