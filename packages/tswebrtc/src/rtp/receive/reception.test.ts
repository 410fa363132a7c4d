import { describe, expect, it } from 'vitest';
import { compactNtp, toNtp } from '../ntp.ts';
import { parseRtcp, writeRtcp } from '../rtcp/rtcp.ts';
import { NOT_RECEIVED } from '../rtcp/twcc.ts';
import { ArrivalRecorder } from './arrival-recorder.ts';
import { Reception } from './reception.ts';

/** Packets every 20 ms of 48 kHz sound, those in `lost` left out. */
function receive(reception: Reception, from: number, to: number, lost: readonly number[] = []): void {
  for (let i = from; i < to; i++) if (!lost.includes(i)) reception.packet(i, i * 960, 100, 12, i * 20);
}

describe('Reception', () => {
  it('says nothing before the first packet', () => {
    const reception = new Reception(7, 48_000);
    expect(reception.report(0)).toBeUndefined();
    expect(reception.stats).toMatchObject({ packetsReceived: 0, packetsLost: 0, lastPacketReceived: undefined });
  });

  it('reports what was lost since the last report, and in all', () => {
    const reception = new Reception(7, 48_000);
    receive(reception, 65_500, 65_600, [65_510, 65_511, 65_540, 65_541]);
    expect(reception.report(0)).toMatchObject({
      ssrc: 7,
      fractionLost: 0.04,
      packetsLost: 4,
      highestSequenceNumber: 65_599,
      jitter: 0,
    });
    receive(reception, 65_600, 65_650);
    expect(reception.report(0)).toMatchObject({ fractionLost: 0, packetsLost: 4 });
    // What came late after all, and what came twice.
    reception.packet(65_510, 65_510 * 960, 100, 12, 65_650 * 20);
    reception.packet(65_649, 65_649 * 960, 100, 12, 65_650 * 20);
    expect(reception.report(0)).toMatchObject({ fractionLost: 0, packetsLost: 2 });
    expect(reception.stats).toMatchObject({
      packetsReceived: 148,
      packetsLost: 2,
      bytesReceived: 14_800,
      headerBytesReceived: 1776,
    });
  });

  it('measures how unevenly packets come', () => {
    const reception = new Reception(7, 48_000);
    for (let i = 0; i < 500; i++) reception.packet(i, i * 960, 100, 12, i * 20 + (i % 2) * 10);
    // Every distance is off by 10 ms.
    expect(reception.stats.jitter).toBeCloseTo(0.01, 4);
    expect(reception.report(0)!.jitter).toBe(480);
  });

  it('tells the sender of its report, for the round-trip time', () => {
    const reception = new Reception(7, 48_000);
    receive(reception, 0, 3);
    const ntpTime = toNtp(1.7e12);
    reception.senderReport({ type: 'sr', ssrc: 7, ntpTime, rtpTimestamp: 0, packetCount: 3, octetCount: 300, reports: [] }, 1000);
    expect(reception.report(1250)).toMatchObject({ lastSenderReport: compactNtp(ntpTime), delaySinceLastSenderReport: 16_384 });
  });
});

describe('ArrivalRecorder', () => {
  it('reports each packet once, with the time it came, and those that did not', () => {
    const recorder = new ArrivalRecorder();
    expect(recorder.take(1, 2)).toBeUndefined();
    for (const [number, time] of [
      [65_534, 1000],
      [65_535, 1000.5],
      [1, 1003],
    ] as const)
      recorder.arrived(number, time);
    const feedback = recorder.take(1, 2)!;
    const [read] = parseRtcp(writeRtcp([feedback]));
    expect(read).toMatchObject({
      type: 'transport-cc',
      senderSsrc: 1,
      mediaSsrc: 2,
      baseSequenceNumber: 65_534,
      feedbackPacketCount: 0,
    });
    if (read?.type !== 'transport-cc') throw new Error('no feedback');
    const times = [...read.arrivals].map((ticks) => (ticks === NOT_RECEIVED ? undefined : read.referenceTime * 64 + ticks / 4));
    expect(times).toEqual([1000, 1000.5, undefined, 1003]);
    expect(recorder.take(1, 2)).toBeUndefined();
  });

  it('reports one that came late as well', () => {
    const recorder = new ArrivalRecorder();
    for (const number of [10, 11, 13]) recorder.arrived(number, number);
    recorder.take(1, 2);
    recorder.arrived(12, 20);
    recorder.arrived(14, 21);
    expect(recorder.take(1, 2)).toMatchObject({ baseSequenceNumber: 12, feedbackPacketCount: 1 });
  });
});
