/** Live figures of a session, as long as it lives. */
import { type ConsumerFigures, FigureMeter, type StatsSource } from './figures.ts';
import { SessionState } from './session-state.ts';

/** Options of {@link pollFigures}. */
export interface PollFiguresOptions {
  /** Time between two figures in ms. Default: 1000. */
  interval?: number;
  /** Stops the polling. */
  signal?: AbortSignal;
}

/** What {@link pollFigures} needs of a session: `ConsumerSession` has it. */
export interface FigureSource extends EventTarget {
  readonly state: SessionState;
  readonly rtcPeerConnection: { getStats(): Promise<unknown> } | null;
}

/**
 * Calls `onFigures` with the figures of `session` once an interval, from the moment it has a peer connection until it is
 * closed. A slow `getStats()` never overlaps with the next.
 * @returns a function that stops it.
 */
export function pollFigures(
  session: FigureSource,
  onFigures: (figures: ConsumerFigures) => void,
  options: PollFiguresOptions = {},
): () => void {
  const { interval = 1000, signal } = options;
  const meter = new FigureMeter();
  let busy = false;

  const poll = async (): Promise<void> => {
    const connection = session.rtcPeerConnection;
    if (busy || !connection) return;
    busy = true;
    try {
      const report = (await connection.getStats()) as StatsSource;
      if (session.rtcPeerConnection === connection && !stopped) onFigures(meter.measure(report));
    } catch {
      // A connection that closes while it is asked has no figures any more; the session tells of its own end.
    } finally {
      busy = false;
    }
  };

  let stopped = false;
  const timer = setInterval(() => void poll(), interval);
  const stop = (): void => {
    if (stopped) return;
    stopped = true;
    clearInterval(timer);
    session.removeEventListener('closed', stop);
    signal?.removeEventListener('abort', stop);
  };
  session.addEventListener('closed', stop);
  signal?.addEventListener('abort', stop);
  if (signal?.aborted || session.state === SessionState.closed) stop();
  else void poll();
  return stop;
}
