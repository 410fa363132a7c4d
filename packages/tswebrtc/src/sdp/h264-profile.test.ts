import { describe, expect, it } from 'vitest';
import { agreeOnH264, answerProfileLevelId, h264Distance, parseProfileLevelId } from './h264-profile.ts';

describe('parseProfileLevelId', () => {
  it.each([
    ['42e01f', 'constrained-baseline', 31],
    ['42E01F', 'constrained-baseline', 31],
    ['42c02a', 'constrained-baseline', 42],
    ['4de01f', 'constrained-baseline', 31],
    ['42001f', 'baseline', 31],
    ['4d001f', 'main', 31],
    ['4d0032', 'main', 50],
    ['64001f', 'high', 31],
    ['640c34', 'constrained-high', 52],
    ['42f00b', 'constrained-baseline', 10.5],
    ['42e00b', 'constrained-baseline', 11],
    ['6e0028', 'high-10', 40],
    [undefined, 'constrained-baseline', 31],
  ])('reads %s as %s, level %d', (text, profile, level) => {
    expect(parseProfileLevelId(text)).toEqual({ profile, level });
  });

  it.each(['', 'zzzzzz', '42e0', '42e01f00', '00e01f'])('knows nothing of %j', (text) => {
    expect(parseProfileLevelId(text)).toBeUndefined();
  });
});

describe('answerProfileLevelId', () => {
  it('takes the lower level, and ours where levels may differ', () => {
    expect(answerProfileLevelId('42e034', '42e01f', false)).toBe('42e01f');
    expect(answerProfileLevelId('42e00d', '42e01f', false)).toBe('42e00d');
    expect(answerProfileLevelId('42e00d', '42e01f', true)).toBe('42e01f');
  });

  it('keeps the offered profile in its own spelling', () => {
    expect(answerProfileLevelId('42c034', '42e01f', false)).toBe('42c01f');
    expect(answerProfileLevelId('640034', '42e01f', true)).toBe('64001f');
  });

  it('moves the level 1b flag with the level', () => {
    expect(answerProfileLevelId('42f00b', '42e01f', true)).toBe('42e01f');
    expect(answerProfileLevelId('42e01f', '42f00b', false)).toBe('42f00b');
  });
});

describe('h264Distance', () => {
  const format = (level: string, mode = '1') => ({ 'profile-level-id': level, 'packetization-mode': mode });

  it('needs equal packetization modes', () => {
    expect(h264Distance(format('42e01f'), format('42e01f', '0'), 'send')).toBeUndefined();
    expect(h264Distance(format('42e01f', '0'), { 'profile-level-id': '42e01f' }, 'send')).toBe(0);
  });

  it('lets a better decoder take a lesser profile, never the reverse', () => {
    expect(h264Distance(format('42e01f'), format('42e034'), 'both')).toBe(0);
    expect(h264Distance(format('42e01f'), format('42001f'), 'send')).toBe(1);
    expect(h264Distance(format('42e01f'), format('64001f'), 'send')).toBeGreaterThan(1);
    expect(h264Distance(format('64001f'), format('42e01f'), 'send')).toBeUndefined();
    expect(h264Distance(format('64001f'), format('42e01f'), 'receive')).toBeGreaterThan(0);
    expect(h264Distance(format('42e01f'), format('64001f'), 'both')).toBeUndefined();
  });
});

describe('agreeOnH264', () => {
  const ours = { 'packetization-mode': '1', 'profile-level-id': '42e01f', 'level-asymmetry-allowed': '1' };
  const agreed = (theirs: Record<string, string>, offer: 'ours' | 'theirs' = 'ours') =>
    agreeOnH264(ours, theirs, offer === 'ours' ? ours : theirs);

  it('holds the sender to the level where levels may not differ', () => {
    expect(agreed({ ...ours, 'profile-level-id': '42e00d' })).toEqual({ packetizationMode: 1, profile: 'constrained-baseline' });
    const { 'level-asymmetry-allowed': _, ...symmetric } = ours;
    expect(agreed({ ...symmetric, 'profile-level-id': '42e00d' })).toMatchObject({ level: 13 });
    // 2.5 is none.
    expect(agreed({ ...symmetric, 'profile-level-id': '42e019' })).toMatchObject({ level: 22 });
    expect(agreed({ ...symmetric, 'profile-level-id': '42e000' })).toMatchObject({ level: 10 });
  });

  it('takes the profile that the peer decodes, and the packetization mode of the offer', () => {
    expect(agreed({ ...ours, 'profile-level-id': '64001f' }, 'theirs')).toMatchObject({ profile: 'high', packetizationMode: 1 });
    expect(agreed({ 'profile-level-id': '42e01f' }, 'theirs')).toMatchObject({ packetizationMode: 0, level: 31 });
  });

  it('takes an answer without fmtp for what was offered', () => {
    expect(agreed({})).toEqual({ packetizationMode: 1, profile: 'constrained-baseline' });
  });
});
