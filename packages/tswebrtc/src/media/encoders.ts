/**
 * The video encoders there may be, by FFmpeg's names, and which of them are tried for an encoding. Knows no encoder itself: the
 * threads that run them (worker/encode/codecs.ts) tell what opened and what failed.
 */
import type { Logger } from '../common/logger.ts';
import type { EncodingOptions, VideoCodecName } from './types.ts';

/** An encoder that did not open, or broke. */
export interface EncoderFailure {
  readonly implementation: string;
  /** One sentence. */
  readonly reason: string;
}

/** Which encoder an encoding uses from now on, and why. */
export interface EncoderChoice {
  readonly implementation: string;
  /** Those tried before it, in order, that do not open. */
  readonly refused: readonly EncoderFailure[];
  /** The one it takes over from because that broke. */
  readonly failed?: EncoderFailure;
}

/** Best first: hardware before software. */
const ENCODERS: Readonly<Record<VideoCodecName, { readonly hardware: readonly string[]; readonly software: readonly string[] }>> =
  {
    VP8: { hardware: ['vp8_vaapi', 'vp8_v4l2m2m'], software: ['libvpx'] },
    H264: {
      hardware: ['h264_nvenc', 'h264_qsv', 'h264_vaapi', 'h264_videotoolbox', 'h264_v4l2m2m'],
      software: ['libx264'],
    },
    VP9: { hardware: ['vp9_qsv', 'vp9_vaapi'], software: ['libvpx-vp9'] },
    H265: {
      hardware: ['hevc_nvenc', 'hevc_qsv', 'hevc_vaapi', 'hevc_videotoolbox', 'hevc_v4l2m2m'],
      software: ['libx265'],
    },
    AV1: { hardware: ['av1_nvenc', 'av1_qsv', 'av1_vaapi'], software: ['libsvtav1'] },
  };

/** How long an encoder that did not open for an encoding, or broke, is passed over, ms: it may have been that size, or too many at a time. */
const RETRY_AFTER = 60_000;

export const VIDEO_CODECS = Object.keys(ENCODERS) as readonly VideoCodecName[];
const NAMES = new Set(Object.values(ENCODERS).flatMap(({ hardware, software }) => [...hardware, ...software]));

/** `auto` (hardware where it works), `hardware`, `software`, or the name of an encoder: other codecs then are as with `auto`. */
export type EncoderPreference = string;

export const ENCODER_PREFERENCES = ['auto', 'hardware', 'software', ...NAMES] as const;

/** What encoders in hardware, each in its own way, cannot be trusted to keep to. */
export type EncoderBounds = Pick<EncodingOptions, 'maxSliceSize' | 'level'>;

/** The encoders to try for a codec, best first. Bounds are kept by software, whatever is preferred: beyond them nothing could be sent at all. */
export function encodersFor(
  codec: VideoCodecName,
  preference: EncoderPreference = 'auto',
  { maxSliceSize, level }: EncoderBounds = {},
): readonly string[] {
  const { hardware, software } = ENCODERS[codec];
  if (maxSliceSize !== undefined || level !== undefined) return software;
  if (preference === 'hardware') return hardware;
  if (preference === 'software') return software;
  const all = [...hardware, ...software];
  return all.includes(preference) ? [preference] : all;
}

export function isHardwareEncoder(implementation: string): boolean {
  return Object.values(ENCODERS).some(({ hardware }) => hardware.includes(implementation));
}

/** What was learnt of the encoders of this machine: hardware that does not work is not tried for each encoding again. */
export class EncoderDirectory {
  readonly #logger: Logger;
  /** Until when each is passed over, ms. */
  readonly #broken = new Map<string, number>();
  readonly #announced = new Map<VideoCodecName, string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** As `encodersFor`, without those known not to work; all of them where none is left, so that the reason is told. */
  candidates(codec: VideoCodecName, preference?: EncoderPreference, bounds?: EncoderBounds): readonly string[] {
    const all = encodersFor(codec, preference, bounds);
    const now = performance.now();
    const left = all.filter((implementation) => !(this.#broken.get(implementation)! > now));
    return left.length > 0 ? left : all;
  }

  /** Takes note of what the thread of an encoding, or of the trial where it names none, says, and tells the log. */
  note(codec: VideoCodecName, { implementation, refused, failed }: EncoderChoice, encoding?: string): void {
    for (const failure of refused) this.#refused(codec, failure, encoding !== undefined);
    if (failed) {
      this.#passOver(failed.implementation, true);
      const how =
        failed.implementation === implementation ? `${implementation}, opened anew, goes on` : `${implementation} goes on`;
      this.#logger.warn({ encoding, codec }, `${failed.implementation} failed (${trim(failed.reason)}): ${how}`);
    }
    if (this.#announced.get(codec) === implementation) return;
    this.#announced.set(codec, implementation);
    const kind = isHardwareEncoder(implementation) ? 'hardware' : 'software';
    this.#logger.info({ codec, encoder: implementation }, `${codec} is encoded by ${implementation} (${kind})`);
  }

  /** No encoder of the codec opens. */
  noteNone(codec: VideoCodecName, refused: readonly EncoderFailure[]): void {
    for (const failure of refused) this.#refused(codec, failure, false);
    this.#logger.warn(
      { codec },
      `${codec} is left out, as no encoder of it opens here: ${refused.map(({ reason }) => trim(reason)).join('; ')}`,
    );
  }

  /** The trial of all encoders came to nothing. */
  noteHung(codecs: readonly VideoCodecName[], reason: string): void {
    for (const codec of codecs) for (const implementation of ENCODERS[codec].hardware) this.#passOver(implementation, false);
    this.#logger.warn({ codecs }, `hardware encoders are left out, as trying encoders came to nothing: ${reason}`);
  }

  #refused(codec: VideoCodecName, { implementation, reason }: EncoderFailure, forNow: boolean): void {
    this.#passOver(implementation, forNow);
    this.#logger.debug({ codec, encoder: implementation }, `not ${implementation}: ${reason}`);
  }

  #passOver(implementation: string, forNow: boolean): void {
    if (!isHardwareEncoder(implementation)) return;
    const until = forNow ? performance.now() + RETRY_AFTER : Number.POSITIVE_INFINITY;
    this.#broken.set(implementation, Math.max(this.#broken.get(implementation) ?? 0, until));
  }
}

function trim(sentence: string): string {
  return sentence.replace(/\.$/, '');
}
