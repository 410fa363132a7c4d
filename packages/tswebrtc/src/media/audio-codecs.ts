/** What each audio codec makes of an input: rate, channels, packets and bitrate. */
import { maxPayloadLength } from '../rtp/template.ts';
import type { AudioCodecName, AudioFormat } from './types.ts';

interface AudioCodec {
  readonly mostChannels: number;
  /** Hz. */
  readonly sampleRate: number;
  /** Of codecs that do not compress, or to a fixed size (RFC 3551 §4.5, RFC 3190). */
  readonly bitsPerSample?: number;
}

/** Most channels that any layout here has (raw-audio.ts). */
export const MOST_CHANNELS = 8;

export const AUDIO_CODECS: Readonly<Record<AudioCodecName, AudioCodec>> = {
  OPUS: { mostChannels: 2, sampleRate: 48_000 },
  MULTIOPUS: { mostChannels: MOST_CHANNELS, sampleRate: 48_000 },
  L24: { mostChannels: MOST_CHANNELS, sampleRate: 48_000, bitsPerSample: 24 },
  L16: { mostChannels: MOST_CHANNELS, sampleRate: 48_000, bitsPerSample: 16 },
  PCMU: { mostChannels: 1, sampleRate: 8000, bitsPerSample: 8 },
  PCMA: { mostChannels: 1, sampleRate: 8000, bitsPerSample: 8 },
};

/** Opus at its best for music and speech alike, bit/s: of one channel, of two, and of each of more. */
const OPUS_BITRATES = [64_000, 96_000] as const;
const SURROUND_BITRATE = 48_000;

/** Durations of packets, ms, longest first: 20 ms is what everybody sends who can. */
const DURATIONS = [20, 10, 5, 4, 2, 1] as const;

export function isAudioCodec(codec: string): codec is AudioCodecName {
  return Object.hasOwn(AUDIO_CODECS, codec);
}

/** What `codec` makes of an input with so many channels: as many where it can. */
export function encodedFormat(codec: AudioCodecName, channels: number): AudioFormat {
  const { mostChannels, sampleRate } = AUDIO_CODECS[codec];
  return { channels: Math.min(channels, mostChannels), sampleRate };
}

/** What sound of this format takes in `codec`, bit/s, headers not counted. */
export function audioBitrate(codec: AudioCodecName, { channels, sampleRate }: AudioFormat): number {
  const { bitsPerSample } = AUDIO_CODECS[codec];
  if (bitsPerSample) return channels * sampleRate * bitsPerSample;
  return OPUS_BITRATES[channels - 1] ?? channels * SURROUND_BITRATE;
}

/** Sample frames in a packet: the longest duration that fits into `maxPacketSize` bytes. */
export function packetSamples(
  codec: AudioCodecName,
  { channels, sampleRate }: AudioFormat,
  maxPacketSize = maxPayloadLength(),
): number {
  const { bitsPerSample = 0 } = AUDIO_CODECS[codec];
  const fits = (ms: number): boolean => (ms * sampleRate * channels * bitsPerSample) / 8000 <= maxPacketSize;
  const ms = DURATIONS.find(fits) ?? DURATIONS.at(-1)!;
  return Math.floor((ms * sampleRate) / 1000);
}
