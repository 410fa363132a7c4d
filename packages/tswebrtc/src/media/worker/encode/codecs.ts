/** The encoders there are; which are tried first says `../../encoders.ts`. */
import { Rational } from 'node-av/lib';
import type { VideoEncoderRow } from './encoder-row.ts';
import { HARDWARE_ENCODERS } from './hardware-encoders.ts';
import { SOFTWARE_ENCODERS } from './software-encoders.ts';

const videoEncoders = new Map([...SOFTWARE_ENCODERS, ...HARDWARE_ENCODERS].map((row) => [row.implementation, row]));

/** The video encoder that FFmpeg calls `implementation`. */
export function findVideoEncoder(implementation: string): VideoEncoderRow | undefined {
  return videoEncoders.get(implementation);
}

/** The time base of video encoders. */
export function videoTimeBase(): Rational {
  return new Rational(1, 90_000);
}
