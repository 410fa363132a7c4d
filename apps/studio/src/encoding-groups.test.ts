import { describe, expect, it } from 'vitest';
import { groupByEncoding, reasonOf } from './encoding-groups.ts';
import { readSinkStats, type SessionFigures } from './sink-stats.ts';

const stats = (sessions: object[], encodings: object[] = []) => readSinkStats(JSON.stringify({ sessions, encodings }))!;
const session = (fields: object): SessionFigures => stats([{ sessionId: 's', ...fields }]).sessions[0]!;
const peers = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i}a7d3f00-and-so-on`);

describe('groupByEncoding', () => {
  it('puts those on one encoding together and keeps those without apart', () => {
    const { groups, others } = groupByEncoding(
      stats(
        [
          { sessionId: '1', encodingId: 'high' },
          { sessionId: '2', encodingId: null },
          { sessionId: '3', encodingId: 'low', codec: 'VP8', encodingBitrate: 300_000 },
          { sessionId: '4', encodingId: 'high' },
        ],
        [
          { id: 'high', codec: 'H264', bitrate: 2e6 },
          { id: 'sound', codec: 'opus', sessions: ['1'] },
        ],
      ),
    );
    expect(groups.map(({ id, sessions }) => [id, sessions.map(({ sessionId }) => sessionId)])).toEqual([
      ['high', ['1', '4']],
      ['', ['2']],
      ['low', ['3']],
    ]);
    expect(groups.map(({ encoding }) => [encoding.codec, encoding.bitrate])).toEqual([
      ['H264', 2e6],
      [null, null],
      ['VP8', 300_000],
    ]);
    expect(others.map(({ id }) => id)).toEqual(['sound']);
  });
});

describe('reasonOf', () => {
  it.each([
    [{ encodingReason: 'alone' }, 'Alone', 'follows its target'],
    [{ encodingReason: 'shared', sharedWith: peers(1) }, 'Shared', 'with 0a7d3f00'],
    [{ encodingReason: 'shared', sharedWith: peers(4) }, 'Shared', 'with 0a7d3f00, 1a7d3f00, 2a7d3f00 and 3a7d3f00'],
    [{ encodingReason: 'shared', sharedWith: peers(9) }, 'Shared', 'with 0a7d3f00, 1a7d3f00, 2a7d3f00 and 6 more'],
    [{ encodingReason: 'merged', sharedWith: peers(2) }, 'Moved down', 'with 0a7d3f00 and 1a7d3f00; all encoders are taken'],
    [{ encodingReason: 'limited', framesSkipped: 12 }, 'Thinned', '12 frames left out'],
    [{ encodingReason: 'per-consumer' }, 'Its own', ''],
    [{}, '', ''],
  ])('%j', (fields, label, sentence) => {
    expect(reasonOf(session(fields))).toMatchObject({ label, sentence });
  });
});
