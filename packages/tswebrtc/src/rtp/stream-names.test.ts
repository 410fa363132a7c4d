import { expect, it } from 'vitest';
import { StreamNames } from './stream-names.ts';

/** The words of three packets, in hex. */
const words = (...names: ConstructorParameters<typeof StreamNames>[0]): string[] => {
  const said = new StreamNames(names);
  return [0, 1, 2].map(() => said.next().toString(16).padStart(8, '0'));
};

it('says both names in each packet where there is room, else one after the other', () => {
  expect(words({ id: 5, text: 'h' }, { id: 4, text: '0' })).toEqual(Array(3).fill('50684030'));
  expect(words({ id: 5, text: 'low' }, { id: 4, text: '10' })).toEqual(['526c6f77', '41313000', '526c6f77']);
});

it('leaves out what cannot be said', () => {
  expect(words({ id: 5, text: 'h' }, { id: 4, text: 'video0' })).toEqual(Array(3).fill('50680000'));
  expect(words({ id: undefined, text: 'h' }, { id: 15, text: '0' })).toEqual(Array(3).fill('00000000'));
});
