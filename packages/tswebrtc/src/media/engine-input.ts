/** What the engine's encodings need of an input, wherever it lives: in a thread of its own or with the application. */
import type { MessagePort } from 'node:worker_threads';
import type { EncodedFrame, MediaInput } from './types.ts';
import type { WorkerInputTrack } from './worker/messages.ts';

/** Takes the packets of an encoded track. */
export interface TapHandlers {
  /** The first one of video is a keyframe. */
  frame(frame: EncodedFrame): void;
  /** The packets cannot be passed on any longer, though the input goes on. */
  failed(error: Error): void;
}

export interface Tap {
  /** Asks whoever encodes for a keyframe; an input that has no way to do so does nothing. */
  requestKeyframe(): void;
  /** Idempotent. */
  close(): void;
}

export interface EngineInput extends MediaInput {
  /** The tracks, by their index, as encoders' threads are told of them. */
  readonly descriptions: readonly WorkerInputTrack[];
  /** Closed or dead: it serves nobody any more. */
  readonly gone: boolean;
  /** Sends a track's raw frames to `port`; false when the input is gone. */
  subscribe(track: number, subscriber: number, port: MessagePort): boolean;
  unsubscribe(track: number, subscriber: number): void;
  /** Gives the packets of an encoded track out as they are; undefined where that cannot be. */
  tap(track: number, handlers: TapHandlers): Tap | undefined;
}
