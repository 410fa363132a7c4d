/**
 * The encoders in graphics cards and systems on a chip. All of them: constant bitrate, no frames that wait for later ones, keyframes on
 * demand only (the reference's defaults for its own). They open only where there are such devices and drivers.
 */
import {
  AV_PROFILE_H264_BASELINE,
  AV_PROFILE_H264_CONSTRAINED,
  AV_PROFILE_H264_HIGH,
  AV_PROFILE_H264_MAIN,
  type AVProfile,
} from 'node-av/constants';
import type { CodecContext } from 'node-av/lib';
import type { VideoCodecName } from '../../types.ts';
import { type ByTune, KEYFRAME_INTERVAL, type VideoEncoderRow, type VideoSettings } from './encoder-row.ts';
import { fixedRate, liveRate, setConstantRate } from './rate-control.ts';
import { readVp8FrameHeader } from './vp8-frame-header.ts';
import { readVp9FrameHeader } from './vp9-frame-header.ts';

const NVENC_PRESETS: ByTune<string> = { latency: 'p1', balanced: 'p4', quality: 'p6' };
const QSV_PRESETS: ByTune<string> = { latency: 'veryfast', balanced: 'medium', quality: 'slow' };

/** A frame of one layer, whose quantiser only its own header tells. */
const INSPECT: Partial<Record<VideoCodecName, VideoEncoderRow['inspect']>> = {
  VP8: (data) => ({ quantiser: readVp8FrameHeader(data).quantiser, temporalLayer: 0 }),
  VP9: (data) => ({ quantiser: readVp9FrameHeader(data)?.quantiser ?? 0, temporalLayer: 0 }),
};

type Row = Pick<VideoEncoderRow, 'layout' | 'device' | 'control'> & {
  readonly options: (codec: VideoCodecName, settings: VideoSettings, context: CodecContext) => Record<string, string | number>;
};

function row(codec: VideoCodecName, implementation: string, { options, ...rest }: Row): VideoEncoderRow {
  const inspect = INSPECT[codec];
  return {
    codec,
    implementation,
    ...rest,
    ...(inspect ? { inspect } : {}),
    configure(context: CodecContext, settings) {
      context.gopSize = KEYFRAME_INTERVAL;
      context.maxBFrames = 0;
      setConstantRate(context, settings.bitrate);
      return options(codec, settings, context);
    },
  };
}

const h264Profile = (codec: VideoCodecName, { profile }: VideoSettings, baseline: string): Record<string, string> =>
  codec === 'H264' ? { profile: profile === 'constrained-baseline' || profile === 'baseline' ? baseline : profile } : {};

/** NVIDIA: takes pictures from memory and a new bitrate while it runs. */
const nvenc: Row = {
  options: (codec, settings) => ({
    preset: NVENC_PRESETS[settings.tune],
    tune: 'ull',
    rc: 'cbr',
    zerolatency: 1,
    delay: 0,
    'forced-idr': 1,
    ...h264Profile(codec, settings, 'baseline'),
  }),
  control: (context, { bitrate }) => liveRate(context, bitrate),
};

/** Intel: likewise, from surfaces of its own. */
const qsv: Row = {
  layout: 'NV12',
  device: 'qsv',
  options: (codec, settings) => ({
    preset: QSV_PRESETS[settings.tune],
    async_depth: 1,
    look_ahead: 0,
    forced_idr: 1,
    ...h264Profile(codec, settings, 'baseline'),
  }),
  control: (context, { bitrate }) => liveRate(context, bitrate),
};

/** Intel and AMD on Linux. */
const vaapi: Row = {
  layout: 'NV12',
  device: 'vaapi',
  options: (codec, settings) => ({ rc_mode: 'CBR', async_depth: 1, ...h264Profile(codec, settings, 'constrained_baseline') }),
  control: (_, { bitrate }) => fixedRate(bitrate),
};

const CONSTRAINED_BASELINE = (AV_PROFILE_H264_BASELINE | AV_PROFILE_H264_CONSTRAINED) as AVProfile;
const V4L2_PROFILES: Readonly<Record<VideoSettings['profile'], AVProfile>> = {
  'constrained-baseline': CONSTRAINED_BASELINE,
  baseline: CONSTRAINED_BASELINE,
  main: AV_PROFILE_H264_MAIN,
  high: AV_PROFILE_H264_HIGH,
};

/** Systems on a chip under Linux. The profile is a field of the context, no option. */
const v4l2m2m: Row = {
  layout: 'NV12',
  options(codec, { profile }, context) {
    if (codec === 'H264') context.profile = V4L2_PROFILES[profile];
    return { num_output_buffers: 4, num_capture_buffers: 4 };
  },
  control: (_, { bitrate }) => fixedRate(bitrate),
};

/** macOS. */
const videotoolbox: Row = {
  layout: 'NV12',
  options: (codec, settings) => ({ realtime: 1, prio_speed: 1, ...h264Profile(codec, settings, 'constrained_baseline') }),
  control: (_, { bitrate }) => fixedRate(bitrate),
};

export const HARDWARE_ENCODERS: readonly VideoEncoderRow[] = [
  row('H264', 'h264_nvenc', nvenc),
  row('H265', 'hevc_nvenc', nvenc),
  row('AV1', 'av1_nvenc', nvenc),
  row('H264', 'h264_qsv', qsv),
  row('H265', 'hevc_qsv', qsv),
  row('VP9', 'vp9_qsv', qsv),
  row('AV1', 'av1_qsv', qsv),
  row('H264', 'h264_vaapi', vaapi),
  row('H265', 'hevc_vaapi', vaapi),
  row('VP8', 'vp8_vaapi', vaapi),
  row('VP9', 'vp9_vaapi', vaapi),
  row('AV1', 'av1_vaapi', vaapi),
  row('H264', 'h264_v4l2m2m', v4l2m2m),
  row('H265', 'hevc_v4l2m2m', v4l2m2m),
  row('VP8', 'vp8_v4l2m2m', v4l2m2m),
  row('H264', 'h264_videotoolbox', videotoolbox),
  row('H265', 'hevc_videotoolbox', videotoolbox),
];
