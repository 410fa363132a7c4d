/** The raw frames an encoding takes, from the input's worker, which sends one when the encoding is ready for it. */
import type { MessagePort } from 'node:worker_threads';
import { FramePool } from '../../frame-pool.ts';
import type { RawFormat, RawFrameMessage, RawMessage, RawRequest } from '../messages.ts';

/** A raw frame in its slot. `release` may be called more than once. */
export interface RawFrame extends RawFrameMessage {
  readonly data: Uint8Array<SharedArrayBuffer>;
  readonly format: RawFormat;
  release(): void;
}

interface Source {
  readonly pool: FramePool;
  readonly format: RawFormat;
  readonly holder: number;
}

export class Inlet {
  readonly #port: MessagePort;
  readonly #take: (frame: RawFrame) => void;
  readonly #onEnded: () => void;
  readonly #onDropped: (count: number) => void;
  #queue: RawFrame[] = [];
  #source: Source | undefined;
  #sequence: number | undefined;
  #done = false;
  #ended = false;

  constructor(
    port: MessagePort,
    callbacks: {
      take: (frame: RawFrame) => void;
      ended: () => void;
      dropped: (count: number) => void;
    },
  ) {
    this.#port = port;
    this.#take = callbacks.take;
    this.#onEnded = callbacks.ended;
    this.#onDropped = callbacks.dropped;
    port.on('message', (message: RawMessage) => {
      this.#accept(message);
      this.#run();
    });
    port.on('close', () => {
      this.#ended = true;
      this.#run();
    });
  }

  close(): void {
    for (const frame of this.#queue) frame.release();
    this.#queue = [];
    this.#ended = true;
    this.#done = true;
    this.#port.close();
  }

  #accept(message: RawMessage): void {
    switch (message.type) {
      case 'pool':
        this.#source = { pool: FramePool.attach(message.pool), format: message.format, holder: message.holder };
        return;
      case 'ended':
        this.#ended = true;
        return;
      case 'frame': {
        const source = this.#source;
        if (!source) return;
        if (this.#sequence !== undefined) {
          const missing = message.sequence - this.#sequence - 1;
          if (missing > 0) this.#onDropped(missing);
        }
        this.#sequence = message.sequence;
        let held = true;
        this.#queue.push({
          ...message,
          data: source.pool.data(message.slot),
          format: source.format,
          release: () => {
            // Once: the slot may have come back with another frame since.
            if (held) source.pool.release(message.slot, source.holder);
            held = false;
          },
        });
      }
    }
  }

  #run(): void {
    while (!this.#done) {
      const frame = this.#queue.shift();
      if (!frame) {
        if (this.#ended) {
          this.#done = true;
          this.#onEnded();
        }
        return;
      }
      this.#take(frame);
      this.#askForMore();
    }
  }

  #askForMore(): void {
    this.#port.postMessage({ type: 'ready' } satisfies RawRequest);
  }
}
