import { expect, it } from 'vitest';
import type { InputTrack } from '../media/types.ts';
import { type OfferedCodecs, preferencesFor } from './codecs.ts';

const raw: InputTrack = { kind: 'video', id: 'v', format: { width: 64, height: 64, framerate: 30 } };
const encoded: InputTrack = { ...raw, encoded: { codec: 'H264' } };
const offered: OfferedCodecs = { videoCodecs: ['H264', 'VP8'], encodable: ['VP8'], audioCodecs: [], passthrough: 'auto' };
const names = (options: OfferedCodecs, track: InputTrack): string[] => preferencesFor(options, track).map(({ name }) => name);

it('a codec that cannot be encoded here is offered for what comes in it, where that may be passed on, and for nothing else', () => {
  expect(names(offered, encoded)).toEqual(['H264', 'VP8']);
  expect(names(offered, raw)).toEqual(['VP8']);
  expect(names({ ...offered, passthrough: 'never' }, encoded)).toEqual(['VP8']);
  expect(names({ ...offered, encodable: ['H264', 'VP8'] }, raw)).toEqual(['H264', 'VP8', 'H264']);
});
