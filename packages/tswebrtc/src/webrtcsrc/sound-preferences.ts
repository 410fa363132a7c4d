/** In which forms each audio codec is asked for, and in which it is taken from who offers it. */
import type { CodecPreference } from '../connection/types.ts';
import { AUDIO_CODECS, MOST_CHANNELS } from '../media/audio-codecs.ts';
import { opusMappingParameters, surroundMapping } from '../rtp/opus-mapping.ts';
import type { SrcAudioCodec } from './properties.ts';

/** 5.1 and 7.1 are what libwebrtc has. */
const SURROUNDS: readonly number[] = [6, 8];
const PCM_RATES = [48_000, 44_100, 32_000, 16_000, 8000] as const;

export function soundPreferences(codec: SrcAudioCodec): CodecPreference[] {
  const { sampleRate: clockRate } = AUDIO_CODECS[codec];
  switch (codec) {
    case 'OPUS':
      return [{ name: 'opus', clockRate, channels: 2 }];
    case 'MULTIOPUS':
      return counts(MOST_CHANNELS, 1).map((channels) => ({
        name: 'multiopus',
        clockRate,
        channels,
        fmtp: { minptime: '10', useinbandfec: '1', ...opusMappingParameters(surroundMapping(channels)) },
        onlyAnswer: !SURROUNDS.includes(channels),
      }));
    case 'L24':
    case 'L16':
      return PCM_RATES.flatMap((rate) =>
        counts(MOST_CHANNELS, 1).map((channels) => ({
          name: codec,
          clockRate: rate,
          channels,
          onlyAnswer: rate !== clockRate || channels > 2,
        })),
      );
    case 'PCMU':
    case 'PCMA':
      return [{ name: codec, clockRate, channels: 1 }];
  }
}

/** Whole numbers, the greatest first. */
const counts = (most: number, least: number): number[] => Array.from({ length: most - least + 1 }, (_, i) => most - i);
