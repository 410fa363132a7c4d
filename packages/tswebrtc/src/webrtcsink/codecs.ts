/** Codecs of the sink: what each is called by the engine and in a session description. */
import type { CodecParameters, CodecPreference } from '../connection/types.ts';
import { AUDIO_CODECS, audioBitrate, encodedFormat, packetSamples } from '../media/audio-codecs.ts';
import type {
  AudioCodecName,
  AudioFormat,
  CodecName,
  EncodedFormat,
  EncodingOptions,
  InputTrack,
  VideoCodecName,
} from '../media/types.ts';
import { opusMappingParameters, surroundMapping } from '../rtp/opus-mapping.ts';
import { DEFAULT_MTU, maxPayloadLength } from '../rtp/template.ts';
import type { PassthroughMode } from './encoding-pool.ts';

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
  /** Those of them that can be encoded here; the others are sent only as they come. */
  readonly encodable: readonly VideoCodecName[];
  readonly audioCodecs: readonly AudioCodecName[];
  readonly passthrough: PassthroughMode;
}

/**
 * How the codecs are offered, in the order given, for what the input has. Of one that comes encoded its own codec goes first, so that
 * whoever can takes its packets as they are, and no other where nothing may be encoded anew.
 */
export function preferencesFor(offered: OfferedCodecs, input: InputTrack): CodecPreference[] {
  const wanted: readonly CodecName[] = input.kind === 'video' ? offered.videoCodecs : offered.audioCodecs;
  const codecs = input.kind === 'video' ? offered.videoCodecs.filter((codec) => offered.encodable.includes(codec)) : wanted;
  const { encoded } = input;
  if (!encoded || offered.passthrough === 'never')
    return withLastResort(
      codecs,
      codecs.flatMap((name) => preferencesOf(name, input)),
    );
  const own = ownPreferences(encoded, input);
  if (offered.passthrough === 'always') return own;
  if (!wanted.includes(encoded.codec))
    return withLastResort(
      codecs,
      codecs.flatMap((name) => preferencesOf(name, input)),
    );
  const usual = isSpecial(encoded) && codecs.includes(encoded.codec) ? preferencesOf(encoded.codec, input) : [];
  const others = codecs.filter((codec) => codec !== encoded.codec);
  return withLastResort(codecs, [...own, ...usual, ...others.flatMap((name) => preferencesOf(name, input))]);
}

function withLastResort(codecs: readonly CodecName[], preferences: readonly CodecPreference[]): CodecPreference[] {
  return [...preferences, ...(codecs.includes('H264') ? [H264_SINGLE_UNITS] : [])];
}

/** H.264 of another profile than everybody decodes: offered as what it is, and as usual besides. What is special to Baseline nobody uses. */
function isSpecial({ profileLevelId }: EncodedFormat): boolean {
  return profileLevelId !== undefined && !profileLevelId.startsWith('42');
}

function ownPreferences(encoded: EncodedFormat, input: InputTrack): CodecPreference[] {
  const own = preferencesOf(encoded.codec, input);
  if (!isSpecial(encoded)) return own;
  const fmtp = { 'packetization-mode': '1', 'profile-level-id': encoded.profileLevelId!, 'level-asymmetry-allowed': '1' };
  return own.map((preference) => ({ ...preference, fmtp }));
}

function preferencesOf(name: CodecName, input: InputTrack): CodecPreference[] {
  return input.kind === 'video'
    ? [videoPreferences[name as VideoCodecName]]
    : soundPreferences(name as AudioCodecName, input.format);
}

/** H.264 for peers that take one NAL unit a packet and nothing else (packetization-mode 0, RFC 6184 §6.2): the last resort. */
const H264_SINGLE_UNITS: CodecPreference = {
  ...videoPreferences.H264,
  fmtp: { 'packetization-mode': '0', 'profile-level-id': '42e01f', 'level-asymmetry-allowed': '1' },
  secondary: true,
};

/** What the negotiated format asks of an encoding of its own; undefined where it is the form in which all have that codec. */
function formOf(h264: CodecParameters['h264']): EncodingForm | undefined {
  if (!h264) return undefined;
  const profile = ENCODED_PROFILES[h264.profile];
  const form: EncodingForm = {
    ...(h264.packetizationMode === 0 ? { packetizationMode: 0 } : {}),
    ...(profile === undefined ? {} : { profile }),
    ...(h264.level === undefined ? {} : { level: h264.level }),
  };
  return Object.keys(form).length > 0 ? form : undefined;
}

/** How pictures are encoded for a decoder of each profile. */
const ENCODED_PROFILES: Readonly<Record<string, EncodingForm['profile']>> = {
  main: 'main',
  'constrained-high': 'high',
  high: 'high',
  'high-10': 'high',
  'high-4:2:2': 'high',
  'high-4:4:4': 'high',
};

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

/** What a peer asks of its codec's encoding beyond the codec. */
export interface EncodingForm extends Pick<EncodingOptions, 'profile' | 'level'> {
  /** H264: 0 for NAL units that each fit into a packet. */
  readonly packetizationMode?: 0;
}

/** What a session wants to be sent of a track. Sessions that want the same can share it. */
export interface WantedMedia {
  readonly codec: CodecName;
  /** Of sound. */
  readonly format?: AudioFormat;
  /** Of pictures, where it is not the form in which all have that codec. */
  readonly form?: EncodingForm;
  /** Of pictures, where several sizes are sent at once: how many times smaller it is, whatever its bitrate. */
  readonly scale?: number;
  /** Largest packet, bytes. Default 1200. */
  readonly mtu?: number;
}

/** What to send as the codec that was agreed on, in packets of up to `mtu` bytes. */
export function wantedMedia(agreed: CodecPreference | CodecParameters, input: InputTrack, mtu?: number): WantedMedia {
  const { name, channels, clockRate } = agreed;
  const codec = name.toUpperCase() as CodecName;
  if (input.kind === 'video') {
    const form = 'h264' in agreed ? formOf(agreed.h264) : undefined;
    return { codec, ...(form ? { form } : {}), ...ownMtu(mtu) };
  }
  // Opus says two whatever there is (RFC 7587 §7).
  if (codec === 'OPUS') return { codec, format: encodedFormat(codec, input.format.channels) };
  const format = { channels: channels ?? 1, sampleRate: clockRate };
  // Packets of compressed sound are what they are.
  return { codec, format, ...(AUDIO_CODECS[codec as AudioCodecName].bitsPerSample ? ownMtu(mtu) : {}) };
}

function ownMtu(mtu = DEFAULT_MTU): Pick<WantedMedia, 'mtu'> {
  return mtu === DEFAULT_MTU ? {} : { mtu };
}

/** What an encoder of sound makes, bit/s, and in how many packets a second. */
export function soundRates({ codec, format, mtu }: WantedMedia): { readonly bitrate: number; readonly packetRate: number } {
  if (!format) return { bitrate: 0, packetRate: 0 };
  const sound = codec as AudioCodecName;
  const bitrate = audioBitrate(sound, format);
  const { bitsPerSample } = AUDIO_CODECS[sound];
  return {
    bitrate,
    packetRate: bitsPerSample ? format.sampleRate / packetSamples(sound, format, maxPayloadLength(mtu)) : OPUS_PACKET_RATE,
  };
}

/** Opus packets of 20 ms. */
const OPUS_PACKET_RATE = 50;
