/**
 * What pushed pictures and pushed sound have in common. The application writes in its own thread, and from there frames go to the
 * encodings: there is no input thread in between.
 */
import type { MessagePort } from 'node:worker_threads';
import { TsWebRTCError } from '../../common/errors.ts';
import type { Tap, TapHandlers } from '../engine-input.ts';
import type { Decoding, DecodingOptions } from '../output-types.ts';
import { RawOutlet } from '../worker/input/raw-outlet.ts';
import type { RawFormat, StartTime, WorkerInputTrack } from '../worker/messages.ts';
import { Timeline } from '../worker/timeline.ts';
import { WriteQueue, type WriteQueueOptions } from './write-queue.ts';

/** µs that what is written may be ahead of time; beyond that, writes wait. */
export const LEAD = 100_000;

/** What a pushed track needs of the engine. */
export interface PushHooks {
  ended(): void;
  openDecoding(options: DecodingOptions): Promise<Decoding>;
}

/** The engine's side of a track that the application pushes. */
export interface PushSource {
  readonly type: 'push';
  readonly kind: 'video' | 'audio';
  /** @internal */
  readonly description: WorkerInputTrack;
  /** @internal Begins to serve an engine; throws `INVALID_STATE` where it serves one. */
  attach(hooks: PushHooks): void;
  /** @internal */
  start(at: StartTime): void;
  /** @internal Sends raw frames to `port`. */
  subscribe(subscriber: number, port: MessagePort): void;
  /** @internal */
  unsubscribe(subscriber: number): void;
  /** @internal As of an `EngineInput`; raw frames have none. */
  tap?(handlers: TapHandlers): Tap;
  /** Ends at once; writes that wait are rejected. Idempotent. */
  close(): void;
}

export abstract class PushedTrack<Item> implements PushSource {
  readonly type = 'push';
  readonly kind: RawFormat['kind'];
  /** @internal */
  abstract readonly description: WorkerInputTrack;
  protected readonly outlet: RawOutlet;
  protected readonly queue: WriteQueue<Item>;
  /** When the input's timeline begins, µs on the monotonic clock; undefined before. */
  protected origin: number | undefined;
  #onEnded: (() => void) | undefined;
  #attached = false;
  #closed = false;

  protected constructor(kind: RawFormat['kind'], queue: WriteQueueOptions<Item>) {
    this.kind = kind;
    this.outlet = new RawOutlet(kind, () => this.queue.pump());
    this.queue = new WriteQueue(queue);
  }

  /** Somebody takes the frames. While this is false they are given up, and need not be made. */
  get watched(): boolean {
    return this.outlet.hasSubscribers;
  }

  /** Frames given up because writes were not waited for. */
  get framesDropped(): number {
    return this.queue.dropped;
  }

  /** No more frames come: the track ends when what was written before is out. */
  async end(): Promise<void> {
    await this.queue.end();
    if (this.#closed) return;
    await this.flush();
    this.#finish();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.queue.close();
    this.#finish();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** @internal */
  attach({ ended }: PushHooks): void {
    if (this.#closed) throw new TsWebRTCError('INVALID_STATE', `The pushed ${this.kind} track is closed: make another.`);
    if (this.#attached)
      throw new TsWebRTCError('INVALID_STATE', `The pushed ${this.kind} track is in a sink already: make another.`);
    this.#attached = true;
    this.#onEnded = ended;
  }

  /** @internal */
  start(at: StartTime): void {
    this.outlet.timeline = new Timeline(at);
    this.origin = at.monotonic * 1000;
  }

  /** @internal */
  subscribe(subscriber: number, port: MessagePort): void {
    this.outlet.subscribe(subscriber, port);
  }

  /** @internal */
  unsubscribe(subscriber: number): void {
    this.outlet.unsubscribe(subscriber);
  }

  /** Brings out what is still inside. */
  protected abstract flush(): Promise<void>;

  #finish(): void {
    this.outlet.end();
    const onEnded = this.#onEnded;
    this.#onEnded = undefined;
    onEnded?.();
  }
}
