/** How much a session may send with the tracks it has, and what of that each of them gets. All rates in bit/s. */
import { allocate, audioOnPath, videoOnPath } from './allocation.ts';
import type { Egress } from './egress.ts';
import type { SessionTrack } from './session-track.ts';
import type { SessionOptions } from './session-types.ts';
import type { SinkTrack } from './tracks.ts';

/** Room above the encoders' highest bitrate for headers, repair and probes: otherwise they could never reach it. */
const MAX_MARGIN = 1.2;
/** A peer that asks for nothing again loses its picture to such a loss time and again. */
const STOPPING_LOSS = 0.01;

export type BitrateOptions = Pick<
  SessionOptions,
  'peerId' | 'congestionControl' | 'startBitrate' | 'minBitrate' | 'maxBitrate' | 'audioBitrate' | 'defineEncoderBitrates'
>;

export class SessionBitrates {
  readonly #options: BitrateOptions;

  constructor(options: BitrateOptions) {
    this.#options = options;
  }

  /** Without congestion control the encoders get their bitrate as it is. */
  get exact(): boolean {
    return this.#options.congestionControl === 'disabled';
  }

  /** Of everything together with so many video tracks. */
  limits(videoTracks: number): { min: number; max: number } {
    const { minBitrate, maxBitrate, audioBitrate } = this.#options;
    const audio = audioOnPath(audioBitrate, 0);
    return { min: minBitrate * Math.max(1, videoTracks), max: maxBitrate * videoTracks * MAX_MARGIN + audio };
  }

  /** So much that each video encoder can begin with its start bitrate. */
  startTarget(tracks: readonly SinkTrack[]): number {
    return tracks.reduce((sum, track) => sum + this.#onPath(track), audioOnPath(this.#options.audioBitrate, 0));
  }

  /** What a track may have before anything is known of the path. */
  start(track: SinkTrack): number {
    const { audioBitrate, maxBitrate } = this.#options;
    if (track.kind === 'audio') return audioBitrate;
    return this.exact ? maxBitrate : this.#onPath(track);
  }

  /** Divides the target among the tracks. */
  divide({ control, retransmitted }: Egress, tracks: readonly SessionTrack[]): void {
    if (this.exact) return;
    const { peerId, audioBitrate, defineEncoderBitrates } = this.#options;
    const now = performance.now();
    const video = tracks.filter(({ track, stream, counts }) => track.kind === 'video' && stream && counts);
    const audio = tracks.filter(({ track, stream, counts }) => track.kind === 'audio' && stream && counts);
    const bitrates = allocate({
      peerId,
      target: control.target.bitrate,
      audio: audio.reduce((sum, { stream }) => sum + audioOnPath(audioBitrate, stream!.redundancy), 0),
      retransmissions: retransmitted.bitrate(now),
      fecPercentage: video[0]?.stream?.fecPercentage ?? 0,
      tracks: video.map(({ track }) => track.name),
      define: defineEncoderBitrates,
    });
    for (const [index, track] of video.entries()) {
      track.setTarget(bitrates[index]!);
      if (control.target.lossFraction > STOPPING_LOSS) track.refresh(now);
    }
  }

  #onPath({ input }: SinkTrack): number {
    return input.kind === 'video' ? videoOnPath(this.#options.startBitrate, input.format.framerate) : 0;
  }
}
