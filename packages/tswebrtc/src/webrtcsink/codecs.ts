/** Codecs of the sink: what each is called by the engine and in a session description. */
import type { CodecParameters, CodecPreference } from '../connection/types.ts';
import { AUDIO_CODECS, audioBitrate, encodedFormat, packetSamples } from '../media/audio-codecs.ts';
import type { AudioCodecName, AudioFormat, CodecName, InputTrack, VideoCodecName } from '../media/types.ts';
import { opusMappingParameters, surroundMapping } from '../rtp/opus-mapping.ts';

const videoPreferences: Record<VideoCodecName, CodecPreference> = {
  VP8: { name: 'VP8', clockRate: 90000 },
  H264: { name: 'H264', clockRate: 90000 },
  VP9: { name: 'VP9', clockRate: 90000 },
  H265: { name: 'H265', clockRate: 90000 },
  AV1: { name: 'AV1', clockRate: 90000 },
};

/** Rates at which linear PCM is sent to who asks for it, Hz: ours, and that of the formats with a number of their own. */
const PCM_RATES = [48_000, 44_100] as const;

export interface OfferedCodecs {
  readonly videoCodecs: readonly VideoCodecName[];
  readonly audioCodecs: readonly AudioCodecName[];
}

/** How the codecs are offered, in the order given, for what the input has. */
export function preferencesFor({ videoCodecs, audioCodecs }: OfferedCodecs, input: InputTrack): CodecPreference[] {
  if (input.kind === 'video') return videoCodecs.map((name) => videoPreferences[name]);
  return audioCodecs.flatMap((name) => soundPreferences(name, input.format));
}

function soundPreferences(codec: AudioCodecName, { channels }: AudioFormat): CodecPreference[] {
  switch (codec) {
    case 'OPUS':
      return [{ name: 'opus', clockRate: 48_000, channels: 2 }];
    case 'MULTIOPUS':
      // Up to two channels it has nothing that Opus has not.
      if (channels <= 2) return [];
      return [channels, 6].flatMap((count, index) => (index > 0 && channels <= count ? [] : multiopus(count, index > 0)));
    case 'L24':
    case 'L16':
      return PCM_RATES.flatMap((clockRate) =>
        [...new Set([channels, 2, 1])].map((count) => ({
          name: codec,
          clockRate,
          channels: count,
          onlyAnswer: clockRate !== PCM_RATES[0] || count !== channels,
        })),
      );
    case 'PCMU':
    case 'PCMA':
      return [{ name: codec, clockRate: 8000, channels: 1 }];
  }
}

function multiopus(channels: number, onlyAnswer: boolean): CodecPreference {
  const fmtp = { minptime: '10', useinbandfec: '1', ...opusMappingParameters(surroundMapping(channels)) };
  return { name: 'multiopus', clockRate: 48_000, channels, fmtp, onlyAnswer };
}

/** What a session wants to be sent of a track. Sessions that want the same can share it. */
export interface WantedMedia {
  readonly codec: CodecName;
  /** Of sound. */
  readonly format?: AudioFormat;
}

/** What to send as the codec that was agreed on. */
export function wantedMedia({ name, channels, clockRate }: CodecPreference | CodecParameters, input: InputTrack): WantedMedia {
  const codec = name.toUpperCase() as CodecName;
  if (input.kind === 'video') return { codec };
  // Opus says two whatever there is (RFC 7587 §7).
  if (codec === 'OPUS') return { codec, format: encodedFormat(codec, input.format.channels) };
  return { codec, format: { channels: channels ?? 1, sampleRate: clockRate } };
}

/** What an encoder of sound makes, bit/s, and in how many packets a second. */
export function soundRates({ codec, format }: WantedMedia): { readonly bitrate: number; readonly packetRate: number } {
  if (!format) return { bitrate: 0, packetRate: 0 };
  const sound = codec as AudioCodecName;
  const bitrate = audioBitrate(sound, format);
  const { bitsPerSample } = AUDIO_CODECS[sound];
  return { bitrate, packetRate: bitsPerSample ? format.sampleRate / packetSamples(sound, format) : OPUS_PACKET_RATE };
}

/** Opus packets of 20 ms. */
const OPUS_PACKET_RATE = 50;
