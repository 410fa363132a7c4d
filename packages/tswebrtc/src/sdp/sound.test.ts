/** Sound in offers and answers: numbers that are fixed, channels, clock rates, and who lays the channels of Opus out. */
import { describe, expect, it } from 'vitest';
import { opusMappingParameters, surroundMapping } from '../rtp/opus-mapping.ts';
import { codecDistance } from './match.ts';
import { PayloadTypes } from './payload-types.ts';
import { parseDescription } from './read.ts';

const OPUS = { name: 'opus', clockRate: 48_000, channels: 2 };
const PCMU = { name: 'PCMU', clockRate: 8000, channels: 1 };
const PCMA = { name: 'PCMA', clockRate: 8000 };

describe('payload types', () => {
  it('of G.711 and of linear PCM at 44.1 kHz are those that everybody knows, and take none of the others', () => {
    const numbers = new PayloadTypes();
    expect([PCMU, OPUS, PCMA].map((codec) => numbers.media(codec))).toEqual([0, 96, 8]);
    expect(numbers.media({ name: 'L16', clockRate: 44_100, channels: 2 })).toBe(10);
    expect(numbers.media({ name: 'L16', clockRate: 44_100, channels: 1 })).toBe(11);
    expect(numbers.media({ name: 'L16', clockRate: 48_000, channels: 2 })).toBe(97);
  });

  it('that the peer gave another meaning are left alone', () => {
    const numbers = new PayloadTypes();
    numbers.reserve(0);
    expect(numbers.media(PCMU)).toBe(96);
  });

  it('are understood without an rtpmap', () => {
    const { media } = parseDescription(
      ['v=0', 'o=- 1 1 IN IP4 0.0.0.0', 's=-', 't=0 0', 'm=audio 9 UDP/TLS/RTP/SAVPF 0 8 10 11', 'a=mid:0', ''].join('\r\n'),
    );
    expect(media[0]!.formats.map(({ name, clockRate, channels = 1 }) => `${name}/${clockRate}/${channels}`)).toEqual([
      ...['PCMU/8000/1', 'PCMA/8000/1'],
      ...['L16/44100/2', 'L16/44100/1'],
    ]);
  });
});

describe('linear PCM', () => {
  it.each([
    [{ name: 'L16', clockRate: 48_000, channels: 2 }, 0],
    [{ name: 'L16', clockRate: 44_100, channels: 2 }, undefined],
    [{ name: 'L16', clockRate: 48_000 }, undefined],
    [{ name: 'L24', clockRate: 48_000, channels: 2 }, undefined],
  ])('in stereo at 48 kHz and %j: %j', (other, distance) => {
    const l16 = { name: 'L16', clockRate: 48_000, channels: 2, fmtp: {} };
    expect(codecDistance(l16, { fmtp: {}, ...other }, 'send')).toBe(distance);
  });
});

describe('multi-channel Opus', () => {
  const ours = { name: 'multiopus', clockRate: 48_000, channels: 6, fmtp: opusMappingParameters(surroundMapping(6)) };
  const theirs = (fmtp: Record<string, string>, channels = 6) => ({ ...ours, name: 'MULTIOPUS', channels, fmtp });

  it('is the same whichever order the receiver gives the channels in, and where it says nothing', () => {
    expect(ours.fmtp).toEqual({ channel_mapping: '0,4,1,2,3,5', num_streams: '4', coupled_streams: '2' });
    expect(codecDistance(ours, theirs({}), 'send')).toBe(0);
    expect(codecDistance(ours, theirs({ ...ours.fmtp, channel_mapping: '0,1,4,5,2,3' }), 'send')).toBe(0);
  });

  it('is another with other channels or other streams, unless we only receive and need not make them', () => {
    const plain = theirs({ channel_mapping: '0,1,2,3,4,5', num_streams: '6', coupled_streams: '0' });
    expect(codecDistance(ours, theirs({}, 8), 'send')).toBeUndefined();
    expect(codecDistance(ours, plain, 'send')).toBeUndefined();
    expect(codecDistance(ours, plain, 'receive')).toBe(0);
  });

  it.each<Record<string, string>>([
    { num_streams: '0' },
    { num_streams: '2', coupled_streams: '3' },
    { channel_mapping: '0,1' },
    { channel_mapping: '0,4,1,2,3,9' },
    { channel_mapping: 'a,b,c,d,e,f' },
    { num_streams: '1e9' },
  ])('that makes no sense is not taken: %j', (fmtp) => {
    expect(codecDistance(ours, theirs({ ...ours.fmtp, ...fmtp }), 'receive')).toBeUndefined();
  });
});
