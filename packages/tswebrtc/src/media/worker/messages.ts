/** What the engine's threads say to each other. Every worker runs the same file and takes its role from the first message. */
import type { MessagePort } from 'node:worker_threads';
import type { ErrorCode } from '../../common/errors.ts';
import type { EncoderChoice, EncoderFailure } from '../encoders.ts';
import type { FramePoolHandle } from '../frame-pool.ts';
import type { DecodingOptions, FrameToDecode, Picture, RecordedFrame, RecordingOptions, Sound } from '../output-types.ts';
import type { PictureLayout } from '../picture-layouts.ts';
import type {
  AudioFormat,
  CodecName,
  EncodedFormat,
  EncodingOptions,
  InputDescription,
  VideoCodecName,
  VideoFormat,
} from '../types.ts';

/** An error in a form that crosses threads. */
export interface ErrorMessage {
  readonly code: ErrorCode;
  readonly message: string;
}

/** The moment at which an input's timestamp 0 is due, on both clocks. */
export interface StartTime {
  /** On the monotonic clock that all threads share (`process.hrtime`), ms. */
  readonly monotonic: number;
  /** Since the Unix epoch, ms. */
  readonly unix: number;
}

export type WorkerInputTrack = {
  readonly encoded?: EncodedFormat | undefined;
  readonly transcoded?: string | undefined;
  /** Where the time codes of its pictures lie (common/time-code.ts). */
  readonly timeCodes?: SharedArrayBuffer | undefined;
} & (
  | { readonly kind: 'video'; readonly format: VideoFormat; readonly colorSpace: number }
  | { readonly kind: 'audio'; readonly format: AudioFormat }
);

/** Inputs that have a thread. */
export type WorkerInputDescription = Exclude<InputDescription, { type: 'push' }>;

/** Engine to input worker. */
export type ToInput =
  | { readonly type: 'open-input'; readonly description: WorkerInputDescription }
  | { readonly type: 'start'; readonly at: StartTime }
  | { readonly type: 'subscribe'; readonly track: number; readonly subscriber: number; readonly port: MessagePort }
  | { readonly type: 'unsubscribe'; readonly track: number; readonly subscriber: number }
  /** The packets of an encoded track, as they are, into `ring`. */
  | { readonly type: 'tap'; readonly track: number; readonly tap: number; readonly ring: SharedArrayBuffer }
  | { readonly type: 'untap'; readonly track: number; readonly tap: number }
  | { readonly type: 'close' };

/** Input worker to engine. */
export type FromInput =
  | { readonly type: 'input-opened'; readonly tracks: readonly WorkerInputTrack[] }
  | TappedFrameMessage
  /** The packets cannot be passed on any longer. */
  | { readonly type: 'tap-failed'; readonly tap: number; readonly message: string }
  | { readonly type: 'interrupted'; readonly reason: string }
  | { readonly type: 'resumed' }
  | { readonly type: 'ended' }
  | { readonly type: 'failed'; readonly error: ErrorMessage };

/** Layout of the raw frames of a pool. */
export type RawFormat =
  | {
      readonly kind: 'video';
      /** Without padding. Default `I420`. */
      readonly layout?: PictureLayout;
      /** Pixels, even. */
      readonly width: number;
      readonly height: number;
      /** Frames per second, 0 when unknown. */
      readonly framerate: number;
      /** As FFmpeg numbers them (ISO/IEC 23091-2); 2 is unspecified. */
      readonly colorSpace: number;
    }
  | {
      /** 32-bit float, interleaved, in the layouts of raw-audio.ts. */
      readonly kind: 'audio';
      readonly channels: number;
      /** Hz. Default 48000. */
      readonly sampleRate?: number;
    };

/** Input worker to encoding worker, over a port of their own. */
export type RawMessage =
  | { readonly type: 'pool'; readonly pool: FramePoolHandle; readonly format: RawFormat; readonly holder: number }
  | RawFrameMessage
  | { readonly type: 'ended' };

/** Encoding worker to input worker, over the same port: another frame may come. */
export type RawRequest = { readonly type: 'ready' };

export interface RawFrameMessage {
  readonly type: 'frame';
  readonly slot: number;
  /** Counts the track's frames; a gap tells of frames that were given up. */
  readonly sequence: number;
  /** µs on the input's timeline. */
  readonly timestamp: number;
  /** µs. */
  readonly duration: number;
  /** ms since the Unix epoch. */
  readonly captureTime: number;
  /** Audio: sample frames in the slot. */
  readonly samples: number;
}

