/**
 * How a running encoder is brought to another bitrate. No encoder's own way will do for all: x264 takes new limits at run
 * time, libvpx through this library does not, others must be opened anew.
 */
import type { CodecContext } from 'node-av/lib';

/** Ticks a second of every encoder's time base: RTP's video clock. */
export const TICKS_PER_SECOND = 90_000;

export interface RateControl {
  /** Takes a new target, bit/s. */
  setBitrate(bitrate: number): void;
  /** Whether the encoder has to be opened anew for the target. `now`: ms on any steady clock. Without it, never. */
  outdated?(now: number): boolean;
  /**
   * The times (ticks) to give to the encoder for a frame that follows the one before by `elapsed`, or undefined when the frame
   * is to be given up to hold the target. A keyframe never is.
   */
  stamp(elapsed: number, duration: number, keyframe: boolean): { pts: number; duration: number } | undefined;
  /** Takes note of what came out, bits. */
  spent?(bits: number): void;
}

/** Longest time between two frames that counts as such and not as a pause of the input. Ticks. */
const MAX_STEP = TICKS_PER_SECOND / 2;

/** Seconds of the target bitrate that the x264 rate buffer holds: one keyframe may take that much. */
const BUFFER_SECONDS = 0.2;
/** Share of the target at which x264 is capped: it takes the cap for an average and comes out a little above. */
const CAP_SHARE = 0.97;
/** The frame rate is taken to have changed when the average distance of frames has moved by this share. */
const INTERVAL_CHANGE = 0.1;
/** Weight of one frame in that average. */
const INTERVAL_WEIGHT = 1 / 8;

/** Sets what caps x264's bitrate, bit/s. `rate` may differ from `bitrate` where frames are not as far apart as it believes. */
export function setCap(context: CodecContext, bitrate: number, bufferSeconds = BUFFER_SECONDS, rate = bitrate): void {
  context.rcMaxRate = BigInt(Math.round(rate));
  context.rcBufferSize = Math.round(Math.max(bitrate, rate) * bufferSeconds);
}

/**
 * For x264: constant quality, capped. The encoder is opened with a quality and no bitrate; maximum rate and buffer are what
 * it takes while running. It counts frames at the rate it was opened with (to make it look at their times would cost a
 * frame's delay), so the cap is scaled where frames really come at another.
 *
 * @param framerate What the encoder was opened with.
 */
export function cappedQuality(
  context: CodecContext,
  bitrate: number,
  framerate: number,
  bufferSeconds = BUFFER_SECONDS,
): RateControl {
  const nominal = TICKS_PER_SECOND / framerate;
  let target = bitrate;
  let interval = nominal;
  let applied = nominal;
  let pts = 0;
  const apply = (): void => {
    applied = interval;
    setCap(context, target, bufferSeconds, (CAP_SHARE * target * interval) / nominal);
  };
  apply();
  return {
    setBitrate: (next) => {
      target = next;
      apply();
    },
    stamp: (elapsed, duration) => {
      if (elapsed > 0) interval += (Math.min(elapsed, MAX_STEP) - interval) * INTERVAL_WEIGHT;
      if (Math.abs(interval - applied) > applied * INTERVAL_CHANGE) apply();
      return { pts: (pts += elapsed), duration };
    },
  };
}

/** Seconds of the target that may be saved up for later. */
const CREDIT_SECONDS = 0.05;
/** Seconds over the target that are let pass as the unevenness of frames. */
const FREE_SECONDS = 0.05;
/** Seconds in which what was spent beyond that is paid back. */
const PAYBACK_SECONDS = 0.5;
/** The least share of the target that an encoder in debt is told. */
const LEAST_SHARE = 0.4;
/** Most growth from one frame to the next: what the encoder knows of the content at a low rate is wrong at a far higher one. */
const GROWTH = 1.2;
/** Seconds over the target from which on frames are given up, each with how many in a row: one in two, two in three, four in five. */
const GIVE_UP = [
  { seconds: 1.5, frames: 4 },
  { seconds: 1, frames: 2 },
  { seconds: 0.5, frames: 1 },
] as const;

