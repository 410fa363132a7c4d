import { describe, expect, it } from 'vitest';
import { viewOf, withView } from './view-switch.ts';

describe('the view in the address', () => {
  it('is the streams unless the consumers are asked for', () => {
    expect(['', '?view=consumers', '?view=else'].map((query) => viewOf(new URL(`http://host/${query}`)))).toEqual([
      'watch',
      'consumers',
      'watch',
    ]);
  });

  it('leaves all else there as it is', () => {
    const there = withView(new URL('http://host/sub/?signalling=ws%3A%2F%2Fa#door,gate'), 'consumers');
    expect(there.href).toBe('http://host/sub/?signalling=ws%3A%2F%2Fa&view=consumers#door,gate');
    expect(withView(there, 'watch').href).toBe('http://host/sub/?signalling=ws%3A%2F%2Fa#door,gate');
  });
});
