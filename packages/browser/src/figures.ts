/**
 * From statistics reports of the browser (W3C webrtc-stats) to the figures people ask for. A report holds totals; rates
 * need two of them, so a meter remembers the one before. Pure: takes reports, reads no clock.
 */

/** Figures of one received track. */
export interface TrackFigures {
  readonly kind: 'audio' | 'video';
  /** Media section it belongs to, where the browser says so. */
  readonly mid: string | null;
  /** Name of the codec, such as `VP8` or `opus`. */
  readonly codec: string | null;
  /** Media received, in bit/s, without RTP headers. */
  readonly bitrate: number | null;
  /** Part of the packets that was lost and not recovered, 0 to 100. */
  readonly lossPercent: number | null;
  /** Variation of the packets' transit time, in ms (RFC 3550 §6.4.1). */
  readonly jitter: number | null;
  /** Mean time media waited in the jitter buffer, in ms. */
  readonly jitterBufferDelay: number | null;
  /** Size of the decoded picture in pixels, video only. */
  readonly width: number | null;
  readonly height: number | null;
  /** Decoded frames in a second, video only. */
  readonly framesPerSecond: number | null;
  /** Frames that were decoded or due and never shown, in total, video only. */
  readonly framesDropped: number | null;
  /** Times the picture stood still, in total, video only. */
  readonly freezes: number | null;
}

/** The way the packets take. */
export interface PathFigures {
  /** Types of the ICE candidates: `host`, `srflx`, `prflx` or `relay`. */
  readonly local: string;
  readonly remote: string;
  /** `udp` or `tcp`. */
  readonly protocol: string;
}

/** Figures of a session, for the time since the figures before; null where not (yet) known. */
export interface ConsumerFigures {
  /** Time of the report in ms, in the browser's clock of statistics. */
  readonly timestamp: number;
  /** Sum over the tracks, in bit/s. */
  readonly bitrate: number | null;
  /** Over all tracks, 0 to 100. */
  readonly lossPercent: number | null;
  /** In ms. */
  readonly roundTripTime: number | null;
  readonly path: PathFigures | null;
  readonly tracks: readonly TrackFigures[];
  /** The first video track that receives anything, else the first. */
  readonly video: TrackFigures | null;
  /** Likewise for audio. */
  readonly audio: TrackFigures | null;
}

/** A statistics report, or anything that can be walked like one. */
export type StatsSource = Iterable<readonly [string, unknown]>;

type Entry = Record<string, unknown> & { id: string; type: string; timestamp: number };

interface Totals {
  readonly timestamp: number;
  readonly bytes: number;
  readonly packets: number;
  readonly lost: number;
  readonly frames: number;
  readonly bufferSeconds: number;
  readonly bufferItems: number;
}

interface Measured {
  readonly track: TrackFigures;
  readonly packets: number;
  readonly lost: number;
}

/** Makes figures of successive reports of one session. */
export class FigureMeter {
  #before = new Map<string, Totals>();

