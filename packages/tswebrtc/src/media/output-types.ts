/** What comes out of the media engine: recordings of encoded frames, and frames decoded. */
import type { OpusMapping } from '../rtp/opus-mapping.ts';
import { isAudioCodec } from './audio-codecs.ts';
import type { ContainerName, RecordedAudioCodec, RecordedCodec, RecordedVideoCodec } from './containers.ts';

/** Sound as it is sent. */
export interface SentSound {
  /** Hz. */
  readonly sampleRate: number;
  readonly channels: number;
  /** Of MULTIOPUS; default: family 1. */
  readonly mapping?: OpusMapping;
}

export type RecordedTrack =
  | {
      readonly kind: 'video';
      readonly codec: RecordedVideoCodec;
      /** Of the first keyframe: pixels, and what `readKeyframe` calls its configuration. */
      readonly width: number;
      readonly height: number;
      readonly configuration: Uint8Array;
    }
  | { readonly kind: 'audio'; readonly codec: RecordedAudioCodec; readonly sent: SentSound };

/** Takes the bytes of a container, in order. */
export interface ByteSink {
  write(data: Uint8Array): void;
  /** Bytes that it has not got rid of yet. */
  readonly waiting: number;
}

export interface RecordingOptions {
  readonly container: ContainerName;
  /** File to write, or who takes the bytes. HLS needs a file. */
  readonly output: string | ByteSink;
  readonly tracks: readonly RecordedTrack[];
}

export interface RecordedFrame {
  /** Index into the tracks. */
  readonly track: number;
  /** Video: one frame, H264 and H265 as Annex B; sound: one packet. */
  readonly data: Uint8Array;
  /** µs since the beginning of the recording. */
  readonly timestamp: number;
  readonly keyframe: boolean;
}

export interface RecordingFigures {
  /** Frames written, by track. */
  readonly frames: readonly number[];
  /** Frames that were given up because the file or its reader was too slow. */
  readonly framesDropped: number;
  readonly bytesWritten: number;
  /** µs from the beginning to the last frame written. */
  readonly duration: number;
}

export type RecordingEvents = {
  /** It cannot go on; what was written before stays. */
  error: [error: Error];
};

/** A file that is being written, in a thread of its own. */
export interface Recording {
  readonly figures: RecordingFigures;
  on<K extends keyof RecordingEvents>(event: K, listener: (...args: RecordingEvents[K]) => void): () => void;
  /** Writes a copy of a frame. Where writing cannot keep up, frames are given up, and those that need them. */
  write(frame: RecordedFrame): void;
  /** Completes the file; rejects where that fails, though what was written stays. Idempotent. */
  close(): Promise<void>;
}

/** Layouts of pixels: planes without padding, or interleaved bytes; `png` and `jpeg` are whole image files. */
export type PictureFormat = 'I420' | 'NV12' | 'RGBA' | 'RGB24' | 'png' | 'jpeg';

export type DecodingOptions =
  | {
      readonly codec: RecordedVideoCodec;
      /** Default `I420`. */
      readonly format?: PictureFormat;
      /** Pixels, even; default: the picture's own. One alone keeps the aspect. */
      readonly width?: number;
      readonly height?: number;
    }
  | {
      readonly codec: RecordedAudioCodec;
      /** Default: 48 kHz stereo. */
      readonly sent?: SentSound;
      /** What is wanted, 1 to 8. Default: as it is sent. */
      readonly channels?: number;
    };

/** Options of a decoder of sound. */
export type SoundDecodingOptions = Extract<DecodingOptions, { sent?: unknown }>;

export function isSound(options: DecodingOptions): options is SoundDecodingOptions {
  return isAudioCodec(options.codec);
}

/** A decoded picture. */
export interface Picture {
  readonly kind: 'video';
  readonly format: PictureFormat;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** The reader's own: nothing else touches it. */
  readonly data: Uint8Array;
  /** µs on the track's timeline. */
  readonly timestamp: number;
  /** By the sender's clock, ms since the Unix epoch, where known. */
  readonly captureTime: number | undefined;
}

/** Decoded sound: 48 kHz, 32-bit float, interleaved. */
export interface Sound {
  readonly kind: 'audio';
  readonly sampleRate: 48_000;
  readonly channels: number;
  readonly samples: Float32Array;
  readonly timestamp: number;
  readonly captureTime: number | undefined;
}

export interface FrameToDecode {
  readonly data: Uint8Array;
  readonly timestamp: number;
  readonly keyframe: boolean;
  readonly captureTime: number | undefined;
}

export type DecodingEvents = {
  decoded: [frame: Picture | Sound];
  /** Decoding fell behind or a frame was damaged: a keyframe would help. */
  'keyframe-wanted': [];
  error: [error: Error];
};

/** A running decoder, in a thread of its own. */
export interface Decoding {
  on<K extends keyof DecodingEvents>(event: K, listener: (...args: DecodingEvents[K]) => void): () => void;
  /** Decodes a copy of a frame. Where decoding cannot keep up, frames are given up until the next keyframe. */
  decode(frame: FrameToDecode): void;
  close(): Promise<void>;
}

export type { ContainerName, RecordedAudioCodec, RecordedCodec, RecordedVideoCodec };
