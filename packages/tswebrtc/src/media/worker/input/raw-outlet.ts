/** Hands the raw frames of one track of an input to the encodings that subscribed, without a copy between threads. */
import type { MessagePort } from 'node:worker_threads';
import { FramePool, MAX_HOLDERS } from '../../frame-pool.ts';
import type { RawFormat, RawMessage } from '../messages.ts';
import type { Timeline } from '../timeline.ts';

interface Subscriber {
  readonly holder: number;
  readonly port: MessagePort;
}

/** Frames an encoding may have waiting; one that is slower loses the newer ones instead of everybody's slots. */
const MAX_HELD: Record<RawFormat['kind'], number> = { video: 3, audio: 24 };
const SLOTS: Record<RawFormat['kind'], number> = { video: 7, audio: 32 };

export class RawOutlet {
  timeline: Timeline | undefined;
  readonly #subscribers = new Map<number, Subscriber>();
  #pool: FramePool | undefined;
  #format: RawFormat | undefined;
  #sequence = 0;
  #slot = -1;
  #ended = false;

  get hasSubscribers(): boolean {
    return this.#subscribers.size > 0;
  }

  /** Sets the layout of the frames to come; `size` is the most bytes one takes. */
  setFormat(format: RawFormat, size: number): void {
    this.#format = format;
    // Frames already under way keep the old pool alive until their readers are done with it.
    this.#pool = FramePool.create(SLOTS[format.kind], size);
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
    const subscriber = { holder, port };
    this.#subscribers.set(id, subscriber);
    port.on('close', () => this.unsubscribe(id));
    this.#announce(subscriber);
  }

  unsubscribe(id: number): void {
    const subscriber = this.#subscribers.get(id);
    if (!subscriber) return;
    this.#subscribers.delete(id);
    this.#pool?.releaseAll(subscriber.holder);
    subscriber.port.close();
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
  commit(timestamp: number, duration: number, samples = 0): void {
    const pool = this.#pool;
    if (!pool || !this.#format) return;
    const limit = MAX_HELD[this.#format.kind];
    const message: RawMessage = {
      type: 'frame',
      slot: this.#slot,
      sequence: this.#sequence,
      timestamp,
      duration,
      captureTime: this.timeline?.captureTime(timestamp) ?? 0,
      samples,
    };
    for (const { holder, port } of this.#subscribers.values()) {
      if (pool.heldBy(holder) >= limit) continue;
      pool.hold(this.#slot, holder);
      port.postMessage(message);
    }
  }

  /** Tells the encodings that no more frames come. */
  end(): void {
    this.#ended = true;
    for (const { port } of this.#subscribers.values()) {
      port.postMessage({ type: 'ended' } satisfies RawMessage);
      port.close();
    }
    this.#subscribers.clear();
  }

  #announce({ port, holder }: Subscriber): void {
    if (!this.#pool || !this.#format) return;
    const message: RawMessage = { type: 'pool', pool: this.#pool.handle, format: this.#format, holder };
    port.postMessage(message);
  }
}
