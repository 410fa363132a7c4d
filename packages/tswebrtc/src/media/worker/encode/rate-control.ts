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

/** Seconds of the target bitrate that the x264 rate buffer holds: one keyframe may take that much. */
const BUFFER_SECONDS = 0.2;

/**
 * For x264: constant quality, capped. The encoder is opened with a quality and no bitrate; maximum rate and buffer are what
 * it takes while running.
 */
export function cappedQuality(context: CodecContext, bitrate: number): RateControl {
  const set = (rate: number): true => {
    context.rcMaxRate = BigInt(Math.round(rate));
    context.rcBufferSize = Math.round(rate * BUFFER_SECONDS);
    return true;
  };
  set(bitrate);
  let pts = 0;
  return {
    setBitrate: set,
    stamp: (elapsed, duration) => ({ pts: (pts += elapsed), duration }),
  };
}

/** Longest virtual step, so that a pause of the input does not earn the encoder a fortune of bits. Ticks. */
const MAX_STEP = TICKS_PER_SECOND / 2;

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
