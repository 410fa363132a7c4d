import { describe, expect, it } from 'vitest';
import { formatBitrate, formatDuration, formatMeta, formatPercent, formatRate, formatSize } from './format.ts';

describe('figures are written for people', () => {
  it.each([
    [formatBitrate(0), '0 kbit/s'],
    [formatBitrate(840_400), '840 kbit/s'],
    [formatBitrate(999_600), '1.00 Mbit/s'],
    [formatBitrate(12_340_000), '12.3 Mbit/s'],
    [formatDuration(0), '0 ms'],
    [formatDuration(0.42), '0.4 ms'],
    [formatDuration(28.4), '28 ms'],
    [formatDuration(999.7), '1.00 s'],
    [formatPercent(0), '0 %'],
    [formatPercent(0.04), '< 0.1 %'],
    [formatPercent(9.96), '10 %'],
    [formatRate(29.97), '30 fps'],
    [formatSize(1280, 720), '1280 × 720'],
  ])('%s', (text, expected) => expect(text).toBe(expected));

  it('shows a dash for what is not known', () => {
    const texts = [formatBitrate(null), formatDuration(null), formatPercent(null), formatRate(null), formatSize(null, null)];
    expect(new Set(texts)).toEqual(new Set(['–']));
  });

  it('writes any meta value in one short line', () => {
    expect(formatMeta({ width: 1 })).toBe('{"width":1}');
    expect(formatMeta(undefined)).toBe('');
    expect(formatMeta('x'.repeat(500))).toHaveLength(80);
  });
});
