/**
 * The encodings as a session sees them. A session does not know whether they are looked after in its own thread
 * (encoding-pool.ts) or in another (shards/worker/worker-seats.ts).
 */
import type { WantedMedia } from './codecs.ts';
import type { KeyframeUrgency } from './keyframe-governor.ts';
import type { GroupSubscriber } from './membership.ts';
import type { MitigationMode } from './sharing/mitigation.ts';
import type { PlacementReason } from './sharing/rung-planner.ts';
import type { SinkTrack } from './tracks.ts';

/** A running encoding. */
export interface EncodingView {
  readonly id: string;
  /** Target, bit/s. */
  readonly bitrate: number;
  /** Pixels and frames per second; undefined for audio. */
  readonly format: { readonly width: number; readonly height: number; readonly framerate: number } | undefined;
  readonly mitigation: readonly MitigationMode[];
}

/** A session's place among those who are sent the encodings of one track and codec. */
export interface EncodingSeat {
  /** The encoding whose frames it gets. */
  readonly encoding: EncodingView | undefined;
  readonly reason: PlacementReason;
  /** It waits for the first keyframe of another encoding. */
  readonly switching: boolean;
  /** What the session may have, bit/s. */
  setTarget(bitrate: number): void;
  /** Asked for only when frames can leave. */
  requestKeyframe(urgency?: KeyframeUrgency): void;
  /** Gives up the place. Idempotent. */
  leave(): void;
}

export interface EncodingSource {
  /**
   * Gets `subscriber` the frames of `track` as it is `wanted`, of about `bitrate` bit/s; rejects with `ENCODER_FAILED`. `sessionId`
   * stands for it in statistics.
   */
  join(
    track: SinkTrack,
    wanted: WantedMedia,
    subscriber: GroupSubscriber,
    bitrate: number,
    sessionId: string,
  ): Promise<EncodingSeat>;
}
