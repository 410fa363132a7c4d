/** The caps by which producers and consumers name their codecs (reference §2.4), which tell one codec from another. */
import type { AudioCodecName, VideoCodecName } from '../media/types.ts';

export const VIDEO_TYPES: { readonly [K in VideoCodecName]: string } = {
  VP8: 'video/x-vp8',
  H264: 'video/x-h264',
  VP9: 'video/x-vp9',
  H265: 'video/x-h265',
  AV1: 'video/x-av1',
};

export const AUDIO_TYPES: { readonly [K in AudioCodecName]: string } = {
  OPUS: 'audio/x-opus',
  MULTIOPUS: 'audio/x-opus,channel-mapping-family=1',
  L24: 'audio/x-raw,format=S24BE',
  L16: 'audio/x-raw,format=S16BE',
  PCMU: 'audio/x-mulaw',
  PCMA: 'audio/x-alaw',
};
