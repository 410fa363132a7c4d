/**
 * The one format in which raw audio crosses threads: 32-bit float, interleaved, 48 kHz, so that every encoder finds the same.
 * Channels are those of the input, in the layouts of Opus (RFC 7845 §5.1.1.2) and in FFmpeg's order, which is that of WAVE.
 */
import { MOST_CHANNELS } from '../audio-codecs.ts';

export const RAW_SAMPLE_RATE = 48_000;
const STEREO = 2;

/** How samples are laid out, beside being interleaved. */
export interface SampleFormat {
  readonly channels: number;
  /** Hz. */
  readonly sampleRate: number;
}

/** Channels in which sound of `channels` is carried: its own, and two for what has more than a layout is known for. */
export function rawChannels(channels: number): number {
  return channels >= 1 && channels <= MOST_CHANNELS ? channels : STEREO;
}
