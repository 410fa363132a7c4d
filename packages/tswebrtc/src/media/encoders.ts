/**
 * The video encoders there may be, by FFmpeg's names, and which of them are tried for an encoding. Knows no encoder itself: the
 * threads that run them (worker/encode/codecs.ts) tell what opened and what failed.
 */
import type { Logger } from '../common/logger.ts';
import type { VideoCodecName } from './types.ts';

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

export const VIDEO_CODECS = Object.keys(ENCODERS) as readonly VideoCodecName[];
const NAMES = new Set(Object.values(ENCODERS).flatMap(({ hardware, software }) => [...hardware, ...software]));

/** `auto` (hardware where it works), `hardware`, `software`, or the name of an encoder: other codecs then are as with `auto`. */
export type EncoderPreference = string;

export const ENCODER_PREFERENCES = ['auto', 'hardware', 'software', ...NAMES] as const;

/** The encoders to try for a codec, best first. */
export function encodersFor(codec: VideoCodecName, preference: EncoderPreference = 'auto'): readonly string[] {
  const { hardware, software } = ENCODERS[codec];
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
  readonly #broken = new Map<string, string>();
  readonly #announced = new Map<VideoCodecName, string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** As `encodersFor`, without those known not to work; all of them where none is left, so that the reason is told. */
  candidates(codec: VideoCodecName, preference?: EncoderPreference): readonly string[] {
    const all = encodersFor(codec, preference);
    const left = all.filter((implementation) => !this.#broken.has(implementation));
    return left.length > 0 ? left : all;
  }

  /** Takes note of what an encoding's thread says, and tells the log. */
  note(codec: VideoCodecName, { implementation, refused, failed }: EncoderChoice, encoding?: string): void {
    for (const failure of refused) this.#refused(codec, failure);
    if (failed) {
      if (isHardwareEncoder(failed.implementation)) this.#broken.set(failed.implementation, failed.reason);
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
    for (const failure of refused) this.#refused(codec, failure);
    this.#logger.warn(
      { codec },
      `${codec} is left out, as no encoder of it opens here: ${refused.map(({ reason }) => trim(reason)).join('; ')}`,
    );
  }

  #refused(codec: VideoCodecName, { implementation, reason }: EncoderFailure): void {
    if (isHardwareEncoder(implementation)) this.#broken.set(implementation, reason);
    this.#logger.debug({ codec, encoder: implementation }, `not ${implementation}: ${reason}`);
  }
}

function trim(sentence: string): string {
  return sentence.replace(/\.$/, '');
}
