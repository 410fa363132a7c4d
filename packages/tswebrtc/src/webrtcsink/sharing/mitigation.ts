/**
 * What a low bitrate costs besides quality (reference section 2.9): below 500 kbit/s half the frames, below 2 and 1 Mbit/s a
 * smaller picture, or what the application says instead. The thresholds are the original's; ours has a margin on the way up, because a new size begins with a
 * keyframe and a rate that swings about a threshold would make one after the other. Sans-IO: time in ms.
 */
import { TsWebRTCError } from '../../common/errors.ts';

export type MitigationMode = 'downscaled' | 'downsampled';

const HALF_RATE_BELOW = 500_000;
const HEIGHT_360_BELOW = 1_000_000;
const HEIGHT_720_BELOW = 2_000_000;
/** On the way up the threshold is higher by this factor, for so long, ms. */
const UP_MARGIN = 1.1;
const UP_DELAY = 2000;

export interface SourceFormat {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Frames per second, 0 when unknown. */
  readonly framerate: number;
}

/** A field left out follows the source; of width and height one alone keeps the aspect. Pixels, frames per second. */
export interface MitigatedFormat {
  readonly width?: number;
  readonly height?: number;
  readonly framerate?: number;
}

/**
 * What a video encoder makes at a bitrate (bit/s), in the place of the thresholds (the original's `configure-mitigation-caps`); undefined
 * leaves it to them. `format`: of the track `trackName` (`video_0`). Never more than that is made, in whatever is returned.
 */
export type ConfigureMitigationCaps = (
  trackName: string,
  format: SourceFormat,
  bitrate: number,
  enabledModes: readonly MitigationMode[],
) => MitigatedFormat | undefined;

/** What is made at a bitrate, bit/s. */
export type MitigationRule = (bitrate: number) => MitigatedFormat;

/** The original's thresholds. */
export function thresholdRule({ height, framerate }: SourceFormat, modes: readonly MitigationMode[]): MitigationRule {
  return (bitrate) => {
    const highest = bitrate < HEIGHT_360_BELOW ? 360 : bitrate < HEIGHT_720_BELOW ? 720 : height;
    const scaled = modes.includes('downscaled') && highest < height;
    const halved = modes.includes('downsampled') && bitrate < HALF_RATE_BELOW && framerate > 0;
    return { ...(scaled ? { height: highest } : {}), ...(halved ? { framerate: framerate / 2 } : {}) };
  };
}

/**
 * What the application says, held to what the source has; the thresholds where it says nothing. An answer that makes no sense, or an
 * error, goes to `onError`, and the thresholds hold instead.
 */
export function configuredRule(
  configure: ConfigureMitigationCaps,
  trackName: string,
  source: SourceFormat,
  modes: readonly MitigationMode[],
  onError: (error: unknown) => void,
): MitigationRule {
  const thresholds = thresholdRule(source, modes);
  return (bitrate) => {
    try {
      const answer = configure(trackName, source, bitrate, modes);
      return answer ? within(source, answer) : thresholds(bitrate);
    } catch (error) {
      onError(error);
      return thresholds(bitrate);
    }
  };
}

export class Mitigation {
  readonly #source: SourceFormat;
  readonly #rule: MitigationRule;
  #format: MitigatedFormat;
  #higherSince: number | undefined;

  constructor(source: SourceFormat, rule: MitigationRule, bitrate: number) {
    this.#source = source;
    this.#rule = rule;
    this.#format = rule(bitrate);
  }

  /** The encoding's bitrate, bit/s. Returns whether `format` changed. */
  setBitrate(bitrate: number, now: number): boolean {
    const before = this.#format;
    const pixels = pixelRate(this.#source, before);
    const wanted = this.#rule(bitrate);
    const up = this.#rule(bitrate / UP_MARGIN);
    if (pixelRate(this.#source, wanted) < pixels) {
      this.#format = wanted;
      this.#higherSince = undefined;
    } else if (pixelRate(this.#source, up) > pixels) {
      this.#higherSince ??= now;
      if (now - this.#higherSince >= UP_DELAY) {
        this.#format = up;
        this.#higherSince = undefined;
      }
    } else this.#higherSince = undefined;
    const { width, height, framerate } = this.#format;
    return before.width !== width || before.height !== height || before.framerate !== framerate;
  }

  get format(): MitigatedFormat {
    return this.#format;
  }

  /** The modes in force: unlike the original's, only those that change something. */
  get active(): readonly MitigationMode[] {
    const { width, height, framerate } = this.#format;
    return [
      ...(width === undefined && height === undefined ? [] : ['downscaled' as const]),
      ...(framerate === undefined ? [] : ['downsampled' as const]),
    ];
  }
}

/** `answer` without what is no less than the source has. */
function within(source: SourceFormat, answer: MitigatedFormat): MitigatedFormat {
  const fields = (['width', 'height', 'framerate'] as const).flatMap((field) => {
    const value = answer[field];
    if (value === undefined) return [];
    if (!(Number.isFinite(value) && value > 0)) {
      throw new TsWebRTCError(
        'INVALID_OPTION',
        `configureMitigationCaps returned a ${field} of ${value}: give a number above 0, or leave it out.`,
      );
    }
    return value < (source[field] || Number.POSITIVE_INFINITY) ? [[field, value] as const] : [];
  });
  return Object.fromEntries(fields);
}

/** Pixels of a picture in `format`. */
function pictureSize(source: SourceFormat, { width, height }: MitigatedFormat): number {
  if (width !== undefined && height !== undefined) return width * height;
  const scale = width !== undefined ? width / source.width : (height ?? source.height) / source.height;
  return source.width * source.height * scale * scale;
}

/** Pixels a second; 30 frames a second where that is unknown. */
function pixelRate(source: SourceFormat, format: MitigatedFormat): number {
  return pictureSize(source, format) * (format.framerate ?? (source.framerate || 30));
}

/** Pixels a second that a core encodes, about: 1920×1080 at 30 frames, in real time and at the presets for it. */
const CORE_PIXEL_RATE = 1920 * 1080 * 30;
/** Of an encoder's work, what does not depend on the size of its pictures: above all scaling the source's. In cores. */
const FIXED_COST = 0.05;

/** What an encoder of pictures in `format` takes, in cores, as a rule of thumb. */
export function encodingCost(source: SourceFormat, format: MitigatedFormat): number {
  return FIXED_COST + pixelRate(source, format) / CORE_PIXEL_RATE;
}
