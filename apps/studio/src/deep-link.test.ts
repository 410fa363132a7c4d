import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDeepLink, writeDeepLink } from './deep-link.ts';

describe('deep links', () => {
  it.each([
    ['', []],
    ['#', []],
    ['#door', ['door']],
    ['#front%20door,gate', ['front door', 'gate']],
    ['#a%2Cb', ['a,b']],
    ['#100%', ['100%']],
    ['#door,,door', ['door']],
  ])('read %j', (fragment, keys) => expect(readDeepLink(fragment)).toEqual(keys));

  it('bring any name back', () => {
    const name = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => text.trim() === text && text !== '');
    const comesBack = fc.property(fc.uniqueArray(name), (keys) => {
      expect(readDeepLink(writeDeepLink(keys))).toEqual(keys);
    });
    fc.assert(comesBack, { seed: 7 });
  });
});
