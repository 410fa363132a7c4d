/**
 * The encoders there are, in order of preference. To add a codec, or hardware for one, add a row: the first row of a codec
 * that opens is taken.
 */
import { availableParallelism } from 'node:os';
import { FF_THREAD_SLICE } from 'node-av/constants';
import { type CodecContext, Rational } from 'node-av/lib';
import type { CodecName, EncodingOptions } from '../../types.ts';
import { cappedQuality, fixedRate, type RateControl, setCap, timeWarp } from './rate-control.ts';
import { readVp8FrameHeader } from './vp8-frame-header.ts';
import { readVp9FrameHeader } from './vp9-frame-header.ts';

export interface VideoSettings {
  readonly width: number;
  readonly height: number;
  /** Frames per second, a guess where the input does not tell. */
  readonly framerate: number;
  /** bit/s */
  readonly bitrate: number;
  readonly profile: NonNullable<EncodingOptions['profile']>;
  /** Asked for; a codec that cannot makes one. */
  readonly temporalLayers: NonNullable<EncodingOptions['temporalLayers']>;
}

export interface VideoEncoderRow {
  readonly codec: CodecName;
  /** FFmpeg's name of the encoder. */
  readonly implementation: string;
  /** Sets fields of the context and returns the options to open it with. */
  configure(context: CodecContext, settings: VideoSettings): Record<string, string | number>;
  /** What the encoder's wrapper does not say of a packet; without this a packet is of layer 0 and FFmpeg knows its quantiser. */
  inspect?(data: Uint8Array, settings: VideoSettings): { readonly quantiser: number; readonly temporalLayer: number };
  /** Called once the encoder is open. */
  control(context: CodecContext, settings: VideoSettings): RateControl;
}

/** Keyframes come on demand only; this is the most frames between two. */
const KEYFRAME_INTERVAL = 2560;
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

/** Where the rate buffer of an encoder is given in bits: of so many seconds. A keyframe may take that much. */
const BUFFER_SECONDS = 0.3;

const x264: VideoEncoderRow = {
  codec: 'H264',
  implementation: 'libx264',
  configure(context, { bitrate, profile }) {
    context.gopSize = KEYFRAME_INTERVAL;
    context.maxBFrames = 0;
    // Slices, not frames: frame threads would hold a frame back for each thread.
    context.threadCount = Math.min(2, availableParallelism());
    context.threadType = FF_THREAD_SLICE;
    setCap(context, bitrate);
    const baseline = profile === 'constrained-baseline' || profile === 'baseline';
    return {
      preset: 'ultrafast',
      tune: 'zerolatency',
      crf: 20,
      'forced-idr': 1,
      sc_threshold: 0,
      profile: baseline ? 'baseline' : profile,
      // The fastest preset leaves out what the higher profiles are for.
      ...(baseline ? {} : { coder: 'cabac' }),
      ...(profile === 'high' ? { 'x264-params': '8x8dct=1' } : {}),
    };
  },
  control: (context, { bitrate, framerate }) => cappedQuality(context, bitrate, framerate),
};

const vp8: VideoEncoderRow = {
  codec: 'VP8',
  implementation: 'libvpx',
  configure(context, { width, height, temporalLayers }) {
    context.gopSize = 999_999;
    context.threadCount = width * height > ONE_THREAD_AREA && availableParallelism() >= TWO_THREAD_CORES ? 2 : 1;
    // All three equal is what libvpx takes for constant bitrate.
    context.bitRate = context.rcMaxRate = context.rcMinRate = BigInt(VPX_NOMINAL);
    context.rcBufferSize = VPX_NOMINAL;
    return {
      deadline: 'realtime',
      'cpu-used': -6,
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
  configure(context, { temporalLayers }) {
    context.gopSize = 999_999;
    // Tile columns are 256 pixels wide at least: two threads find enough rows to do at any size.
    context.threadCount = availableParallelism() >= TWO_THREAD_CORES ? 2 : 1;
    context.bitRate = context.rcMaxRate = context.rcMinRate = BigInt(VPX_NOMINAL);
    context.rcBufferSize = VPX_NOMINAL;
    return {
      deadline: 'realtime',
      'cpu-used': 8,
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
  configure(context, { bitrate }) {
    setConstantRate(context, bitrate);
    return {
      preset: 'ultrafast',
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
  configure(context, { bitrate }) {
    context.gopSize = KEYFRAME_INTERVAL;
    context.maxBFrames = 0;
    context.bitRate = BigInt(Math.round(bitrate));
    return {
      preset: 11,
      // Low delay, constant bitrate, no search for scenes; `lp` is the number of threads.
      'svtav1-params': `pred-struct=1:rc=2:scd=0:lp=${Math.min(2, availableParallelism())}:buf-sz=${1000 * BUFFER_SECONDS}:buf-initial-sz=200:buf-optimal-sz=200`,
    };
  },
  control: (_, { bitrate }) => fixedRate(bitrate),
};

/** For encoders that take a bitrate when they are opened and keep to it by a rate buffer. */
function setConstantRate(context: CodecContext, bitrate: number): void {
  context.gopSize = KEYFRAME_INTERVAL;
  context.maxBFrames = 0;
  context.bitRate = context.rcMaxRate = BigInt(Math.round(bitrate));
  context.rcBufferSize = Math.round(bitrate * BUFFER_SECONDS);
}

export const VIDEO_ENCODERS: readonly VideoEncoderRow[] = [vp8, x264, vp9, x265, svtAv1];

/** The time base of video encoders. */
export function videoTimeBase(): Rational {
  return new Rational(1, 90_000);
}
