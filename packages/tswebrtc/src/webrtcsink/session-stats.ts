/**
 * What a session adds to the W3C report of its connection: its encoders, which the connection does not know, what congestion control
 * thinks, and the structures of the original (reference §2.12, A.5).
 */
import type { RTCStatsEntry } from '../connection/transport/types.ts';
import type { Egress } from './egress.ts';
import type { SessionTrack } from './session-track.ts';

export interface SessionStatsSource {
  readonly tracks: readonly SessionTrack[];
  readonly egress: Egress;
}

/** One encoder of a consumer, as in the original's `consumer-stats`. */
export interface VideoEncoderStats {
  /** Target, bit/s. */
  readonly bitrate: number;
  /** `none`, `downscaled`, `downsampled`, or both joined by `+`. */
  readonly mitigationMode: string;
  /** Media type, `video/x-vp8`. */
  readonly codecName: string;
  readonly fecPercentage: number;
}

export function extendStats(
  report: Map<string, RTCStatsEntry>,
  { tracks, egress }: SessionStatsSource,
): Map<string, RTCStatsEntry> {
  const timestamp = performance.timeOrigin + performance.now();
  const extend = (id: string, fields: object): void => {
    const entry = report.get(id);
    if (entry) report.set(id, { ...entry, ...fields });
  };
  for (const track of tracks) {
    const { stream, membership, track: source } = track;
    const id = `media-source_${source.name}`;
    const format = membership?.encoding?.format;
    if (track.leads) {
      report.set(id, {
        id,
        type: 'media-source',
        timestamp,
        kind: source.kind,
        trackIdentifier: source.name,
        ...pictureOf(format),
      });
    }
    if (!stream) continue;
    const outbound = `rtp-outbound-stream-stats_${stream.ssrc}`;
    const { encoding } = membership ?? {};
    extend(outbound, {
      mediaSourceId: id,
      ...(encoding ? { targetBitrate: encoding.bitrate, encodingId: encoding.id } : {}),
      ...(format ? { frameWidth: format.width, frameHeight: format.height, framesPerSecond: format.framerate } : {}),
      ...(source.kind === 'video' ? { qualityLimitationReason: limitationOf(track), fecPercentage: stream.fecPercentage } : {}),
      framesSkipped: track.framesSkipped,
    });
  }
  const { target } = egress.control;
  const selected = [...report.values()].find(({ type }) => type === 'transport')?.selectedCandidatePairId;
  if (typeof selected === 'string') {
    const twcc = egress.twcc.figures(performance.now());
    extend(selected, {
      availableOutgoingBitrate: Math.round(target.bitrate),
      ...(twcc ? { gstTwccStats: twcc } : {}),
    });
  }
  const videoEncoders = tracks.flatMap(encoderOf);
  report.set('consumer-stats', { id: 'consumer-stats', type: 'consumer-stats', timestamp, videoEncoders });
  return report;
}

function encoderOf({ track, stream, membership, transceiver }: SessionTrack): VideoEncoderStats[] {
  const { encoding } = membership ?? {};
  const { codec } = transceiver;
  if (track.kind !== 'video' || !encoding || !codec) return [];
  return [
    {
      bitrate: encoding.bitrate,
      mitigationMode: encoding.mitigation.join('+') || 'none',
      codecName: `video/x-${codec.name.toLowerCase()}`,
      fecPercentage: stream?.fecPercentage ?? 0,
    },
  ];
}

const pictureOf = (format: { width: number; height: number; framerate: number } | undefined): object =>
  format ? { width: format.width, height: format.height, framesPerSecond: format.framerate } : {};

/** In the terms of webrtc-stats: what keeps the picture from being better. */
function limitationOf({ limited, membership }: SessionTrack): 'none' | 'bandwidth' {
  return limited || (membership?.encoding?.mitigation.length ?? 0) > 0 ? 'bandwidth' : 'none';
}
