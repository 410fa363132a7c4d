import { expect, it } from 'vitest';
import { matchEncodings } from './match-encodings.ts';

const running = (bitrate: number, ...members: string[]) => ({ bitrate, has: (id: string) => members.includes(id) });
const placement = (bitrate: number, ...members: string[]) => ({ bitrate, members, merged: new Set<string>() });

it('leaves most sessions where they are, whatever the bitrates', () => {
  const [low, high] = [running(1e6, 'a', 'b', 'c'), running(4e6, 'd')];
  expect(matchEncodings([placement(4e6, 'a', 'b', 'd'), placement(1e6, 'c')], [low, high])).toEqual([low, high]);
});

it('takes an idle encoding before a new one is started, the nearest in bitrate', () => {
  const [near, far] = [running(1.2e6), running(8e6)];
  expect(matchEncodings([placement(1e6, 'a')], [far, near])).toEqual([near]);
  expect(matchEncodings([placement(1e6, 'a'), placement(2e6, 'b')], [])).toEqual([undefined, undefined]);
});
