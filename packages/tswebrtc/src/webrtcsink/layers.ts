/**
 * The layers of a picture that a session sends in several sizes at once (simulcast, RFC 8853), and what each may have of the
 * picture's bitrate: from the smallest up, so that receivers always have one. Pure functions; rates in bit/s.
 */
import { videoOnPath } from './allocation.ts';

export interface Layer {
  /** How many times smaller than the picture it is, in each direction. */
  readonly scale: number;
  /** With less it is not worth sending. */
  readonly min: number;
  /** What it has before the next larger one begins. */
  readonly enough: number;
}

/** Largest first. */
const LAYERS: readonly Layer[] = [
  { scale: 1, min: 600_000, enough: Number.POSITIVE_INFINITY },
  { scale: 2, min: 200_000, enough: 500_000 },
  { scale: 4, min: 0, enough: 150_000 },
];
/** A layer that pauses begins again with so many times its least, or it would come and go. */
const RESUME_MARGIN = 1.2;

/** `count` layers, the largest first. */
export function layersOf(count: number): readonly Layer[] {
  return LAYERS.slice(0, count);
}

/**
 * What each of `running.length` layers may take on the path of what the picture may; 0: it pauses. `running`: which are sent now,
 * the largest first.
 */
export function divideAmongLayers(onPath: number, running: readonly boolean[], framerate: number): number[] {
  const layers = layersOf(running.length);
  const shares = layers.map(() => 0);
  let left = onPath;
  for (let i = layers.length - 1; i >= 0; i--) {
    const { min } = layers[i]!;
    const below = layers[i + 1];
    const kept = below ? videoOnPath(below.enough, framerate) : 0;
    if (below && left - kept < videoOnPath(min * (running[i] ? 1 : RESUME_MARGIN), framerate)) break;
    if (below) shares[i + 1] = Math.floor(kept);
    left -= kept;
    shares[i] = Math.floor(left);
  }
  return shares;
}
