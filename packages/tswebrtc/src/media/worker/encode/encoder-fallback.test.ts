import { describe, expect, it } from 'vitest';
import { EncoderFallback } from './encoder-fallback.ts';

describe('when an encoder breaks', () => {
  it('the next one is tried, and that one last', () => {
    const fallback = new EncoderFallback(['a', 'b', 'c']);
    expect(fallback.failed('a', 0)).toBe(true);
    expect(fallback.order).toEqual(['b', 'c', 'a']);
    fallback.drop(['b']);
    expect(fallback.order).toEqual(['c', 'a']);
  });

  it('a single one is opened again, twice within ten seconds, and not for ever', () => {
    const fallback = new EncoderFallback(['a']);
    expect([0, 1000, 2000].map((now) => fallback.failed('a', now))).toEqual([true, true, false]);
    const patient = new EncoderFallback(['a']);
    expect([0, 6000, 12_000, 18_000].map((now) => patient.failed('a', now))).toEqual([true, true, true, true]);
  });
});
