/** The audio encoders there are. To add a codec, add a row. */
import { AV_SAMPLE_FMT_FLT, AV_SAMPLE_FMT_S16, AV_SAMPLE_FMT_S32, type AVSampleFormat } from 'node-av/constants';
import type { CodecContext } from 'node-av/lib';
import { packetSamples } from '../../audio-codecs.ts';
import type { AudioCodecName } from '../../types.ts';
import type { SampleFormat } from '../raw-audio.ts';

export interface AudioSettings extends SampleFormat {
  /** bit/s */
  readonly bitrate: number;
  readonly inbandFec: boolean;
  readonly dtx: boolean;
  /** Percent. */
  readonly expectedLoss: number;
  /** Bytes, of codecs that do not compress. */
  readonly maxPacketSize?: number | undefined;
}

/** Opus packets of up to so many bytes hold no sound (libopus, `opus_encode`). */
const OPUS_EMPTY = 2;

export interface AudioEncoderRow {
  readonly codec: AudioCodecName;
  readonly implementation: string;
  /** What it takes, interleaved. */
  readonly sampleType: AVSampleFormat;
  /** Sample frames in a packet. */
  frameSize(settings: Pick<AudioSettings, keyof SampleFormat | 'maxPacketSize'>): number;
  configure(context: CodecContext, settings: AudioSettings): Record<string, string | number>;
  /** False for a packet that says nothing and need not be sent. */
  isWorthSending(data: Uint8Array, settings: AudioSettings): boolean;
}

/** `mappingFamily`: how channels are divided into streams (RFC 7845 §5.1.1); 1 is what libwebrtc's multiopus is. */
const opus = (codec: AudioCodecName, mappingFamily: 0 | 1): AudioEncoderRow => ({
  codec,
  implementation: 'libopus',
  sampleType: AV_SAMPLE_FMT_FLT,
  frameSize: () => 960,
  configure(context, { bitrate, inbandFec, dtx, expectedLoss }) {
    context.bitRate = BigInt(Math.round(bitrate));
    return {
      application: 'audio',
      frame_duration: 20,
      // Packets of many channels are large, and none may be larger than a link takes.
      vbr: mappingFamily === 1 ? 'off' : 'constrained',
      fec: inbandFec ? 1 : 0,
      packet_loss: Math.round(expectedLoss),
      dtx: dtx ? 1 : 0,
      ...(mappingFamily === 1 ? { mapping_family: 1 } : {}),
    };
  },
  isWorthSending: (data, { dtx }) => !dtx || data.length > OPUS_EMPTY,
});

/** Samples as they are, or companded, in network byte order. */
const pcm = (codec: AudioCodecName, implementation: string, sampleType: AVSampleFormat): AudioEncoderRow => ({
  codec,
  implementation,
  sampleType,
  frameSize: (settings) => packetSamples(codec, settings, settings.maxPacketSize),
  configure: () => ({}),
  isWorthSending: () => true,
});

export const AUDIO_ENCODERS: readonly AudioEncoderRow[] = [
  opus('OPUS', 0),
  opus('MULTIOPUS', 1),
  pcm('L24', 'pcm_s24be', AV_SAMPLE_FMT_S32),
  pcm('L16', 'pcm_s16be', AV_SAMPLE_FMT_S16),
  pcm('PCMU', 'pcm_mulaw', AV_SAMPLE_FMT_S16),
  pcm('PCMA', 'pcm_alaw', AV_SAMPLE_FMT_S16),
];
