/** What every kind of input is to the worker that runs it. */
import type { WorkerInputTrack } from '../messages.ts';
import type { Timeline } from '../timeline.ts';
import type { EncodedOutlet } from './encoded-outlet.ts';
import type { RawOutlet } from './raw-outlet.ts';
import type { TimeCodeReader } from './time-code-reader.ts';

export interface SourceTrack {
  readonly description: WorkerInputTrack;
  readonly outlet: RawOutlet;
  /** There where `description` says what it is encoded as. */
  readonly packets?: EncodedOutlet;
  /** Of pictures that may have time codes. */
  readonly timeCodes?: TimeCodeReader | undefined;
}

export interface SourceCallbacks {
  ended(): void;
  failed(error: unknown): void;
  /** It gives nothing for the time being; `reason` is a sentence. */
  interrupted(reason: string): void;
  resumed(): void;
}

export interface Source {
  readonly tracks: readonly SourceTrack[];
  /** Begins to produce frames, timestamp 0 being due at the timeline's start. */
  start(timeline: Timeline, callbacks: SourceCallbacks): void;
  close(): void;
}
