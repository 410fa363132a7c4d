/** A track that the application pushes, as an input of the engine: one without a thread. */
import type { MessagePort } from 'node:worker_threads';
import { Emitter } from '../../common/emitter.ts';
import type { EngineInput, Tap, TapHandlers } from '../engine-input.ts';
import type { InputEvents, InputTrack } from '../types.ts';
import type { WorkerInputTrack } from '../worker/messages.ts';
import { startTime } from '../worker/timeline.ts';
import type { PushHooks, PushSource } from './pushed-track.ts';

export class PushInput extends Emitter<InputEvents> implements EngineInput {
  readonly tracks: readonly InputTrack[];
  readonly descriptions: readonly WorkerInputTrack[];
  readonly #source: PushSource;
  readonly #onClosed: () => void;
  #started = false;
  #gone = false;

  /** Throws `INVALID_STATE` where the source serves an engine already. */
  constructor(id: string, source: PushSource, openDecoding: PushHooks['openDecoding'], onClosed: () => void) {
    super();
    source.attach({ ended: () => this.emit('ended'), openDecoding });
    const { description } = source;
    this.descriptions = [description];
    const { encoded } = description;
    const all = { id: `${id}.0`, ...(encoded ? { encoded } : {}) };
    this.tracks = [
      description.kind === 'video'
        ? { ...all, kind: description.kind, format: description.format }
        : { ...all, kind: description.kind, format: description.format },
    ];
    this.#source = source;
    this.#onClosed = onClosed;
  }

  get gone(): boolean {
    return this.#gone;
  }

  start(): void {
    if (this.#started || this.#gone) return;
    this.#started = true;
    this.#source.start(startTime());
  }

  subscribe(_track: number, subscriber: number, port: MessagePort): boolean {
    if (this.#gone) return false;
    this.#source.subscribe(subscriber, port);
    return true;
  }

  unsubscribe(_track: number, subscriber: number): void {
    this.#source.unsubscribe(subscriber);
  }

  tap(_track: number, handlers: TapHandlers): Tap | undefined {
    return this.#gone ? undefined : this.#source.tap?.(handlers);
  }

  async close(): Promise<void> {
    if (this.#gone) return;
    this.#gone = true;
    this.#source.close();
    this.#onClosed();
  }
}
