/** The encoders that run on the processor: x264, libvpx, x265, SVT-AV1. */
import { availableParallelism } from 'node:os';
import { FF_THREAD_SLICE } from 'node-av/constants';
import { type ByTune, KEYFRAME_INTERVAL, type VideoEncoderRow } from './encoder-row.ts';
import { cappedQuality, fixedRate, setCap, setConstantRate, timeWarp } from './rate-control.ts';
import { readVp8FrameHeader } from './vp8-frame-header.ts';
import { readVp9FrameHeader } from './vp9-frame-header.ts';

/** 1280 x 720: above it a second libvpx thread may pay, below it only spins. */
const ONE_THREAD_AREA = 1280 * 720;
/** A libvpx thread that waits for the other one spins: on fewer cores than these it takes the core the other one needs. */
const TWO_THREAD_CORES = 4;
/**
 * Bit/s at which libvpx is opened, and also the size of its rate buffer in bits. That suits the higher rates: a buffer that is
 * short there makes frames of very uneven size, and at low rates others count (rate-control.ts).
 */
const VPX_NOMINAL = 4_000_000;

/**
 * Layer 0 every other frame, for 60 % of the bits (rates are sums up to the layer, kbit/s). The mode, which has to come last, is
 * FFmpeg's pattern of a layer 1 that nothing refers to.
 */
const TWO_LAYERS = [
  'ts_number_layers=2',
  `ts_target_bitrate=${VPX_NOMINAL * 0.6e-3},${VPX_NOMINAL * 1e-3}`,
  'ts_rate_decimator=2,1',
  'ts_periodicity=2',
  'ts_layer_id=0,1',
  'ts_layering_mode=2',
].join(':');

/** How much time each quality preset gives an encoder for a frame, by the encoder's own scale. */
const X264_PRESETS: ByTune<string> = { latency: 'ultrafast', balanced: 'veryfast', quality: 'faster' };
const X265_PRESETS: ByTune<string> = { latency: 'ultrafast', balanced: 'superfast', quality: 'veryfast' };
const VP8_SPEEDS: ByTune<number> = { latency: -6, balanced: -4, quality: -2 };
const VP9_SPEEDS: ByTune<number> = { latency: 8, balanced: 7, quality: 5 };
const SVT_PRESETS: ByTune<number> = { latency: 11, balanced: 9, quality: 8 };
/** Seconds of the bitrate in the rate buffer: the more, the better are keyframes and scenes, and the longer are they on their way. */
const X264_BUFFERS: ByTune<number> = { latency: 0.2, balanced: 0.35, quality: 0.5 };
const CONSTANT_BUFFERS: ByTune<number> = { latency: 0.3, balanced: 0.45, quality: 0.6 };

/** H.264's level 1b as a number of tenths, between 1.0 and 1.1. */
const LEVEL_1B = 10.5;

const x264: VideoEncoderRow = {
  codec: 'H264',
  implementation: 'libx264',
  configure(context, { bitrate, profile, tune, level }) {
    context.gopSize = KEYFRAME_INTERVAL;
    context.maxBFrames = 0;
    // Slices, not frames: frame threads would hold a frame back for each thread.
    context.threadCount = Math.min(2, availableParallelism());
    context.threadType = FF_THREAD_SLICE;
    setCap(context, bitrate, X264_BUFFERS[tune]);
    const baseline = profile === 'constrained-baseline' || profile === 'baseline';
    return {
      preset: X264_PRESETS[tune],
      tune: 'zerolatency',
      crf: 20,
      'forced-idr': 1,
      sc_threshold: 0,
      profile: baseline ? 'baseline' : profile,
      // The fastest preset leaves out what the higher profiles are for.
      ...(baseline ? {} : { coder: 'cabac' }),
      ...(level === undefined ? {} : { level: level === LEVEL_1B ? '1b' : (level / 10).toFixed(1) }),
      ...(profile === 'high' ? { 'x264-params': '8x8dct=1' } : {}),
    };
  },
  insist(options, { maxSliceSize }): Record<string, string> {
    if (maxSliceSize === undefined) return {};
    const params = options['x264-params'];
    return { 'x264-params': [...(params ? [params] : []), `slice-max-size=${maxSliceSize}`].join(':') };
  },
  control: (context, { bitrate, framerate, tune }) => cappedQuality(context, bitrate, framerate, X264_BUFFERS[tune]),
};

