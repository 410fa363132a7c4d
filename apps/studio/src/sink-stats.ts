/**
 * The sink's figures as its `stats` sends them, read with care: the page may be older or newer than the sink, so whatever is
 * missing or of another kind counts as not known.
 */

export type NetworkState = 'normal' | 'overuse' | 'underuse';

/** Why a session gets the encoding it gets. */
export type EncodingReason = 'alone' | 'shared' | 'merged' | 'limited' | 'per-consumer';

export interface SessionFigures {
  readonly sessionId: string;
  readonly peerId: string;
  readonly state: string;
  readonly codec: string | null;
  /** What congestion control allows, bit/s. */
  readonly targetBitrate: number | null;
  /** bit/s. */
  readonly sentBitrate: number | null;
  /** 0..1. */
  readonly packetLoss: number | null;
  /** Seconds. */
  readonly roundTripTime: number | null;
  readonly encodingId: string | null;
  readonly encodingBitrate: number | null;
  /** Peer ids of the others on the same encoding. */
  readonly sharedWith: readonly string[];
  readonly encodingReason: EncodingReason | null;
  readonly networkState: NetworkState | null;
  /** Part of a hundred. */
  readonly fecPercentage: number | null;
  readonly mitigationMode: string;
  readonly retransmittedPackets: number;
  readonly framesSkipped: number;
  readonly width: number | null;
  readonly height: number | null;
  readonly framerate: number | null;
}

export interface EncodingFigures {
  readonly id: string;
  readonly track: string;
  readonly codec: string | null;
  /** bit/s. */
  readonly bitrate: number | null;
  readonly width: number | null;
  readonly height: number | null;
  readonly framerate: number | null;
  /** Ids of its sessions. */
  readonly sessions: readonly string[];
}

export interface SinkStats {
  readonly sessions: readonly SessionFigures[];
  readonly encodings: readonly EncodingFigures[];
}

const NETWORK_STATES: ReadonlySet<unknown> = new Set<NetworkState>(['normal', 'overuse', 'underuse']);
const REASONS: ReadonlySet<unknown> = new Set<EncodingReason>(['alone', 'shared', 'merged', 'limited', 'per-consumer']);

/** The figures in an event; undefined where it holds none. */
export function readSinkStats(json: string): SinkStats | undefined {
  let given: unknown;
  try {
    given = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (!isRecord(given) || !Array.isArray(given.sessions)) return undefined;
  return { sessions: entries(given.sessions, readSession, 'sessionId'), encodings: entries(given.encodings, readEncoding, 'id') };
}

function readSession(from: Fields): SessionFigures {
  return {
    sessionId: text(from.sessionId) ?? '',
    peerId: text(from.peerId) ?? text(from.sessionId) ?? '',
    state: text(from.state) ?? '',
    codec: text(from.codec),
    targetBitrate: number(from.targetBitrate),
    sentBitrate: number(from.sentBitrate),
    packetLoss: number(from.packetLoss),
    roundTripTime: number(from.roundTripTime),
    encodingId: text(from.encodingId),
    encodingBitrate: number(from.encodingBitrate),
    sharedWith: texts(from.sharedWith),
    encodingReason: REASONS.has(from.encodingReason) ? (from.encodingReason as EncodingReason) : null,
    networkState: NETWORK_STATES.has(from.networkState) ? (from.networkState as NetworkState) : null,
    fecPercentage: number(from.fecPercentage),
    mitigationMode: text(from.mitigationMode) ?? 'none',
    retransmittedPackets: number(from.retransmittedPackets) ?? 0,
    framesSkipped: number(from.framesSkipped) ?? 0,
    width: number(from.width),
    height: number(from.height),
    framerate: number(from.framerate),
  };
}

function readEncoding(from: Fields): EncodingFigures {
  return {
    id: text(from.id) ?? '',
    track: text(from.track) ?? '',
    codec: text(from.codec),
    bitrate: number(from.bitrate),
    width: number(from.width),
    height: number(from.height),
    framerate: number(from.framerate),
    sessions: texts(from.sessions),
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** Those that have a name by which they can be told apart. */
function entries<T>(list: unknown, read: (from: Fields) => T, key: string): T[] {
  if (!Array.isArray(list)) return [];
  return list.filter((item): item is Fields => isRecord(item) && text(item[key]) !== null).map(read);
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function number(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
