/**
 * What the main thread and a shard's thread say to each other. Nothing in here is said per packet, and of a frame one message
 * for all sessions of the shard. Messages arrive in the order in which they were sent.
 */
import type { ErrorCode } from '../../common/errors.ts';
import { TsWebRTCError } from '../../common/errors.ts';
import type { DataChannelInit, RTCStatsEntry } from '../../connection/transport/types.ts';
import type { IceServer } from '../../connection/types.ts';
import type { SessionDescription } from '../../signalling/signaller.ts';
import type { WantedMedia } from '../codecs.ts';
import type { UpstreamRequest } from '../control/control-channels.ts';
import type { EncodingView } from '../encoding-source.ts';
import type { KeyframeUrgency } from '../keyframe-governor.ts';
import type { SessionFigures } from '../session-figures.ts';
import type { EndReason, SessionOptions } from '../session-types.ts';
import type { PlacementReason } from '../sharing/rung-planner.ts';
import type { SinkTrack } from '../tracks.ts';
import type { PackedFrame } from './packed-frame.ts';

/** An error in a form that crosses threads. */
export interface ErrorMessage {
  readonly code: ErrorCode;
  readonly message: string;
}

export function errorMessage({ code, message }: TsWebRTCError): ErrorMessage {
  return { code, message };
}

export function errorOf({ code, message }: ErrorMessage): TsWebRTCError {
  return new TsWebRTCError(code, message);
}

/** What of a session's options crosses threads. */
export type SessionInit = Omit<
  SessionOptions,
  'shard' | 'encodings' | 'sharedWith' | 'defineEncoderBitrates' | 'payloaderSetup' | 'logger'
>;

/** What of tracks crosses threads: an input's own is an object of the engine's. */
export function plainTracks(tracks: readonly SinkTrack[]): SinkTrack[] {
  return tracks.map(({ input: { kind, id, format, encoded }, ...track }) => ({
    ...track,
    input: { kind, id, format, ...(encoded ? { encoded } : {}) } as SinkTrack['input'],
  }));
}

/** What a shard's thread knows from its start. */
export interface ShardInit {
  /** Whether anybody listens to the log. */
  readonly logs: boolean;
}

/** What is asked of a session and answered. */
export interface SessionReplies {
  start: undefined;
  stats: Map<string, RTCStatsEntry>;
  figures: SessionFigures;
  close: undefined;
  /** Bytes that wait in the channel then, or why nothing was sent. */
  send: number | ErrorMessage;
}

/** To a session. */
export type ToSession =
  | ToChannel
  | { readonly type: 'upstream-answer'; readonly id: string; readonly token: number; readonly error: string | null }
  | { readonly type: 'open-session'; readonly init: SessionInit }
  | { readonly type: 'start'; readonly id: string; readonly request: number; readonly offer: SessionDescription | undefined }
  | { readonly type: 'stats' | 'figures' | 'close-session'; readonly id: string; readonly request: number }
  | { readonly type: 'restart-ice'; readonly id: string }
  | { readonly type: 'tracks'; readonly id: string; readonly tracks: readonly SinkTrack[] }
  | { readonly type: 'description'; readonly id: string; readonly description: SessionDescription }
  | { readonly type: 'candidate'; readonly id: string; readonly candidate: readonly [string, number, string | undefined] }
  | { readonly type: 'ice-servers'; readonly id: string; readonly servers: readonly IceServer[] };

/**
 * To one of its data channels. Those that the application opens have even numbers, those of the peer odd ones, whatever their stream
 * numbers are.
 */
export type ToChannel =
  | {
      readonly type: 'open-channel';
      readonly id: string;
      readonly channel: number;
      readonly label: string;
      readonly init: DataChannelInit | undefined;
    }
  | {
      readonly type: 'send';
      readonly id: string;
      readonly channel: number;
      readonly request: number;
      readonly data: string | Uint8Array;
    }
  /** Whether anybody listens to its messages. */
  | { readonly type: 'listen'; readonly id: string; readonly channel: number; readonly listening: boolean }
  /** Messages of this weight were handed to those who listen. */
  | { readonly type: 'heard'; readonly id: string; readonly channel: number; readonly weight: number }
  | { readonly type: 'close-channel'; readonly id: string; readonly channel: number };