const vp8: VideoEncoderRow = {
  codec: 'VP8',
  implementation: 'libvpx',
  configure(context, { width, height, temporalLayers, tune }) {
    context.gopSize = 999_999;
    context.threadCount = width * height > ONE_THREAD_AREA && availableParallelism() >= TWO_THREAD_CORES ? 2 : 1;
    // All three equal is what libvpx takes for constant bitrate.
    context.bitRate = context.rcMaxRate = context.rcMinRate = BigInt(VPX_NOMINAL);
    context.rcBufferSize = VPX_NOMINAL;
    return {
      deadline: 'realtime',
      'cpu-used': VP8_SPEEDS[tune],
      'lag-in-frames': 0,
      'auto-alt-ref': 0,
      'error-resilient': 'default',
      // In percent of a frame: three frames' worth.
      'max-intra-rate': 300,
      // Its buffer steers nothing: debts are kept in rate-control.ts, as are frames to be given up.
      'undershoot-pct': 0,
      'overshoot-pct': 0,
      'drop-threshold': 0,
      ...(temporalLayers === 2 ? { 'ts-parameters': TWO_LAYERS } : {}),
    };
  },
  // From the frame and not from the pattern: right whatever the encoder did about keyframes and frames it gave up.
  inspect: (data, { temporalLayers }) => {
    const { quantiser, discardable } = readVp8FrameHeader(data);
    return { quantiser, temporalLayer: temporalLayers === 2 && discardable ? 1 : 0 };
  },
  control: (_, { bitrate }) => timeWarp(VPX_NOMINAL, bitrate),
};

const vp9: VideoEncoderRow = {
  codec: 'VP9',
  implementation: 'libvpx-vp9',
  configure(context, { temporalLayers, tune }) {
    context.gopSize = 999_999;
    // Tile columns are 256 pixels wide at least: two threads find enough rows to do at any size.
    context.threadCount = availableParallelism() >= TWO_THREAD_CORES ? 2 : 1;
    context.bitRate = context.rcMaxRate = context.rcMinRate = BigInt(VPX_NOMINAL);
    context.rcBufferSize = VPX_NOMINAL;
    return {
      deadline: 'realtime',
      'cpu-used': VP9_SPEEDS[tune],
      'row-mt': 1,
      'lag-in-frames': 0,
      'auto-alt-ref': 0,
      // In percent of a frame at the nominal rate: a keyframe of 25 kB.
      'max-intra-rate': 150,
      'undershoot-pct': 0,
      'overshoot-pct': 0,
      'drop-threshold': 0,
      // Only so is a frame of the upper layer not needed for the probabilities and motion vectors of the next.
      ...(temporalLayers === 2 ? { 'error-resilient': 'default', 'ts-parameters': TWO_LAYERS } : {}),
    };
  },
  inspect: (data, { temporalLayers }) => {
    const header = readVp9FrameHeader(data);
    return { quantiser: header?.quantiser ?? 0, temporalLayer: temporalLayers === 2 && header?.discardable ? 1 : 0 };
  },
  control: (_, { bitrate }) => timeWarp(VPX_NOMINAL, bitrate),
};

const x265: VideoEncoderRow = {
  codec: 'H265',
  implementation: 'libx265',
  configure(context, { bitrate, tune }) {
    context.gopSize = KEYFRAME_INTERVAL;
    context.maxBFrames = 0;
    setConstantRate(context, bitrate, CONSTANT_BUFFERS[tune]);
    return {
      preset: X265_PRESETS[tune],
      tune: 'zerolatency',
      'forced-idr': 1,
      // One frame at a time, whose rows two threads share: frame threads would hold a frame back each.
      'x265-params': [
        'log-level=none',
        'repeat-headers=1',
        'open-gop=0',
        'scenecut=0',
        'frame-threads=1',
        `pools=${Math.min(2, availableParallelism())}`,
      ].join(':'),
    };
  },
  control: (_, { bitrate }) => fixedRate(bitrate),
};

const svtAv1: VideoEncoderRow = {
  codec: 'AV1',
  implementation: 'libsvtav1',
  configure(context, { bitrate, tune }) {
    context.gopSize = KEYFRAME_INTERVAL;
    context.maxBFrames = 0;
    context.bitRate = BigInt(Math.round(bitrate));
    const buffer = Math.round(1000 * CONSTANT_BUFFERS[tune]);
    return {
      preset: SVT_PRESETS[tune],
      // Low delay, constant bitrate, no search for scenes; `lp` is the number of threads.
      'svtav1-params': [
        'pred-struct=1:rc=2:scd=0',
        `lp=${Math.min(2, availableParallelism())}`,
        `buf-sz=${buffer}:buf-initial-sz=${buffer >> 1}:buf-optimal-sz=${buffer >> 1}`,
      ].join(':'),
    };
  },
  control: (_, { bitrate }) => fixedRate(bitrate),
};

export const SOFTWARE_ENCODERS: readonly VideoEncoderRow[] = [vp8, x264, vp9, x265, svtAv1];
