/** What the levels of H.264 allow (ITU-T H.264 table A-1), and what becomes of pictures that are too much for one. */

interface LevelLimits {
  /** Ten times the level; 1b is 10.5. */
  readonly level: number;
  /** Macroblocks (16 x 16 pixels) a second, and a picture. */
  readonly macroblockRate: number;
  readonly macroblocks: number;
  /** bit/s of the Baseline and Main profiles. */
  readonly bitrate: number;
}

const LEVELS: readonly LevelLimits[] = (
  [
    [10, 1485, 99, 64],
    [10.5, 1485, 99, 128],
    [11, 3000, 396, 192],
    [12, 6000, 396, 384],
    [13, 11_880, 396, 768],
    [20, 11_880, 396, 2000],
    [21, 19_800, 792, 4000],
    [22, 20_250, 1620, 4000],
    [30, 40_500, 1620, 10_000],
    [31, 108_000, 3600, 14_000],
    [32, 216_000, 5120, 20_000],
    [40, 245_760, 8192, 20_000],
    [41, 245_760, 8192, 50_000],
    [42, 522_240, 8704, 50_000],
    [50, 589_824, 22_080, 135_000],
    [51, 983_040, 36_864, 240_000],
    [52, 2_073_600, 36_864, 240_000],
  ] as const
).map(([level, macroblockRate, macroblocks, kilobits]) => ({ level, macroblockRate, macroblocks, bitrate: kilobits * 1000 }));

export interface PictureRate {
  readonly width: number;
  readonly height: number;
  /** Frames per second. */
  readonly framerate: number;
}

/** The highest level that is not above `level`. */
function limitsOf(level: number): LevelLimits {
  return LEVELS.findLast((limits) => limits.level <= level) ?? LEVELS[0]!;
}

const macroblocks = ({ width, height }: Pick<PictureRate, 'width' | 'height'>): number =>
  Math.ceil(width / 16) * Math.ceil(height / 16);

/** Pictures within the level: of the same shape, smaller where they are too large, fewer where they are too many. */
export function boundToLevel(level: number, picture: PictureRate): PictureRate {
  const limits = limitsOf(level);
  let { width, height } = picture;
  for (let share = Math.sqrt(limits.macroblocks / macroblocks(picture)); macroblocks({ width, height }) > limits.macroblocks; ) {
    width = even(picture.width * share);
    height = even(picture.height * share);
    share *= 0.98;
  }
  return { width, height, framerate: Math.min(picture.framerate, limits.macroblockRate / macroblocks({ width, height })) };
}

/** Highest bitrate of the level, bit/s. */
export function levelBitrate(level: number): number {
  return limitsOf(level).bitrate;
}

function even(pixels: number): number {
  return Math.max(16, 2 * Math.floor(pixels / 2));
}
