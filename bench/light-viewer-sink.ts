/** The sink of the benchmarks with light viewers: how it is run, and what it says of its encoders and sessions. */
import { CommandProcess } from '../interop/command-process.ts';
import { sharedClock } from './child.ts';
import type { Span } from './light-viewer-measure.ts';

interface Session {
  readonly sessionId: string;
  readonly peerId: string;
  readonly targetBitrate: number;
  readonly sentBitrate: number;
  readonly encodingId: string | null;
  readonly encodingBitrate: number | null;
  readonly encodingReason: string | null;
  readonly framesSkipped: number;
}

interface Encoding {
  readonly id: string;
  readonly codec: string;
  readonly bitrate: number;
  readonly width: number | null;
  readonly height: number | null;
  readonly framerate: number | null;
  readonly sessions: readonly string[];
  readonly keyframes: number;
}

export interface SinkSample {
  /** ms of `sharedClock()` */
  readonly time: number;
  readonly sessions: readonly Session[];
  readonly encodings: readonly Encoding[];
}

/** s */
const STATS_INTERVAL = 0.25;

/** `address`: where its signalling server listens. `through`: a command that runs the rest of its command line elsewhere. */
export async function startSink(
  inputs: readonly string[],
  flags: readonly string[],
  address = '127.0.0.1',
  through: readonly string[] = [],
): Promise<CommandProcess> {
  const server = ['--run-signalling-server', '--signalling-server-host', address, '--signalling-server-port', '0'];
  const watched = ['--json', '--stats-interval', String(STATS_INTERVAL), '--stun-server', 'none'];
  const sink = new CommandProcess(['sink', ...inputs, ...watched, ...server, ...flags], through);
  try {
    await sink.event('registered');
    return sink;
  } catch (error) {
    await sink.stop();
    throw error;
  }
}

/** What it printed so far. */
export function samplesOf(sink: CommandProcess): SinkSample[] {
  const offset = sharedClock() - Date.now();
  return sink.events.flatMap(({ event, time, sessions, encodings }) =>
    event === 'stats' ? [{ time: time + offset, sessions, encodings } as SinkSample] : [],
  );
}

export function samplesIn(samples: readonly SinkSample[], { from, to }: Span): SinkSample[] {
  return samples.filter(({ time }) => time >= from && time < to);
}

/** Keyframes of video that all encoders made meanwhile. */
export function keyframesMade(samples: readonly SinkSample[], { from, to }: Span): number {
  const at = (time: number): Map<string, number> => {
    const encodings = samples.findLast((sample) => sample.time <= time)?.encodings ?? [];
    return new Map(encodings.filter(({ width }) => width !== null).map(({ id, keyframes }) => [id, keyframes]));
  };
  const before = at(from);
  return [...at(to)].reduce((sum, [id, count]) => sum + count - (before.get(id) ?? 0), 0);
}

/** How often the sessions of these peers changed the encoding. */
export function moves(samples: readonly SinkSample[], peers: ReadonlySet<string>): number {
  const last = new Map<string, string | null>();
  let count = 0;
  for (const { sessions } of samples) {
    for (const { peerId, encodingId } of sessions) {
      if (!peers.has(peerId)) continue;
      if (last.has(peerId) && last.get(peerId) !== encodingId) count++;
      last.set(peerId, encodingId);
    }
  }
  return count;
}

/** Targets of the sessions of these peers, bit/s. */
export function targets(samples: readonly SinkSample[], peers: ReadonlySet<string>): number[] {
  return samples.flatMap(({ sessions }) =>
    sessions.filter(({ peerId }) => peers.has(peerId)).map(({ targetBitrate }) => targetBitrate),
  );
}
