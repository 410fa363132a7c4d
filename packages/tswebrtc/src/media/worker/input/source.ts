/** What every kind of input is to the worker that runs it. */
import type { WorkerInputTrack } from '../messages.ts';
import type { Timeline } from '../timeline.ts';
import type { RawOutlet } from './raw-outlet.ts';

export interface SourceTrack {
  readonly description: WorkerInputTrack;
  readonly outlet: RawOutlet;
}

export interface SourceCallbacks {
  ended(): void;
  failed(error: unknown): void;
}

export interface Source {
  readonly tracks: readonly SourceTrack[];
  /** Begins to produce frames, timestamp 0 being due at the timeline's start. */
  start(timeline: Timeline, callbacks: SourceCallbacks): void;
  close(): void;
}
