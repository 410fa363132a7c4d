/**
 * What an application may change of the encoders before they open (the original's `encoder-setup`, reference §2.3). Encoders live in
 * threads of their own and are opened anew where sizes change or one breaks, so it is their settings that the application gets to
 * see, of each encoder that may be used.
 */
import { encodersFor, isHardwareEncoder } from '../media/encoders.ts';
import type { EncoderOverrides, VideoCodecName } from '../media/types.ts';

/** The settings of one encoder that may be used; what is written to it holds for every time that this encoder is opened. */
export interface EncoderSettings {
  readonly codec: VideoCodecName;
  /** FFmpeg's name of the encoder: `libx264`, `h264_vaapi`. */
  readonly implementation: string;
  readonly hardware: boolean;
  /** Of the input, pixels. */
  readonly width: number;
  readonly height: number;
  /** Frames per second, 0 when unknown. */
  readonly framerate: number;
  /** What it is opened with, bit/s. */
  readonly bitrate: number;
  /** Options of FFmpeg's encoder to add, or to put in the place of ours: `{ preset: 'fast' }`. */
  options: Record<string, string | number>;
  /** Most frames from keyframe to keyframe. Default: keyframes come when they are asked for. */
  gopSize?: number;
  threadCount?: number;
}

/**
 * Called for every encoder that may be used, each time before one is opened. `peerId`: the consumer for whom it is opened first, others
 * may come to share it; `discovery` where it is opened for nobody yet. `trackName`: `video_0`. Returns true to have `options` alone, none
 * of ours.
 */
export type EncoderSetup = (peerId: string, trackName: string, encoder: EncoderSettings) => boolean | undefined;

export interface EncoderSetupRequest
  extends Omit<EncoderSettings, 'options' | 'gopSize' | 'threadCount' | 'implementation' | 'hardware'> {
  readonly peerId: string;
  readonly trackName: string;
  /** Which encoders may be used (media/encoders.ts). */
  readonly preference: string;
}

/** Asks the application about each encoder; what it says, by the encoder's name. */
export function askEncoderSetup(setup: EncoderSetup, request: EncoderSetupRequest): Record<string, EncoderOverrides> {
  const { peerId, trackName, preference, ...settings } = request;
  const overrides: Record<string, EncoderOverrides> = {};
  for (const implementation of encodersFor(settings.codec, preference)) {
    const encoder: EncoderSettings = { ...settings, implementation, hardware: isHardwareEncoder(implementation), options: {} };
    const withoutDefaults = setup(peerId, trackName, encoder) === true;
    const { options, gopSize, threadCount } = encoder;
    overrides[implementation] = {
      // A copy, since it goes to another thread.
      options: { ...options },
      withoutDefaults,
      ...(gopSize === undefined ? {} : { gopSize }),
      ...(threadCount === undefined ? {} : { threadCount }),
    };
  }
  return overrides;
}
