/**
 * The layers of a picture that a session sends in several sizes at once (simulcast, RFC 8853), and what each may have of the
 * picture's bitrate: from the smallest up, so that receivers always have one. Pure functions; rates in bit/s.
 */
import { videoOnPath } from './allocation.ts';

/** Of a picture, or of its largest layer. */
export interface LayeredFormat {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Frames per second. */
  readonly framerate: number;
}

interface Rates {
  /** Pixels of a picture. */
  readonly size: number;
  /** With less it is not worth sending. */
  readonly least: number;
  /** What it has before the next larger layer begins. */
  readonly enough: number;
}

/** Much as libwebrtc divides; between two of them straight, beyond the ends as at the end. */
const RATES: readonly Rates[] = [
  { size: 320 * 180, least: 30_000, enough: 150_000 },
  { size: 640 * 360, least: 200_000, enough: 500_000 },
  { size: 1280 * 720, least: 600_000, enough: 2_500_000 },
  { size: 1920 * 1080, least: 800_000, enough: 4_000_000 },
];
/** A layer that pauses begins again with so many times its least, or it would come and go. */
const RESUME_MARGIN = 1.2;

/** How many times smaller than the picture a layer is, in each direction; 0 is the largest. */
export function scaleOf(layer: number): number {
  return 2 ** layer;
}

/**
 * What each of `running.length` layers may take on the path of what the picture may; 0: it pauses. `running`: which are sent now,
 * the largest first.
 */
export function divideAmongLayers(
  onPath: number,
  running: readonly boolean[],
  { width, height, framerate }: LayeredFormat,
): number[] {
  const layers = running.map((_, layer) => ratesFor((width * height) / scaleOf(layer) ** 2));
  const shares = layers.map(() => 0);
  let left = onPath;
  for (let i = layers.length - 1; i >= 0; i--) {
    const { least } = layers[i]!;
    const below = layers[i + 1];
    const kept = below ? videoOnPath(below.enough, framerate) : 0;
    if (below && left - kept < videoOnPath(least * (running[i] ? 1 : RESUME_MARGIN), framerate)) break;
    if (below) shares[i + 1] = Math.floor(kept);
    left -= kept;
    shares[i] = Math.floor(left);
  }
  return shares;
}

function ratesFor(size: number): Omit<Rates, 'size'> {
  const next = RATES.findIndex((rates) => rates.size >= size);
  const upper = RATES.at(next)!;
  const lower = RATES[next - 1];
  if (!lower) return upper;
  const part = (size - lower.size) / (upper.size - lower.size);
  const between = (from: number, to: number): number => from + part * (to - from);
  return { least: between(lower.least, upper.least), enough: between(lower.enough, upper.enough) };
}
