/** What the engine knows of a video encoder of FFmpeg: how to open it, how it changes its bitrate, what it does not tell itself. */
import type { CodecContext } from 'node-av/lib';
import type { CodecName, EncodingOptions } from '../../types.ts';
import type { HardwareDevice } from './hardware-frames.ts';
import type { RateControl } from './rate-control.ts';

export interface VideoSettings {
  readonly width: number;
  readonly height: number;
  /** Frames per second, a guess where the input does not tell. */
  readonly framerate: number;
  /** bit/s */
  readonly bitrate: number;
  readonly profile: NonNullable<EncodingOptions['profile']>;
  /** Asked for; a codec that cannot makes one. */
  readonly temporalLayers: NonNullable<EncodingOptions['temporalLayers']>;
  readonly tune: NonNullable<EncodingOptions['tune']>;
  /** H264: ten times the highest level; undefined leaves it to the encoder. */
  readonly level?: number;
  /** H264: no NAL unit of a picture is longer, bytes. */
  readonly maxSliceSize?: number;
}

export interface VideoEncoderRow {
  readonly codec: CodecName;
  /** FFmpeg's name of the encoder. */
  readonly implementation: string;
  /** Pictures as it takes them: I420 unless it says otherwise. */
  readonly layout?: 'NV12';
  /** It takes pictures that lie in the memory of this device. */
  readonly device?: HardwareDevice;
  /** Sets fields of the context and returns the options to open it with. */
  configure(context: CodecContext, settings: VideoSettings): Record<string, string | number>;
  /** Options that the peer's format demands: added to the others, whatever the application made of those. */
  insist?(options: Readonly<Record<string, string | number>>, settings: VideoSettings): Record<string, string | number>;
  /** What the encoder's wrapper does not say of a packet; without this a packet is of layer 0 and FFmpeg knows its quantiser. */
  inspect?(data: Uint8Array, settings: VideoSettings): { readonly quantiser: number; readonly temporalLayer: number };
  /** Called once the encoder is open. */
  control(context: CodecContext, settings: VideoSettings): RateControl;
}

/** Keyframes come on demand only; this is the most frames between two. */
export const KEYFRAME_INTERVAL = 2560;

/** By the quality preset `tune`. */
export type ByTune<T> = Readonly<Record<VideoSettings['tune'], T>>;
