/** How much a session may send with the tracks it has, and what of that each of them gets. All rates in bit/s. */
import { allocate, audioOnPath, videoOnPath } from './allocation.ts';
import { type OfferedCodecs, preferencesFor, soundRates, wantedMedia } from './codecs.ts';
import type { Egress } from './egress.ts';
import { divideAmongLayers } from './layers.ts';
import type { SessionTrack } from './session-track.ts';
import type { SessionOptions } from './session-types.ts';
import type { SinkTrack } from './tracks.ts';

/** Room above the encoders' highest bitrate for headers, repair and probes: otherwise they could never reach it. */
const MAX_MARGIN = 1.2;
/** A peer that asks for nothing again loses its picture to such a loss time and again. */
const STOPPING_LOSS = 0.01;

export type BitrateOptions = Pick<
  SessionOptions,
  'peerId' | 'congestionControl' | 'startBitrate' | 'minBitrate' | 'maxBitrate' | 'defineEncoderBitrates' | keyof OfferedCodecs
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

  /** Of everything together. `running`: those of the tracks of which the codec may be known. */
  limits(tracks: readonly SinkTrack[], running: readonly SessionTrack[] = []): { min: number; max: number } {
    const { minBitrate, maxBitrate } = this.#options;
    const pictures = tracks.filter(({ kind }) => kind === 'video').length;
    return { min: minBitrate * Math.max(1, pictures), max: maxBitrate * pictures * MAX_MARGIN + this.#sound(tracks, running) };
  }

  /** So much that each video encoder can begin with its start bitrate. */
  startTarget(tracks: readonly SinkTrack[]): number {
    return tracks.reduce((sum, track) => sum + this.#onPath(track), this.#sound(tracks, []));
  }

  /** What a video track may have before anything is known of the path. */
  start(track: SinkTrack): number {
    return this.exact ? this.#options.maxBitrate : this.#onPath(track);
  }

  /** Divides the target among the tracks. */
  divide({ control, retransmitted }: Egress, tracks: readonly SessionTrack[]): void {
    if (this.exact) return;
    const { peerId, defineEncoderBitrates } = this.#options;
    const now = performance.now();
    const video = tracks.filter(({ track, stream, counts, leads }) => track.kind === 'video' && stream && counts && leads);
    // Where the peer reports the arrival of pictures alone, the target is for them alone.
    const apart = video.some(({ stream }) => stream?.countsTransport);
    const audio = tracks.filter(
      ({ track, stream, counts }) => track.kind === 'audio' && stream && counts && (!apart || stream.countsTransport),
    );
    const bitrates = allocate({
      peerId,
      target: control.target.bitrate,
      audio: this.#sound(
        audio.map(({ track }) => track),
        audio,
      ),
      retransmissions: retransmitted.bitrate(now),
      fecPercentage: video[0]?.stream?.fecPercentage ?? 0,
      tracks: video.map(({ track }) => track.name),
      define: defineEncoderBitrates,
    });
    for (const [index, track] of video.entries()) {
      divideTrack(track, bitrates[index]!, tracks);
      if (control.target.lossFraction > STOPPING_LOSS) track.refresh(now);
    }
  }

  /** What sound takes on the path in the codecs that were agreed on, or else in those most wanted. */
  #sound(tracks: readonly SinkTrack[], running: readonly SessionTrack[]): number {
    return tracks.reduce((sum, { kind, name, input }) => {
      if (kind !== 'audio') return sum;
      const { transceiver, stream } = running.find(({ track }) => track.name === name) ?? {};
      const codec = transceiver?.codec ?? preferencesFor(this.#options, input)[0];
      return codec ? sum + audioOnPath(soundRates(wantedMedia(codec, input, transceiver?.mtu)), stream?.redundancy ?? 0) : sum;
    }, 0);
  }

  #onPath({ input }: SinkTrack): number {
    return input.kind === 'video' ? videoOnPath(this.#options.startBitrate, input.format.framerate) : 0;
  }
}

/** Gives a track its part, or each of its layers one of it, the largest of which it is. */
function divideTrack(track: SessionTrack, bitrate: number, tracks: readonly SessionTrack[]): void {
  const { input } = track.track;
  if (track.scale === undefined || input.kind !== 'video') {
    track.setTarget(bitrate);
    return;
  }
  const layers = tracks.filter(({ transceiver, scale }) => transceiver === track.transceiver && scale !== undefined);
  const running = layers.map(({ paused }) => !paused);
  for (const [index, share] of divideAmongLayers(bitrate, running, input.format).entries()) {
    layers[index]!.setTarget(share);
  }
}
