/** Every audio codec, encoded and decoded again: each channel comes out where it went in, and in time. */
import { describe, expect, it } from 'vitest';
import { surroundMapping } from '../../../rtp/opus-mapping.ts';
import { maxPayloadLength } from '../../../rtp/template.ts';
import { audioBitrate } from '../../audio-codecs.ts';
import { strengthAt } from '../../decode.testing.ts';
import type { Sound } from '../../output-types.ts';
import type { AudioCodecName, EncodingOptions } from '../../types.ts';
import { addWithResolvers } from '../with-resolvers.ts';

addWithResolvers();
const { AudioEncoding } = await import('./audio-encoding.ts');
const { SoundDecoder } = await import('../decode/sound-decoder.ts');

const SLICE = 960;
const SLICES = 50;
/** Of channel `index`: low enough for the woofer of 5.1, and for telephony. Hz. */
const pitch = (index: number): number => 60 + 25 * index;

interface Packet {
  readonly data: Uint8Array;
  readonly timestamp: number;
  readonly duration: number;
}

/** A second of sound, another pitch in each channel. */
async function encode(options: Pick<EncodingOptions, 'codec'> & Partial<EncodingOptions>, channels: number): Promise<Packet[]> {
  const packets: Packet[] = [];
  const bitrate = audioBitrate(options.codec as AudioCodecName, { channels, sampleRate: 48_000 });
  const encoding = await AudioEncoding.open({ bitrate, ...options }, channels, {
    write(data, _, { timestamp, duration }) {
      packets.push({ data: data.slice(), timestamp, duration });
      return true;
    },
    failed(error) {
      throw error;
    },
  });
  for (let slice = 0; slice < SLICES; slice++) {
    const data = new Uint8Array(new SharedArrayBuffer(SLICE * channels * 4));
    const samples = new Float32Array(data.buffer);
    for (let i = 0; i < samples.length; i++) {
      const time = (slice * SLICE + Math.floor(i / channels)) / 48_000;
      samples[i] = 0.3 * Math.sin(2 * Math.PI * pitch(i % channels) * time);
    }
    encoding.take({
      type: 'frame',
      slot: 0,
      sequence: slice,
      timestamp: slice * 20_000,
      duration: 20_000,
      captureTime: slice * 20,
      samples: SLICE,
      data,
      format: { kind: 'audio', channels },
      release() {},
    });
  }
  encoding.drain();
  encoding.close();
  return packets;
}

async function decode(
  codec: AudioCodecName,
  packets: readonly Packet[],
  sent: { sampleRate: number; channels: number },
  channels?: number,
): Promise<Sound[]> {
  const sounds: Sound[] = [];
  const mapping = codec === 'MULTIOPUS' ? { mapping: surroundMapping(sent.channels) } : {};
  const decoder = await SoundDecoder.open({ codec, sent: { ...sent, ...mapping }, ...(channels ? { channels } : {}) }, (sound) =>
    sounds.push(sound),
  );
  for (const { data, timestamp } of packets) {
    expect(decoder.decode({ data, timestamp, keyframe: true, captureTime: timestamp / 1000 })).toBe(true);
  }
  decoder.close();
  return sounds;
}

/** One channel of all the sounds, without the first 100 ms, in which codecs settle. */
function channelOf(sounds: readonly Sound[], channel: number): Float32Array {
  const parts = sounds.flatMap(({ samples, channels }) => {
    const count = samples.length / channels;
    return [Float32Array.from({ length: count }, (_, i) => samples[i * channels + channel]!)];
  });
  return Float32Array.from(parts.flatMap((part) => [...part])).subarray(4800);
}

/** Which pitches are heard in a channel, by the channel they are of. */
const heard = (samples: Float32Array, channels: number): number[] =>
  Array.from({ length: channels }, (_, i) => i).filter((i) => strengthAt(samples, pitch(i)) > 0.05);

describe.each([
  ['OPUS', 1, 48_000],
  ['OPUS', 2, 48_000],
  ['L16', 1, 48_000],
  ['L16', 2, 48_000],
  ['L16', 2, 44_100],
  ['L16', 6, 48_000],
  ['L24', 1, 48_000],
  ['L24', 2, 48_000],
  ['L24', 8, 48_000],
  ['PCMU', 1, 8000],
  ['PCMA', 1, 8000],
  ['MULTIOPUS', 3, 48_000],
  ['MULTIOPUS', 4, 48_000],
  ['MULTIOPUS', 5, 48_000],
  ['MULTIOPUS', 6, 48_000],
  ['MULTIOPUS', 7, 48_000],
  ['MULTIOPUS', 8, 48_000],
] as const)('%s of %i channels at %i Hz', (codec, channels, sampleRate) => {
  it('keeps each channel in its place, in packets that fit and follow each other', async () => {
    const packets = await encode({ codec, ...(sampleRate === 44_100 ? { sampleRate } : {}) }, channels);
    expect(Math.max(...packets.map(({ data }) => data.length))).toBeLessThanOrEqual(maxPayloadLength());
    packets.slice(1).forEach(({ timestamp }, i) => {
      expect(timestamp).toBeCloseTo(packets[i]!.timestamp + packets[i]!.duration, 3);
    });
    // A decoder of Opus makes two channels unless it is asked for one.
    const sounds = await decode(codec, packets, { sampleRate, channels }, channels);
    for (let channel = 0; channel < channels; channel++) {
      expect([channel, heard(channelOf(sounds, channel), channels)]).toEqual([channel, [channel]]);
    }
  });
});

describe('an encoder of fewer channels than there are', () => {
  it('gets all of 5.1 into two but the woofer, left and right on their side, not louder than full scale', async () => {
    const sounds = await decode('OPUS', await encode({ codec: 'OPUS' }, 6), { sampleRate: 48_000, channels: 2 });
    // Left, right, centre, woofer, back left, back right.
    expect(heard(channelOf(sounds, 0), 6)).toEqual([0, 2, 4]);
    expect(heard(channelOf(sounds, 1), 6)).toEqual([1, 2, 5]);
    expect(Math.max(...channelOf(sounds, 0))).toBeLessThan(1);
  });

  it('gets both of two into the one of a telephone', async () => {
    const sounds = await decode('PCMU', await encode({ codec: 'PCMU' }, 2), { sampleRate: 8000, channels: 1 });
    expect(heard(channelOf(sounds, 0), 2)).toEqual([0, 1]);
  });
});

it('one channel stays one in both ears of who wants two', async () => {
  const sounds = await decode('PCMA', await encode({ codec: 'PCMA' }, 1), { sampleRate: 8000, channels: 1 }, 2);
  const [left, right] = [channelOf(sounds, 0), channelOf(sounds, 1)];
  expect(heard(left, 1)).toEqual([0]);
  expect(left).toEqual(right);
});

it('what was lost is silence of its length', async () => {
  const packets = await encode({ codec: 'PCMU' }, 1);
  const all = await decode('PCMU', packets, { sampleRate: 8000, channels: 1 });
  const some = await decode('PCMU', [...packets.slice(0, 20), ...packets.slice(25)], { sampleRate: 8000, channels: 1 });
  const length = (sounds: readonly Sound[]): number => sounds.reduce((sum, { samples }) => sum + samples.length, 0);
  expect(Math.abs(length(some) - length(all))).toBeLessThanOrEqual(2);
});
