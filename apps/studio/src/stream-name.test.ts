import { describe, expect, it } from 'vitest';
import { findByKey, keyOf, titleOf } from './stream-name.ts';

const peer = (id: string, name?: unknown) => ({ id, meta: name === undefined ? {} : { name } });

describe('names of streams', () => {
  it('falls back to the id where there is no usable name', () => {
    expect(titleOf(peer('0123456789', 'Door'))).toBe('Door');
    for (const name of [undefined, '', '  ', 5, { toString: 1 }])
      expect(titleOf(peer('0123456789', name))).toBe('Stream 01234567');
  });

  it('cuts a name that is too long to read, and still finds the stream by all of it', () => {
    const long = peer('1', '😀'.repeat(5000));
    expect(titleOf(long)).toBe(`${'😀'.repeat(79)}…`);
    expect(findByKey(keyOf(long, [long]), [long])).toBe(long);
  });

  it('calls a stream by its name only where that means no other', () => {
    const all = [peer('1', 'Door'), peer('2', 'Door'), peer('3', 'Gate'), peer('4', '1'), peer('5')];
    expect(all.map((one) => keyOf(one, all))).toEqual(['1', '2', 'Gate', '4', '5']);
    for (const one of all) expect(findByKey(keyOf(one, all), all)).toBe(one);
  });

  it('finds the first of a name, and nothing for a stranger', () => {
    const all = [peer('1', 'Door'), peer('2', 'Door')];
    expect(findByKey('Door', all)).toBe(all[0]);
    expect(findByKey('Window', all)).toBeUndefined();
  });
});
