/** The few figures that tell how a session does. */
import type { NetworkState } from '../congestion/types.ts';
import type { Connection } from '../connection/connection.ts';
import type { Egress } from './egress.ts';
import type { SessionTrack } from './session-track.ts';
import type { SessionOptions } from './session-types.ts';
import type { PlacementReason } from './sharing/rung-planner.ts';

/** Figures of one session, as the command line's `stats` event prints them. */
export interface SessionFigures {
  readonly sessionId: string;
  readonly peerId: string;
  /** Codec of the first video track, else of the first audio track, as in the SDP; null until negotiated. */
  readonly codec: string | null;
  /** What congestion control lets the session send, bit/s, everything included. */
  readonly targetBitrate: number;
  /** What it sent in the last second, bit/s, RTP headers included. */
  readonly sentBitrate: number;
  /** Part of our packets that got lost lately, 0..1; null before the peer's first report. */
  readonly packetLoss: number | null;
  /** Seconds; null before it is known. */
  readonly roundTripTime: number | null;
  /** What the one-way delay says of the path. */
  readonly networkState: NetworkState;
  /** FEC packets for a hundred packets of video. */
  readonly fecPercentage: number;
  /** Packets sent again, of all tracks. */
  readonly retransmittedPackets: number;
  /** Frames of video left out because the encoding makes more than the session may send. */
  readonly framesSkipped: number;
  /** The encoding that the session sends; null while it has none. */
  readonly encodingId: string | null;
  /** Its target, bit/s. */
  readonly encodingBitrate: number | null;
  /** Peers that are sent the same encoding. */
  readonly sharedWith: readonly string[];
  /**
   * Why this encoding: the session steers it alone; sits on its rung with others; was moved down because no more encodings
   * may run; is sent only a part of it, which is all it may have; or has one of its own by the option `encoding`.
   */
  readonly encodingReason: PlacementReason | 'limited' | null;
  /** What the low bitrate costs: `none`, `downscaled`, `downsampled`, or both joined by `+`. */
  readonly mitigationMode: string;
  /** Pixels and frames per second; null without video. */
  readonly width: number | null;
  readonly height: number | null;
  readonly framerate: number | null;
  readonly state: string;
}

/** What the figures are read from. */
export interface FiguresSource {
  readonly options: Pick<SessionOptions, 'id' | 'peerId' | 'sharedWith'>;
  readonly tracks: readonly SessionTrack[];
  readonly egress: Egress;
  readonly connection: Connection | undefined;
}

export function readFigures({ options, tracks, egress, connection }: FiguresSource): SessionFigures {
  const main = tracks.find(({ track, membership }) => track.kind === 'video' && membership) ?? tracks.find((t) => t.membership);
  const { target } = egress.control;
  const reported = main?.stream?.remoteInbound !== undefined;
  const membership = main?.membership;
  const encoding = membership?.encoding;
  const format = encoding?.format;
  return {
    sessionId: options.id,
    peerId: options.peerId,
    codec: main?.transceiver.codec?.name ?? null,
    targetBitrate: Math.round(target.bitrate),
    sentBitrate: Math.round(egress.sent.bitrate(performance.now())),
    packetLoss: reported || target.lossFraction > 0 ? target.lossFraction : null,
    // Of all packets lately rather than of one report a second.
    roundTripTime: target.rtt === undefined ? (connection?.roundTripTime ?? null) : target.rtt / 1000,
    networkState: target.state,
    fecPercentage: main?.stream?.fecPercentage ?? 0,
    retransmittedPackets: egress.streams.reduce((sum, stream) => sum + stream.stats().retransmittedPacketsSent, 0),
    framesSkipped: tracks.reduce((sum, track) => sum + track.framesSkipped, 0),
    encodingId: encoding?.id ?? null,
    encodingBitrate: encoding?.bitrate ?? null,
    sharedWith: options.sharedWith(encoding?.id),
    encodingReason: main?.limited ? 'limited' : (membership?.reason ?? null),
    mitigationMode: encoding?.mitigation.join('+') || 'none',
    width: format?.width ?? null,
    height: format?.height ?? null,
    framerate: format?.framerate ?? null,
    state: connection?.state ?? 'new',
  };
}
