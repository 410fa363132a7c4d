/**
 * An encoder as congestion control meets it (RFC 8593 in short): frames whose sizes scatter around the target, which it
 * follows with a lag, and keyframes several times as large that later frames pay for.
 */
import type { Random } from './random.testing.ts';

export interface EncoderOptions {
  readonly minBitrate: number;
  readonly maxBitrate: number;
  readonly startBitrate: number;
}

export const FRAME_INTERVAL = 1000 / 30;
/** Reaction to a new target, ms (RFC 8593 §5.1 has up to 200). */
const LAG = 100;
/** Standard deviation of a frame's size, as a part of its mean (RFC 8593: 0.1 to 0.3). */
const SIZE_DEVIATION = 0.15;
const KEYFRAME_FACTOR = 4;
/** Frames over which what a keyframe cost is saved. */
const REPAY_FRAMES = 15;

export class Encoder {
  readonly #random: Random;
  readonly #options: EncoderOptions;
  #bitrate: number;
  #pending: { bitrate: number; from: number }[] = [];
  #keyframe = true;
  #debt = 0;

  constructor(random: Random, options: EncoderOptions) {
    this.#random = random;
    this.#options = options;
    this.#bitrate = options.startBitrate;
  }

  setBitrate(bitrate: number, now: number): void {
    const clamped = Math.max(this.#options.minBitrate, Math.min(this.#options.maxBitrate, bitrate));
    if (clamped === (this.#pending.at(-1)?.bitrate ?? this.#bitrate)) return;
    this.#pending.push({ bitrate: clamped, from: now + LAG });
  }

  requestKeyframe(): void {
    this.#keyframe = true;
  }

  /** Bytes of the next frame. */
  frame(now: number): number {
    while (this.#pending[0] && this.#pending[0].from <= now) this.#bitrate = this.#pending.shift()!.bitrate;
    const mean = (this.#bitrate * FRAME_INTERVAL) / 8000;
    const scatter = Math.max(0.4, Math.min(2, 1 + SIZE_DEVIATION * this.#random.normal()));
    if (this.#keyframe) {
      this.#keyframe = false;
      this.#debt += (KEYFRAME_FACTOR - 1) * mean;
      return Math.round(mean * KEYFRAME_FACTOR);
    }
    const repay = Math.min(this.#debt, mean * 0.5, Math.max(this.#debt / REPAY_FRAMES, mean * 0.2));
    this.#debt -= repay;
    return Math.max(60, Math.round(mean * scatter - repay));
  }
}