/** From one of its data channels. `stream`: its number on the connection. */
export type FromChannel =
  | { readonly type: 'channel-announced'; readonly id: string; readonly channel: number; readonly label: string }
  | { readonly type: 'channel-open'; readonly id: string; readonly channel: number; readonly stream: number | null }
  | { readonly type: 'channel-message'; readonly id: string; readonly channel: number; readonly data: string | Uint8Array }
  /** What waits in it is less than was said last. */
  | { readonly type: 'channel-drained'; readonly id: string; readonly channel: number; readonly bufferedAmount: number }
  | { readonly type: 'channel-closed'; readonly id: string; readonly channel: number };

/** Bytes that a message costs on its way between threads beyond its own: many small ones must not come for nothing. */
const MESSAGE_OVERHEAD = 256;

/** What a message counts, in bytes, until it is heard. */
export function weightOf(data: string | Uint8Array): number {
  return data.length + MESSAGE_OVERHEAD;
}

/** From a session. */
export type FromSession =
  | FromChannel
  | { readonly type: 'upstream'; readonly id: string; readonly request: UpstreamRequest }
  | { readonly type: 'description'; readonly id: string; readonly description: SessionDescription }
  | { readonly type: 'candidate'; readonly id: string; readonly candidate: readonly [string, number, string | undefined] }
  | { readonly type: 'track-failed'; readonly id: string; readonly track: string; readonly error: ErrorMessage }
  | { readonly type: 'end'; readonly id: string; readonly reason: EndReason; readonly error: ErrorMessage | undefined }
  | { readonly type: 'reply'; readonly request: number; readonly value: SessionReplies[keyof SessionReplies] };

/**
 * A frame for those seats of the shard that are on its encoding, and what there is to know of each: an index into
 * `placementReasons`, and flags.
 */
export interface FrameMessage {
  readonly type: 'frame';
  readonly frame: PackedFrame;
  readonly encoding: EncodingView;
  readonly seats: Uint32Array;
  readonly states: Uint8Array;
}

/** To a seat: a session's place on the encodings, which are looked after in the main thread. */
export type ToSeat =
  | {
      readonly type: 'joined';
      readonly seat: number;
      readonly encoding: EncodingView | undefined;
      readonly reason: PlacementReason;
    }
  | { readonly type: 'not-joined' | 'seat-failed'; readonly seat: number; readonly error: ErrorMessage }
  | FrameMessage;

/** From a seat. */
export type FromSeat =
  | {
      readonly type: 'join';
      readonly seat: number;
      readonly sessionId: string;
      readonly track: string;
      readonly wanted: WantedMedia;
      readonly bitrate: number;
    }
  /** Of several at once: `bitrates[i]`, in bit/s, is what `seats[i]` may have. */
  | { readonly type: 'targets'; readonly seats: Uint32Array; readonly bitrates: Float64Array }
  | { readonly type: 'keyframe'; readonly seat: number; readonly urgency: KeyframeUrgency }
  | { readonly type: 'leave'; readonly seat: number };

export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'trace';

export interface LogMessage {
  readonly type: 'log';
  readonly level: LogLevel;
  readonly bindings: object;
  readonly fields: object;
  readonly message: string | undefined;
}

export type ToShard = ToSession | ToSeat | { readonly type: 'close' };
/** `ready`: it has loaded what it needs. */
export type FromShard = FromSession | FromSeat | LogMessage | { readonly type: 'ready' };

const placementReasons: readonly PlacementReason[] = ['alone', 'shared', 'merged', 'per-consumer', 'passthrough'];
const REASON = 0x0f;
/** It waits for another encoding's keyframe. */
const SWITCHING = 0x10;
/** This frame is the first of another encoding than the last. */
const SWITCHED = 0x20;

export function seatState(reason: PlacementReason, switching: boolean, switched: boolean): number {
  return placementReasons.indexOf(reason) | (switching ? SWITCHING : 0) | (switched ? SWITCHED : 0);
}

export function reasonOf(state: number): PlacementReason {
  return placementReasons[state & REASON]!;
}

export function isSwitching(state: number): boolean {
  return (state & SWITCHING) !== 0;
}

export function hasSwitched(state: number): boolean {
  return (state & SWITCHED) !== 0;
}
