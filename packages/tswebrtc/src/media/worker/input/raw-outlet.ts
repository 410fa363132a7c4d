/**
 * Hands the raw frames of one track of an input to the encodings that subscribed, without a copy between threads. An encoding
 * gets the next frame when it says that it is ready. Meanwhile the newest frames wait here and not in its port, where nobody
 * could take them back: an encoder that is too slow gives up frames, but those it encodes are fresh.
 */
import type { MessagePort } from 'node:worker_threads';
import { FramePool, MAX_HOLDERS } from '../../frame-pool.ts';
import type { RawFormat, RawFrameMessage, RawMessage, RawRequest } from '../messages.ts';
import type { Timeline } from '../timeline.ts';

interface Subscriber {
  readonly holder: number;
  readonly port: MessagePort;
  /** Frames it is ready for. */
  ready: number;
  /** Frames it is not ready for yet, oldest first. */
  readonly waiting: RawFrameMessage[];
}

/** Frames an encoding may have in its port at once: sound is cheap and must not wait for a round trip. */
const READY: Record<RawFormat['kind'], number> = { video: 1, audio: 8 };
/** Frames that wait for an encoding; beyond them the oldest are given up. */
const MAX_WAITING: Record<RawFormat['kind'], number> = { video: 2, audio: 16 };
const SLOTS: Record<RawFormat['kind'], number> = { video: 7, audio: 32 };

export class RawOutlet {
  timeline: Timeline | undefined;
  readonly #kind: RawFormat['kind'];
  readonly #onRoom: (() => void) | undefined;
  readonly #subscribers = new Map<number, Subscriber>();
  #pool: FramePool | undefined;
  #format: RawFormat | undefined;
  #sequence = 0;
  #slot = -1;
  /** Of the last frame, µs. */
  #newest = Number.NEGATIVE_INFINITY;
  #ended = false;

  /** `onRoom` is called when `hasRoom` may have become true. */
  constructor(kind: RawFormat['kind'], onRoom?: () => void) {
    this.#kind = kind;
    this.#onRoom = onRoom;
  }

  get hasSubscribers(): boolean {
    return this.#subscribers.size > 0;
  }

  /** An encoding is ready for a frame, and a slot is free. */
  get hasRoom(): boolean {
    if (this.#pool && this.#pool.findFree() < 0) return false;
    for (const { ready } of this.#subscribers.values()) if (ready > 0) return true;
    return false;
  }

  /** Sets the layout of the frames to come; `size` is the most bytes one takes. */
  setFormat(format: RawFormat, size: number): void {
    this.#format = format;
    // Frames already under way keep the old pool alive until their readers are done with it.
    this.#pool = FramePool.create(SLOTS[this.#kind], size);
    for (const subscriber of this.#subscribers.values()) this.#announce(subscriber);
  }

  subscribe(id: number, port: MessagePort): void {
    const taken = new Set([...this.#subscribers.values()].map((subscriber) => subscriber.holder));
    let holder = 0;
    while (taken.has(holder)) holder++;
    if (holder >= MAX_HOLDERS || this.#ended) {
      port.postMessage({ type: 'ended' } satisfies RawMessage);
      port.close();
      return;
    }
    const subscriber: Subscriber = { holder, port, ready: READY[this.#kind], waiting: [] };
    this.#subscribers.set(id, subscriber);
    port.on('message', (_: RawRequest) => {
      const next = subscriber.waiting.shift();
      if (next) port.postMessage(next);
      else subscriber.ready++;
      this.#onRoom?.();
    });
    port.on('close', () => this.unsubscribe(id));
    this.#announce(subscriber);
    this.#onRoom?.();
  }

  unsubscribe(id: number): void {
    const subscriber = this.#subscribers.get(id);
    if (!subscriber) return;
    this.#subscribers.delete(id);
    this.#pool?.releaseAll(subscriber.holder);
    subscriber.port.close();
    this.#onRoom?.();
  }

  /** Room for the next frame, or undefined when nobody wants it or no slot is free. */
  begin(): Uint8Array<SharedArrayBuffer> | undefined {
    const pool = this.#pool;
    this.#sequence++;
    if (!pool || this.#subscribers.size === 0) return undefined;
    this.#slot = pool.findFree();
    return this.#slot < 0 ? undefined : pool.data(this.#slot);
  }

  /** Sends off the frame that was written to the room `begin` gave. Times in µs. */
  commit(time: number, duration: number, samples = 0): void {
    const pool = this.#pool;
    if (!pool || !this.#format) return;
    // Pictures stay in order also where the timeline was set anew between them.
    const timestamp = this.#kind === 'video' ? Math.max(time, this.#newest + 1) : time;
    this.#newest = timestamp;
    const message: RawFrameMessage = {
      type: 'frame',
      slot: this.#slot,
      sequence: this.#sequence,
      timestamp,
      duration,
      captureTime: this.timeline?.captureTime(timestamp) ?? 0,
      samples,
    };
    for (const subscriber of this.#subscribers.values()) {
      const { holder, port, waiting } = subscriber;
      pool.hold(this.#slot, holder);
      if (subscriber.ready > 0) {
        subscriber.ready--;
        port.postMessage(message);
        continue;
      }
      waiting.push(message);
      if (waiting.length > MAX_WAITING[this.#kind]) pool.release(waiting.shift()!.slot, holder);
    }
  }

  /** Tells the encodings that no more frames come. */
  end(): void {
    this.#ended = true;
    for (const { port, waiting } of this.#subscribers.values()) {
      for (const frame of waiting) port.postMessage(frame);
      port.postMessage({ type: 'ended' } satisfies RawMessage);
      port.close();
    }
    this.#subscribers.clear();
  }

  #announce({ port, holder, waiting }: Subscriber): void {
    if (!this.#pool || !this.#format) return;
    // What waits is of the pool before.
    waiting.length = 0;
    const message: RawMessage = { type: 'pool', pool: this.#pool.handle, format: this.#format, holder };
    port.postMessage(message);
  }
}
