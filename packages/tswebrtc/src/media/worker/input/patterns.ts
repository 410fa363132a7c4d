/**
 * The pictures of the test source. What stands still is drawn once and copied; only what moves is drawn for each frame, so
 * that the picture costs next to nothing beside its encoding.
 */
export type Pattern = (picture: Uint8Array, time: number) => void;

type Yuv = readonly [y: number, u: number, v: number];

/** 75 % bars, BT.601 limited range: grey, yellow, cyan, green, magenta, red, blue. */
const BARS: readonly Yuv[] = [
  [180, 128, 128],
  [162, 44, 142],
  [131, 156, 44],
  [112, 72, 58],
  [84, 184, 198],
  [65, 100, 212],
  [35, 212, 114],
];
const BLACK: Yuv = [16, 128, 128];
const WHITE: Yuv = [235, 128, 128];
/** The row under the bars, in reverse. */
const CASTELLATIONS: readonly Yuv[] = [BARS[6]!, BLACK, BARS[4]!, BLACK, BARS[2]!, BLACK, BARS[0]!];
/** -I, white, +Q, black: the foot of the SMPTE picture, left of the noise. */
const FOOT: readonly Yuv[] = [[16, 156, 97], WHITE, [16, 171, 148], BLACK];

export function createPattern(name: 'smpte' | 'ball', width: number, height: number): Pattern {
  const canvas = new Canvas(width, height);
  return name === 'ball' ? ball(canvas) : smpte(canvas);
}

/** Bars, a white marker that sweeps across them every four seconds, and noise at the bottom right, which fills any bitrate. */
function smpte(canvas: Canvas): Pattern {
  const { width, height } = canvas;
  const still = new Uint8Array(canvas.size);
  const rows = [0, even(height * 0.66), even(height * 0.75), height];
  const columns = (colors: readonly Yuv[], from: number, to: number, right = width): void => {
    colors.forEach((color, i) => {
      const left = even((right * i) / colors.length);
      canvas.fill(still, left, from, even((right * (i + 1)) / colors.length) - left, to - from, color);
    });
  };
  columns(BARS, rows[0]!, rows[1]!);
  columns(CASTELLATIONS, rows[1]!, rows[2]!);
  columns(FOOT, rows[2]!, rows[3]!, even(width * 0.75));
  const noiseLeft = even(width * 0.75);
  const noiseWidth = width - noiseLeft;
  const noise = createNoise(1 << 18);
  canvas.fill(still, noiseLeft, rows[2]!, noiseWidth, height - rows[2]!, BLACK);
  const marker = Math.max(2, even(width / 64));
  let random = 1;
  return (picture, time) => {
    picture.set(still);
    const phase = (time % 4) / 4;
    canvas.fill(picture, even((width - marker) * phase), rows[1]!, marker, rows[2]! - rows[1]!, WHITE);
    for (let y = rows[2]!; y < height; y++) {
      random = (Math.imul(random, 1103515245) + 12345) >>> 0;
      const start = (random >>> 8) % (noise.length - noiseWidth);
      picture.set(noise.subarray(start, start + noiseWidth), y * width + noiseLeft);
    }
  };
}

/** A white ball that bounces in a black room. */
function ball(canvas: Canvas): Pattern {
  const { width, height } = canvas;
  const still = new Uint8Array(canvas.size);
  canvas.fill(still, 0, 0, width, height, BLACK);
  const radius = Math.max(2, Math.round(Math.min(width, height) / 12));
  return (picture, time) => {
    picture.set(still);
    const x = radius + bounce(time * width * 0.3, width - 2 * radius);
    const y = radius + bounce(time * height * 0.45, height - 2 * radius);
    const top = Math.max(0, Math.ceil(y - radius));
    const bottom = Math.min(height - 1, Math.floor(y + radius));
    for (let row = top; row <= bottom; row++) {
      const half = Math.sqrt(Math.max(0, radius * radius - (row - y) * (row - y)));
      picture.fill(
        WHITE[0],
        row * width + Math.max(0, Math.ceil(x - half)),
        row * width + Math.min(width, Math.floor(x + half) + 1),
      );
    }
  };
}

/** Back and forth between 0 and `span`. */
function bounce(distance: number, span: number): number {
  if (span <= 0) return 0;
  const phase = distance % (2 * span);
  return phase < span ? phase : 2 * span - phase;
}

class Canvas {
  readonly width: number;
  readonly height: number;
  readonly size: number;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.size = (width * height * 3) / 2;
  }

  /** Fills a rectangle; left, top and sizes even. */
  fill(picture: Uint8Array, left: number, top: number, width: number, height: number, [y, u, v]: Yuv): void {
    for (let row = top; row < top + height; row++) picture.fill(y, row * this.width + left, row * this.width + left + width);
    const stride = this.width / 2;
    let plane = this.width * this.height;
    for (const value of [u, v]) {
      for (let row = top / 2; row < (top + height) / 2; row++) {
        picture.fill(value, plane + row * stride + left / 2, plane + row * stride + (left + width) / 2);
      }
      plane += stride * (this.height / 2);
    }
  }
}

function createNoise(length: number): Uint8Array {
  const noise = new Uint8Array(length);
  let random = 0x2545f491;
  for (let i = 0; i < length; i++) {
    random ^= random << 13;
    random ^= random >>> 17;
    random ^= random << 5;
    noise[i] = 16 + ((random >>> 8) % 220);
  }
  return noise;
}

function even(value: number): number {
  return Math.floor(value) & ~1;
}
