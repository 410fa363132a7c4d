/** Where packets come from that are taken as they come: an RTSP server, or a demultiplexer of the media library. */
import type { CodecParameters } from 'node-av/lib';
import type { EncodedUnit } from './encoded-unit.ts';

/** One stream of a feed. */
export interface FeedStream {
  /** Frees with the feed. */
  readonly parameters: CodecParameters;
  readonly timeBase: { readonly num: number; readonly den: number };
  /** Frames per second, 0 when unknown. Video only. */
  readonly framerate: number;
  /** The time code of its first picture. */
  readonly timeCode?: string | undefined;
}

export interface FeedPacket {
  /** Index of its stream. */
  readonly stream: number;
  /** Whoever reads it frees it. */
  readonly unit: EncodedUnit;
  /** µs on the feed's own clock, which its streams share; undefined where it does not say. */
  readonly time: number | undefined;
  /** When it has to be decoded, on the same clock: before that `time` where pictures do not come in order. */
  readonly due: number | undefined;
  /** µs; 0 when unknown. */
  readonly duration: number;
}

export interface Feed {
  readonly streams: readonly FeedStream[];
  /** The next packet; undefined at the end. Rejects where the feed is lost. */
  read(): Promise<FeedPacket | undefined>;
  /** Goes back to its beginning, at its end; false where it cannot. */
  rewind?(): Promise<boolean>;
  /** A `read` under way ends. Idempotent. */
  close(): void;
}

/** Opens a feed, or rejects with one sentence that names it without its secrets; gives up when told to. */
export type OpenFeed = (signal: AbortSignal) => Promise<Feed>;
