/**
 * What a low bitrate costs besides quality (reference section 2.9): below 500 kbit/s half the frames, below 2 and 1 Mbit/s a
 * smaller picture. The thresholds are the original's; ours has a margin on the way up, because a new size begins with a
 * keyframe and a rate that swings about a threshold would make one after the other. Sans-IO: time in ms.
 */
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

/** A field left out follows the source. */
export interface MitigatedFormat {
  readonly height?: number;
  readonly framerate?: number;
}

interface Level {
  /** Highest picture allowed, pixels; infinite for the source's. */
  readonly height: number;
  readonly half: boolean;
}

export class Mitigation {
  readonly #source: SourceFormat;
  readonly #modes: readonly MitigationMode[];
  #level: Level;
  #higherSince: number | undefined;

  constructor(source: SourceFormat, modes: readonly MitigationMode[], bitrate: number) {
    this.#source = source;
    this.#modes = modes;
    this.#level = levelOf(bitrate);
  }

  /** The encoding's bitrate, bit/s. Returns whether `format` changed. */
  setBitrate(bitrate: number, now: number): boolean {
    const before = this.format;
    const wanted = levelOf(bitrate);
    const up = levelOf(bitrate / UP_MARGIN);
    if (wanted.height < this.#level.height || (wanted.half && !this.#level.half)) {
      this.#level = { height: Math.min(wanted.height, this.#level.height), half: wanted.half || this.#level.half };
      this.#higherSince = undefined;
    } else if (up.height > this.#level.height || (!up.half && this.#level.half)) {
      this.#higherSince ??= now;
      if (now - this.#higherSince >= UP_DELAY) {
        this.#level = up;
        this.#higherSince = undefined;
      }
    } else this.#higherSince = undefined;
    const after = this.format;
    return before.height !== after.height || before.framerate !== after.framerate;
  }

  get format(): MitigatedFormat {
    const { height, framerate } = this.#source;
    const scaled = this.#modes.includes('downscaled') && this.#level.height < height;
    const halved = this.#modes.includes('downsampled') && this.#level.half && framerate > 0;
    return { ...(scaled ? { height: this.#level.height } : {}), ...(halved ? { framerate: framerate / 2 } : {}) };
  }

  /** The modes in force: unlike the original's, only those that change something. */
  get active(): readonly MitigationMode[] {
    const { height, framerate } = this.format;
    return [
      ...(height === undefined ? [] : ['downscaled' as const]),
      ...(framerate === undefined ? [] : ['downsampled' as const]),
    ];
  }
}

/** Pixels a second that a core encodes, about: 1920×1080 at 30 frames, in real time and at the presets for it. */
const CORE_PIXEL_RATE = 1920 * 1080 * 30;
/** Of an encoder's work, what does not depend on the size of its pictures: above all scaling the source's. In cores. */
const FIXED_COST = 0.05;

/** What an encoder at `bitrate` takes, in cores, as a rule of thumb. */
export function encodingCost(source: SourceFormat, modes: readonly MitigationMode[], bitrate: number): number {
  const { height, framerate } = new Mitigation(source, modes, bitrate).format;
  const scale = (height ?? source.height) / source.height;
  const pixels = source.width * source.height * scale * scale;
  return FIXED_COST + (pixels * (framerate ?? (source.framerate || 30))) / CORE_PIXEL_RATE;
}

function levelOf(bitrate: number): Level {
  const height = bitrate < HEIGHT_360_BELOW ? 360 : bitrate < HEIGHT_720_BELOW ? 720 : Number.POSITIVE_INFINITY;
  return { height, half: bitrate < HALF_RATE_BELOW };
}
