import { describe, expect, it } from 'vitest';
import { FigureMeter } from './figures.ts';

type Entry = { id: string; type: string; [key: string]: unknown };
const report = (...entries: Entry[]): [string, unknown][] => entries.map((entry) => [entry.id, entry]);

const codec = { id: 'c', type: 'codec', mimeType: 'video/VP8' };
const video = (timestamp: number, totals: object): Entry => ({
  id: 'v',
  type: 'inbound-rtp',
  kind: 'video',
  mid: 'video0',
  codecId: 'c',
  timestamp,
  frameWidth: 1280,
  frameHeight: 720,
  jitter: 0.004,
  ...totals,
});

describe('FigureMeter', () => {
  it('turns totals into rates of the time between two reports', () => {
    const meter = new FigureMeter();
    const first = meter.measure(
      report(codec, video(1000, { bytesReceived: 1000, packetsReceived: 10, packetsLost: 0, framesDecoded: 5 })),
    );
    expect(first.video).toMatchObject({ bitrate: null, codec: 'VP8', width: 1280, height: 720 });
    const totals = {
      bytesReceived: 251_000,
      packetsReceived: 100,
      packetsLost: 10,
      framesDecoded: 65,
      jitterBufferDelay: 3,
      jitterBufferEmittedCount: 60,
    };
    const second = meter.measure(report(codec, video(3000, totals)));
    expect(second.video).toMatchObject({
      bitrate: 1_000_000,
      framesPerSecond: 30,
      lossPercent: 10,
      jitter: 4,
      jitterBufferDelay: 50,
    });
    expect(second).toMatchObject({ timestamp: 3000, bitrate: 1_000_000, lossPercent: 10 });
  });

  it('shows no negative figures when a retransmission takes a loss back or a counter starts over', () => {
    const meter = new FigureMeter();
    meter.measure(report(video(1000, { bytesReceived: 5000, packetsReceived: 10, packetsLost: 4 })));
    const { video: figures } = meter.measure(report(video(2000, { bytesReceived: 100, packetsReceived: 20, packetsLost: 1 })));
    expect(figures).toMatchObject({ bitrate: 0, lossPercent: 0 });
  });

  it('names the path and the round trip of the pair in use', () => {
    const pair = { type: 'candidate-pair', localCandidateId: 'l', remoteCandidateId: 'r', timestamp: 7 };
    const candidates = [
      { id: 'l', type: 'local-candidate', candidateType: 'host', protocol: 'udp' },
      { id: 'r', type: 'remote-candidate', candidateType: 'relay' },
    ];
    const chosen = { ...pair, id: 'p2', currentRoundTripTime: 0.025 };
    const byTransport = report({ ...pair, id: 'p1' }, chosen, ...candidates, {
      id: 't',
      type: 'transport',
      selectedCandidatePairId: 'p2',
    });
    const byMark = report(
      { ...pair, id: 'p1', nominated: true, state: 'failed' },
      { ...chosen, nominated: true, state: 'succeeded' },
      ...candidates,
    );
    for (const source of [byTransport, byMark]) {
      expect(new FigureMeter().measure(source)).toMatchObject({
        roundTripTime: 25,
        path: { local: 'host', remote: 'relay', protocol: 'udp' },
      });
    }
  });

  it('leads with the track that receives something', () => {
    const meter = new FigureMeter();
    const idle = (timestamp: number): Entry => ({ ...video(timestamp, { bytesReceived: 0 }), id: 'idle' });
    meter.measure(report(idle(0), video(0, { bytesReceived: 0 })));
    const figures = meter.measure(report(idle(1000), video(1000, { bytesReceived: 100 })));
    expect(figures.tracks).toHaveLength(2);
    expect(figures.video?.bitrate).toBe(800);
  });

  it('knows nothing of an empty report', () => {
    const nothing = { bitrate: null, lossPercent: null, roundTripTime: null, path: null, video: null, audio: null };
    expect(new FigureMeter().measure(report())).toMatchObject(nothing);
  });
});
