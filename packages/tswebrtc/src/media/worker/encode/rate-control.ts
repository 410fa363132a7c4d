/**
 * How a running encoder is brought to another bitrate. No encoder's own way will do for all: x264 takes new limits at run
 * time, libvpx through this library does not, others must be opened anew.
 */
import type { CodecContext } from 'node-av/lib';

/** Ticks a second of every encoder's time base: RTP's video clock. */
export const TICKS_PER_SECOND = 90_000;

export interface RateControl {
  /** Takes a new target (bit/s); false when the encoder has to be opened anew for it. */
  setBitrate(bitrate: number): boolean;
  /** The times (ticks) to give to the encoder for a frame that follows the one before by `elapsed`. */
  stamp(elapsed: number, duration: number): { pts: number; duration: number };
}

/** Longest time between two frames that counts as such and not as a pause of the input. Ticks. */
const MAX_STEP = TICKS_PER_SECOND / 2;

/** Seconds of the target bitrate that the x264 rate buffer holds: one keyframe may take that much. */
const BUFFER_SECONDS = 0.2;
/** The frame rate is taken to have changed when the average distance of frames has moved by this share. */
const INTERVAL_CHANGE = 0.1;
/** Weight of one frame in that average. */
const INTERVAL_WEIGHT = 1 / 8;

/** Sets what caps x264's bitrate, bit/s. `rate` may differ from `bitrate` where frames are not as far apart as it believes. */
export function setCap(context: CodecContext, bitrate: number, rate = bitrate): void {
  context.rcMaxRate = BigInt(Math.round(rate));
  context.rcBufferSize = Math.round(Math.max(bitrate, rate) * BUFFER_SECONDS);
}

/**
 * For x264: constant quality, capped. The encoder is opened with a quality and no bitrate; maximum rate and buffer are what
 * it takes while running. It counts frames at the rate it was opened with (to make it look at their times would cost a
 * frame's delay), so the cap is scaled where frames really come at another.
 *
 * @param framerate What the encoder was opened with.
 */
export function cappedQuality(context: CodecContext, bitrate: number, framerate: number): RateControl {
  const nominal = TICKS_PER_SECOND / framerate;
  let target = bitrate;
  let interval = nominal;
  let applied = nominal;
  let pts = 0;
  const apply = (): void => {
    applied = interval;
    setCap(context, target, (target * interval) / nominal);
  };
  apply();
  return {
    setBitrate: (next) => {
      target = next;
      apply();
      return true;
    },
    stamp: (elapsed, duration) => {
      if (elapsed > 0) interval += (Math.min(elapsed, MAX_STEP) - interval) * INTERVAL_WEIGHT;
      if (Math.abs(interval - applied) > applied * INTERVAL_CHANGE) apply();
      return { pts: (pts += elapsed), duration };
    },
  };
}

/**
 * For libvpx: time-warp. The encoder's bits per frame follow from its bitrate and from the time between frames, so an
 * encoder opened at `nominal` bit/s is brought to another target by stretching the time it is told.
 */
export function timeWarp(nominal: number, bitrate: number): RateControl {
  let ratio = bitrate / nominal;
  let pts = 0;
  let first = true;
  return {
    setBitrate: (target) => {
      ratio = target / nominal;
      return true;
    },
    stamp: (elapsed, duration) => {
      if (!first) pts += Math.max(1, Math.round(Math.min(elapsed, MAX_STEP) * ratio));
      first = false;
      return { pts, duration: Math.max(1, Math.round(duration * ratio)) };
    },
  };
}

/** For encoders that cannot change while they run. */
export function reopen(): RateControl {
  let pts = 0;
  return {
    setBitrate: () => false,
    stamp: (elapsed, duration) => ({ pts: (pts += elapsed), duration }),
  };
}
