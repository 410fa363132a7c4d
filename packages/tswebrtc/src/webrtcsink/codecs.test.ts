import { expect, it } from 'vitest';
import type { InputTrack } from '../media/types.ts';
import { type OfferedCodecs, preferencesFor, soundRates, wantedMedia } from './codecs.ts';

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

it('an MTU of its own is part of what is wanted where packets follow it: of pictures, and of sound that is not compressed', () => {
  const sound: InputTrack = { kind: 'audio', id: 'a', format: { sampleRate: 48_000, channels: 2 } };
  const opus = { name: 'opus', clockRate: 48_000, channels: 2 };
  const linear = { name: 'L16', clockRate: 48_000, channels: 2 };
  expect(wantedMedia({ name: 'VP8', clockRate: 90_000 }, raw, 600)).toEqual({ codec: 'VP8', mtu: 600 });
  expect(wantedMedia({ name: 'VP8', clockRate: 90_000 }, raw, 1200)).toEqual({ codec: 'VP8' });
  expect(wantedMedia(opus, sound, 600)).not.toHaveProperty('mtu');
  // 5 ms of stereo are 960 bytes, 2 ms are 384.
  expect([1200, 600].map((mtu) => soundRates(wantedMedia(linear, sound, mtu)).packetRate)).toEqual([200, 500]);
});
