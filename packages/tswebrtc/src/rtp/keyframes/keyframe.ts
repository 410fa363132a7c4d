/** What a keyframe tells of the stream it begins: the size of its pictures, and what a container stores apart from them. */
import { readAv1Keyframe } from './av1.ts';
import { readH264Keyframe } from './h264.ts';
import { readH265Keyframe } from './h265.ts';
import { readJpeg } from './jpeg.ts';
import { readVp8Keyframe, readVp9Keyframe } from './vpx.ts';

export interface Keyframe {
  /** Pixels that are shown. */
  readonly width: number;
  readonly height: number;
  /** H264, H265: the parameter sets, Annex B; AV1: the sequence header OBU; else empty. */
  readonly configuration: Uint8Array;
}

const READERS: Readonly<Record<string, (data: Uint8Array) => Keyframe | undefined>> = {
  AV1: readAv1Keyframe,
  H264: readH264Keyframe,
  H265: readH265Keyframe,
  JPEG: readJpeg,
  VP8: readVp8Keyframe,
  VP9: readVp9Keyframe,
};

/** Reads a whole frame of `codec` (name as in SDP, any case); undefined where it is no keyframe, or says nothing sensible. */
export function readKeyframe(codec: string, data: Uint8Array): Keyframe | undefined {
  const keyframe = READERS[codec.toUpperCase()]?.(data);
  return keyframe && keyframe.width > 0 && keyframe.height > 0 ? keyframe : undefined;
}
