/** Figures of what a source receives, for programs (`stats`) and as one line for people. */
import type { RTCStatsEntry } from '../connection/transport/types.ts';
import type { InboundStreamStats } from '../rtp/receive/inbound-stream.ts';
import type { WebRTCSrc } from '../webrtcsrc/webrtcsrc.ts';

export interface TrackFigures {
  readonly name: string;
  readonly kind: 'audio' | 'video';
  readonly codec: string;
  /** Pixels; null before the first picture, and of sound. */
  readonly width: number | null;
  readonly height: number | null;
  /** Frames a second; of the time since the last figures, as the next two. */
  readonly framerate: number;
  /** bit/s */
  readonly bitrate: number;
  /** 0..1, of the packets that the producer sent. */
  readonly packetLoss: number;
  readonly packetsLost: number;
  /** s */
  readonly jitter: number;
  /** s that frames wait so that they come evenly. */
  readonly playoutDelay: number;
  readonly framesReceived: number;
  readonly keyFramesReceived: number;
  /** Places where something was lost for good. */
  readonly gaps: number;
}

export interface SrcFigures {
  readonly producerId: string | null;
  /** s; null when not known. */
  readonly roundTripTime: number | null;
  readonly tracks: readonly TrackFigures[];
}

interface Earlier {
  readonly time: number;
  readonly stats: InboundStreamStats;
}

/** Remembers the last figures to tell rates from. */
export class SrcFigureReader {
  readonly #src: WebRTCSrc;
  readonly #earlier = new Map<string, Earlier>();

  constructor(src: WebRTCSrc) {
    this.#src = src;
  }

  async read(now = performance.now()): Promise<SrcFigures> {
    const report = await this.#src.getStats();
    const roundTripTime = roundTripTimeOf([...report.values()]);
    const tracks: TrackFigures[] = [];
    for (const { name, kind, codec, stats } of this.#src.tracks) {
      if (!stats) continue;
      const before = this.#earlier.get(name);
      this.#earlier.set(name, { time: now, stats });
      const seconds = before ? (now - before.time) / 1000 : 0;
      const rate = (key: 'framesReceived' | 'bytesReceived'): number =>
        before && seconds > 0 ? Math.max(0, stats[key] - before.stats[key]) / seconds : 0;
      const lost = stats.packetsLost - (before?.stats.packetsLost ?? 0);
      const received = stats.packetsReceived - (before?.stats.packetsReceived ?? 0);
      tracks.push({
        name,
        kind,
        codec,
        width: stats.frameWidth ?? null,
        height: stats.frameHeight ?? null,
        framerate: round(rate('framesReceived'), 1),
        bitrate: Math.round(rate('bytesReceived') * 8),
        packetLoss: round(Math.max(0, lost) / Math.max(1, lost + received), 4),
        packetsLost: stats.packetsLost,
        jitter: round(stats.jitter, 4),
        playoutDelay: round(stats.playoutDelay / 1000, 4),
        framesReceived: stats.framesReceived,
        keyFramesReceived: stats.keyFramesReceived,
        gaps: stats.gaps,
      });
    }
    return { producerId: this.#src.producerId ?? null, roundTripTime, tracks };
  }
}

/** s, as the sender last answered; before that as the connectivity checks had it. */
function roundTripTimeOf(entries: readonly RTCStatsEntry[]): number | null {
  const told = entries.find(({ type, roundTripTime }) => type === 'remote-outbound-rtp' && roundTripTime !== undefined);
  const checked = entries.find(
    ({ type, currentRoundTripTime }) => type === 'candidate-pair' && currentRoundTripTime !== undefined,
  );
  const time = told?.roundTripTime ?? checked?.currentRoundTripTime;
  return typeof time === 'number' ? round(time, 4) : null;
}

/** One line, no longer than `columns`. */
export function statusLine({ tracks, roundTripTime }: SrcFigures, recorded: number | undefined, columns: number): string {
  const parts = tracks.map(({ kind, codec, width, height, framerate, bitrate }) => {
    const rate = bitrate >= 1e6 ? `${(bitrate / 1e6).toFixed(2)} Mbit/s` : `${Math.round(bitrate / 1000)} kbit/s`;
    return kind === 'audio'
      ? `${codec} ${rate}`
      : `${codec} ${width ?? '?'}x${height ?? '?'} ${framerate.toFixed(1)} fps ${rate}`;
  });
  if (tracks.length > 0) {
    const loss = Math.max(...tracks.map(({ packetLoss }) => packetLoss));
    const jitter = Math.max(...tracks.map((track) => track.jitter));
    parts.push(`loss ${(loss * 100).toFixed(1)} %`, `jitter ${Math.round(jitter * 1000)} ms`);
  }
  if (roundTripTime !== null) parts.push(`RTT ${Math.round(roundTripTime * 1000)} ms`);
  if (recorded !== undefined) parts.push(`recorded ${recorded.toFixed(0)} s`);
  return parts.join(' | ').slice(0, Math.max(0, columns - 1));
}

const round = (value: number, digits: number): number => Math.round(value * 10 ** digits) / 10 ** digits;
