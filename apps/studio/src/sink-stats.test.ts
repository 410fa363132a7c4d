import { describe, expect, it } from 'vitest';
import { readSinkStats } from './sink-stats.ts';

describe('readSinkStats', () => {
  it('reads what is there and knows what is not', () => {
    const stats = readSinkStats(
      '{"sessions":[{"sessionId":"s","peerId":"p","state":"connected","sentBitrate":5,"packetLoss":null}]}',
    );
    expect(stats?.encodings).toEqual([]);
    expect(stats?.sessions[0]).toMatchObject({
      sessionId: 's',
      peerId: 'p',
      sentBitrate: 5,
      targetBitrate: null,
      packetLoss: null,
      networkState: null,
      encodingReason: null,
      sharedWith: [],
      mitigationMode: 'none',
    });
  });

  it('takes nothing of another kind for a figure', () => {
    const session = {
      sessionId: 's',
      sentBitrate: '5',
      roundTripTime: -1,
      networkState: 'odd',
      encodingReason: 7,
      sharedWith: [1, 'a'],
    };
    const [read] = readSinkStats(
      JSON.stringify({ sessions: [session, null, 5, { peerId: 'nameless' }], encodings: {} }),
    )!.sessions;
    expect(read).toMatchObject({
      peerId: 's',
      sentBitrate: null,
      roundTripTime: null,
      networkState: null,
      encodingReason: null,
      sharedWith: ['a'],
    });
  });

  it.each(['', 'nonsense', 'null', '5', '[]', '{}', '{"sessions":5}'])('finds none in %j', (json) => {
    expect(readSinkStats(json)).toBeUndefined();
  });
});
