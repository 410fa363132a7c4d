/** What a decoder has to know of a stream, from its session description. */
import {
  AV_CHANNEL_LAYOUT_MONO,
  AV_CHANNEL_LAYOUT_STEREO,
  AV_CODEC_ID_AAC,
  AV_CODEC_ID_ADPCM_G722,
  AV_CODEC_ID_AV1,
  AV_CODEC_ID_H264,
  AV_CODEC_ID_HEVC,
  AV_CODEC_ID_MJPEG,
  AV_CODEC_ID_OPUS,
  AV_CODEC_ID_PCM_ALAW,
  AV_CODEC_ID_PCM_MULAW,
  AV_CODEC_ID_PCM_S16BE,
  AV_CODEC_ID_VP8,
  AV_CODEC_ID_VP9,
  type AVCodecID,
  AVMEDIA_TYPE_AUDIO,
  AVMEDIA_TYPE_VIDEO,
} from 'node-av/constants';
import { CodecParameters } from 'node-av/lib';
import type { MediaSection } from './media-sections.ts';

const CODEC_IDS: Readonly<Record<string, AVCodecID>> = {
  AV1: AV_CODEC_ID_AV1,
  G722: AV_CODEC_ID_ADPCM_G722,
  H264: AV_CODEC_ID_H264,
  H265: AV_CODEC_ID_HEVC,
  JPEG: AV_CODEC_ID_MJPEG,
  L16: AV_CODEC_ID_PCM_S16BE,
  'MPEG4-GENERIC': AV_CODEC_ID_AAC,
  OPUS: AV_CODEC_ID_OPUS,
  PCMA: AV_CODEC_ID_PCM_ALAW,
  PCMU: AV_CODEC_ID_PCM_MULAW,
  VP8: AV_CODEC_ID_VP8,
  VP9: AV_CODEC_ID_VP9,
};

/** Whether packets of this stream can be put together here. */
export function isReadable({ codec, fmtp }: MediaSection): boolean {
  return codec in CODEC_IDS && (codec !== 'MPEG4-GENERIC' || fmtp.config !== undefined);
}

/** Without the size of the picture, which keyframes tell. */
export function parametersOf(section: MediaSection): CodecParameters {
  const { kind, codec, clockRate, channels } = section;
  const parameters = new CodecParameters();
  parameters.alloc();
  parameters.codecId = CODEC_IDS[codec]!;
  parameters.codecType = kind === 'video' ? AVMEDIA_TYPE_VIDEO : AVMEDIA_TYPE_AUDIO;
  const configuration = configurationOf(section);
  if (configuration.length > 0) parameters.extradata = configuration;
  if (kind === 'audio') {
    // RFC 3551 §4.5.2: the clock of G.722 runs at half its rate, by mistake and for ever.
    parameters.sampleRate = codec === 'G722' ? 16_000 : clockRate;
    parameters.channelLayout = channels > 1 ? AV_CHANNEL_LAYOUT_STEREO : AV_CHANNEL_LAYOUT_MONO;
  }
  return parameters;
}

const START_CODE = Buffer.from([0, 0, 0, 1]);

/** What the stream's description says that packets may not: parameter sets (Annex B), an AAC configuration. */
function configurationOf({ codec, fmtp }: MediaSection): Buffer {
  if (codec === 'MPEG4-GENERIC') return Buffer.from(fmtp.config ?? '', 'hex');
  const sets =
    codec === 'H264'
      ? [fmtp['sprop-parameter-sets']]
      : codec === 'H265'
        ? [fmtp['sprop-vps'], fmtp['sprop-sps'], fmtp['sprop-pps']]
        : [];
  const units = sets.flatMap((set) => set?.split(',') ?? []).map((text) => Buffer.from(text, 'base64'));
  return Buffer.concat(units.filter(({ length }) => length > 0).flatMap((unit) => [START_CODE, unit]));
}