/**
 * For libvpx: time-warp. The encoder's bits per frame follow from its bitrate and from the time between frames, so an
 * encoder opened at `nominal` bit/s is brought to another target by stretching the time it is told.
 *
 * The encoder's own rate buffer is in bits of the nominal rate, seconds long at a low target and too short to be of use at a
 * high one. So what was really spent is counted here, against the real time: a debt is paid by telling the encoder less
 * time, and where the coarsest quantiser does not suffice, by giving up frames. Few in a row, since the longer the pause, the
 * more has moved and the larger the next frame.
 */
export function timeWarp(nominal: number, bitrate: number): RateControl {
  let target = bitrate;
  /** What the encoder is told, bit/s. */
  let rate = bitrate;
  /** Bits spent beyond the target. */
  let debt = 0;
  let givenUp = 0;
  let pts = 0;
  let first = true;
  return {
    setBitrate: (next) => {
      target = next;
    },
    stamp: (elapsed, duration, keyframe) => {
      const step = Math.min(elapsed, MAX_STEP);
      debt = Math.max(debt - (target * step) / TICKS_PER_SECOND, -CREDIT_SECONDS * target);
      const seconds = debt / target;
      const row = GIVE_UP.find((one) => seconds > one.seconds)?.frames ?? 0;
      if (givenUp < row && !keyframe) {
        givenUp++;
        return undefined;
      }
      givenUp = 0;
      const share = Math.min(1, Math.max(LEAST_SHARE, 1 - (seconds - FREE_SECONDS) / PAYBACK_SECONDS));
      rate = Math.min(share * target, rate * GROWTH);
      const warp = rate / nominal;
      if (!first) pts += Math.max(1, Math.round(step * warp));
      first = false;
      return { pts, duration: Math.max(1, Math.round(duration * warp)) };
    },
    spent: (bits) => {
      debt += bits;
    },
  };
}

/** Seconds of the bitrate in the rate buffer of an encoder that takes one: a keyframe may take that much. */
const CONSTANT_BUFFER_SECONDS = 0.3;

/** Tells an encoder a constant bitrate, bit/s. */
export function setConstantRate(context: CodecContext, bitrate: number, bufferSeconds = CONSTANT_BUFFER_SECONDS): void {
  context.bitRate = context.rcMaxRate = BigInt(Math.round(bitrate));
  context.rcBufferSize = Math.round(bitrate * bufferSeconds);
}

/** For encoders that read the fields of their context with every frame. */
export function liveRate(context: CodecContext, bitrate: number): RateControl {
  let pts = 0;
  setConstantRate(context, bitrate);
  return {
    setBitrate: (next) => setConstantRate(context, next),
    stamp: (elapsed, duration) => ({ pts: (pts += elapsed), duration }),
  };
}

/** A fixed encoder above the target by more than this factor is replaced at once; by less, it may wait. */
const FAR_ABOVE = 1.5;
const ABOVE = 1.1;
/** Below the target by more than this factor it is replaced, too, but only once that has lasted, ms. */
const BELOW = 1.3;
const BELOW_TIME = 3000;
/** An encoder lives for so long at least, ms, unless it is far above. Each one begins with a keyframe. */
const LEAST_LIFE = 1500;

/**
 * For encoders that cannot change while they run: they are opened anew, with a keyframe, which costs more than a bitrate a little
 * wrong. So down soon, as the path wants it, and up seldom.
 */
export function fixedRate(bitrate: number): RateControl {
  let target = bitrate;
  let pts = 0;
  let opened: number | undefined;
  let belowSince: number | undefined;
  return {
    setBitrate: (next) => {
      target = next;
    },
    outdated: (now) => {
      opened ??= now;
      if (bitrate <= target * ABOVE && bitrate * BELOW >= target) {
        belowSince = undefined;
        return false;
      }
      if (bitrate > target * FAR_ABOVE) return true;
      if (bitrate > target) return now - opened >= LEAST_LIFE;
      belowSince ??= now;
      return now - belowSince >= BELOW_TIME;
    },
    stamp: (elapsed, duration) => ({ pts: (pts += elapsed), duration }),
  };
}