  /** The figures for the time between the report before and this one. */
  measure(report: StatsSource): ConsumerFigures {
    const entries = new Map<string, Entry>();
    for (const [id, entry] of report) entries.set(id, entry as Entry);
    const now = new Map<string, Totals>();
    const measured: Measured[] = [];
    let timestamp = 0;
    for (const entry of entries.values()) {
      if (entry.type !== 'inbound-rtp' || (entry.kind !== 'video' && entry.kind !== 'audio')) continue;
      const totals = totalsOf(entry);
      now.set(entry.id, totals);
      timestamp = Math.max(timestamp, totals.timestamp);
      measured.push(measureTrack(entry, entries, totals, this.#before.get(entry.id)));
    }
    this.#before = now;
    const tracks = measured.map(({ track }) => track);
    const pair = selectedPair(entries);
    return {
      timestamp: timestamp || (pair?.timestamp ?? 0),
      bitrate: tracks.some((track) => track.bitrate !== null) ? sum(tracks.map((track) => track.bitrate ?? 0)) : null,
      lossPercent: percentLost(sum(measured.map((m) => m.lost)), sum(measured.map((m) => m.packets))),
      roundTripTime: milliseconds(number(pair?.currentRoundTripTime)),
      path: pathOf(pair, entries),
      tracks,
      video: leading(tracks, 'video'),
      audio: leading(tracks, 'audio'),
    };
  }
}

function measureTrack(entry: Entry, entries: ReadonlyMap<string, Entry>, totals: Totals, before: Totals | undefined): Measured {
  const seconds = before ? (totals.timestamp - before.timestamp) / 1000 : 0;
  const rate = (key: 'bytes' | 'frames'): number | null =>
    before && seconds > 0 ? Math.max(0, totals[key] - before[key]) / seconds : null;
  const since = (key: keyof Totals): number => Math.max(0, totals[key] - (before?.[key] ?? 0));
  const video = entry.kind === 'video';
  const bytesPerSecond = rate('bytes');
  const buffered = since('bufferItems');
  return {
    packets: since('packets'),
    lost: since('lost'),
    track: {
      kind: video ? 'video' : 'audio',
      mid: text(entry.mid),
      codec: codecName(entries.get(String(entry.codecId))),
      bitrate: bytesPerSecond === null ? null : bytesPerSecond * 8,
      lossPercent: percentLost(since('lost'), since('packets')),
      jitter: milliseconds(number(entry.jitter)),
      jitterBufferDelay: buffered > 0 ? (since('bufferSeconds') / buffered) * 1000 : null,
      width: video ? number(entry.frameWidth) : null,
      height: video ? number(entry.frameHeight) : null,
      // The browser's own figure, where there is one, is smoothed over the same second; the difference serves the others.
      framesPerSecond: video ? (rate('frames') ?? number(entry.framesPerSecond)) : null,
      framesDropped: video ? number(entry.framesDropped) : null,
      freezes: video ? number(entry.freezeCount) : null,
    },
  };
}

function totalsOf(entry: Entry): Totals {
  return {
    timestamp: entry.timestamp,
    bytes: number(entry.bytesReceived) ?? 0,
    packets: number(entry.packetsReceived) ?? 0,
    lost: number(entry.packetsLost) ?? 0,
    frames: number(entry.framesDecoded) ?? 0,
    bufferSeconds: number(entry.jitterBufferDelay) ?? 0,
    bufferItems: number(entry.jitterBufferEmittedCount) ?? 0,
  };
}

/** The pair in use: named by the transport, or, where the browser has no transport statistics, marked in the pair. */
function selectedPair(entries: ReadonlyMap<string, Entry>): Entry | undefined {
  let marked: Entry | undefined;
  for (const entry of entries.values()) {
    if (entry.type === 'transport') {
      const pair = entries.get(String(entry.selectedCandidatePairId));
      if (pair) return pair;
    }
    if (entry.type === 'candidate-pair' && (entry.selected || (entry.nominated && entry.state === 'succeeded'))) marked = entry;
  }
  return marked;
}

function pathOf(pair: Entry | undefined, entries: ReadonlyMap<string, Entry>): PathFigures | null {
  const local = entries.get(String(pair?.localCandidateId));
  const remote = entries.get(String(pair?.remoteCandidateId));
  if (!local || !remote) return null;
  return { local: String(local.candidateType), remote: String(remote.candidateType), protocol: text(local.protocol) ?? 'udp' };
}

function leading(tracks: readonly TrackFigures[], kind: 'audio' | 'video'): TrackFigures | null {
  const ofKind = tracks.filter((track) => track.kind === kind);
  return ofKind.find((track) => (track.bitrate ?? 0) > 0) ?? ofKind[0] ?? null;
}

function codecName(codec: Entry | undefined): string | null {
  return text(codec?.mimeType)?.replace(/^\w+\//, '') ?? null;
}

function percentLost(lost: number, received: number): number | null {
  return lost + received > 0 ? (lost / (lost + received)) * 100 : null;
}

function milliseconds(seconds: number | null): number | null {
  return seconds === null ? null : seconds * 1000;
}

function number(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
