/**
 * What an application has written and was not taken yet, in order. A write that waits keeps the application's own buffer and no copy;
 * an application that does not wait for its writes loses the oldest of them.
 */
import { TsWebRTCError } from '../../common/errors.ts';

/** µs until another attempt; 0 when it was taken, `Infinity` when `pump` will be called. */
export type Wait = number;

interface Write<Item> {
  readonly item: Item;
  readonly cost: number;
  resolve(): void;
  reject(error: Error): void;
}

export interface WriteQueueOptions<Item> {
  /** Takes an item, or a part of it, or tells when to come again. */
  attempt(item: Item): Wait;
  /** What an item counts against `limit`. */
  cost(item: Item): number;
  /** Most that may wait behind the first. */
  readonly limit: number;
}

export class WriteQueue<Item> {
  /** Writes given up because the application did not wait. */
  dropped = 0;
  readonly #options: WriteQueueOptions<Item>;
  readonly #writes: Write<Item>[] = [];
  #waiting = 0;
  #timer: NodeJS.Timeout | undefined;
  #pumping = false;
  #onEmpty: (() => void) | undefined;
  #state: 'open' | 'ended' | 'closed' = 'open';

  constructor(options: WriteQueueOptions<Item>) {
    this.#options = options;
  }

  /** Resolves when `item` was taken, always in a later turn of the event loop, so that a loop of writes lets others work. */
  write(item: Item): Promise<void> {
    if (this.#state !== 'open') return Promise.reject(gone(this.#state));
    return new Promise((resolve, reject) => {
      const cost = this.#options.cost(item);
      this.#writes.push({ item, cost, resolve: () => setImmediate(resolve), reject });
      this.#waiting += cost;
      this.pump();
      while (this.#writes.length > 2 && this.#waiting - this.#writes[0]!.cost > this.#options.limit) {
        // The first may be half taken.
        const [given] = this.#writes.splice(1, 1);
        this.#waiting -= given!.cost;
        this.dropped++;
        given!.resolve();
      }
    });
  }

  /** Makes attempts as long as they succeed. */
  pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (let [first] = this.#writes; first; [first] = this.#writes) {
      const wait = this.#options.attempt(first.item);
      if (wait > 0) {
        if (Number.isFinite(wait)) this.#timer = setTimeout(() => this.pump(), Math.ceil(wait / 1000));
        break;
      }
      this.#writes.shift();
      this.#waiting -= first.cost;
      first.resolve();
    }
    this.#pumping = false;
    if (this.#writes.length === 0) this.#onEmpty?.();
  }

  /** Takes no more writes; resolves when those that wait were taken, or given up by `close`. */
  end(): Promise<void> {
    if (this.#state === 'open') this.#state = 'ended';
    if (this.#writes.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const before = this.#onEmpty;
      this.#onEmpty = () => {
        before?.();
        resolve();
      };
    });
  }

  /** Gives up what waits. */
  close(): void {
    if (this.#state === 'open') this.#state = 'closed';
    clearTimeout(this.#timer);
    for (const { reject } of this.#writes.splice(0)) reject(gone('closed'));
    this.#waiting = 0;
    this.#onEmpty?.();
  }
}

function gone(state: 'ended' | 'closed'): TsWebRTCError {
  const why = state === 'ended' ? 'end() was called' : 'it is closed';
  return new TsWebRTCError('INVALID_STATE', `The track takes no more frames: ${why}.`);
}