/** Engine to encoding worker. */
export type ToEncoding =
  | {
      readonly type: 'open-encoding';
      readonly options: EncodingOptions;
      readonly track: WorkerInputTrack;
      readonly ring: SharedArrayBuffer;
      /** Video: the encoders to try, best first. */
      readonly candidates?: readonly string[];
    }
  | { readonly type: 'attach'; readonly port: MessagePort }
  | { readonly type: 'keyframe' }
  | { readonly type: 'bitrate'; readonly bitrate: number }
  | { readonly type: 'format'; readonly width?: number; readonly height?: number; readonly framerate?: number }
  | { readonly type: 'stats'; readonly id: number }
  | { readonly type: 'close' };

/** One encoded frame, lying in a ring. */
export interface FrameInRing {
  readonly position: number;
  readonly length: number;
  readonly timestamp: number;
  readonly duration: number;
  readonly captureTime: number;
  readonly keyframe: boolean;
  readonly temporalLayer: number;
}

/** Of an encoder. */
export interface EncodedFrameMessage extends FrameInRing {
  readonly type: 'encoded';
}

/** Of an input. */
export interface TappedFrameMessage extends FrameInRing {
  readonly type: 'tapped';
  readonly tap: number;
}

/** What an encoder counts. */
export interface EncoderCounters {
  framesEncoded: number;
  keyFramesEncoded: number;
  framesDropped: number;
  bytesEncoded: number;
  /** s */
  totalEncodeTime: number;
  targetBitrate: number;
  encoderImplementation: string;
  frameWidth?: number;
  frameHeight?: number;
  qpSum?: number;
  framesPerSecond?: number;
}

/** Encoding worker to engine. */
export type FromEncoding =
  | { readonly type: 'encoder-chosen'; readonly choice: EncoderChoice }
  | { readonly type: 'encoding-opened'; readonly codec: CodecName; readonly stats: EncoderCounters }
  | EncodedFrameMessage
  | { readonly type: 'stats'; readonly id: number; readonly stats: EncoderCounters }
  | { readonly type: 'ended' }
  | { readonly type: 'failed'; readonly error: ErrorMessage };

export interface WorkerRecordingOptions extends Pick<RecordingOptions, 'container' | 'tracks'> {
  /** File to write; without one the bytes come as messages. */
  readonly path?: string;
}

/** Engine to recording worker. */
export type ToRecording =
  | { readonly type: 'open-recording'; readonly options: WorkerRecordingOptions }
  | { readonly type: 'frame'; readonly frame: RecordedFrame }
  | { readonly type: 'close' };

/** Recording worker to engine. */
export type FromRecording =
  | { readonly type: 'recording-opened' }
  /** A frame of so many bytes was dealt with. */
  | { readonly type: 'written'; readonly bytes: number }
  | { readonly type: 'data'; readonly data: Uint8Array }
  | { readonly type: 'failed'; readonly error: ErrorMessage };

/** Engine to decoding worker. */
export type ToDecoding =
  | { readonly type: 'open-decoding'; readonly options: DecodingOptions }
  | { readonly type: 'frame'; readonly frame: FrameToDecode }
  | { readonly type: 'close' };

/** Decoding worker to engine. */
export type FromDecoding =
  | { readonly type: 'decoding-opened' }
  | { readonly type: 'decoded'; readonly frame: Picture | Sound }
  /** A frame was dealt with; `damaged` where it could not be decoded. */
  | { readonly type: 'taken'; readonly damaged: boolean }
  | { readonly type: 'failed'; readonly error: ErrorMessage };

/** Engine to the thread that tries encoders. */
export type ToEncoderTrial =
  | {
      readonly type: 'try-encoders';
      readonly codecs: readonly { readonly codec: VideoCodecName; readonly candidates: readonly string[] }[];
    }
  | { readonly type: 'close' };

/** Thread that tries encoders to engine: of each codec the encoder that opens, and those that do not. */
export type FromEncoderTrial = { readonly type: 'encoders-tried'; readonly results: readonly EncoderTrial[] };

export interface EncoderTrial {
  readonly codec: VideoCodecName;
  readonly implementation: string | undefined;
  readonly refused: readonly EncoderFailure[];
}

/** A worker's first message: the media library is loaded, or why it is not. */
export type FromWorker = { readonly type: 'ready' } | { readonly type: 'unavailable'; readonly message: string };
