/** Values that wait for a reader who takes them one by one, or a reader who waits for them. Whoever puts them in bounds it. */
export class AsyncQueue<T> implements AsyncIterableIterator<T> {
  /** Values that the reader lost. */
  dropped = 0;
  protected readonly waiting: T[] = [];
  readonly #onReturn: () => void;
  #readers: { resolve: (result: IteratorResult<T, undefined>) => void; reject: (error: Error) => void }[] = [];
  #ended = false;
  #error: Error | undefined;

  /** `onReturn`: the reader has had enough. */
  constructor(onReturn: () => void = () => {}) {
    this.#onReturn = onReturn;
  }

  get ended(): boolean {
    return this.#ended;
  }

  push(value: T): void {
    if (this.#ended) return;
    const reader = this.#readers.shift();
    if (reader) reader.resolve({ done: false, value });
    else this.waiting.push(value);
  }

  /** No more will come; what waits can still be read. `error` is thrown to the reader behind it. */
  end(error?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    for (const { resolve, reject } of this.#readers.splice(0)) {
      if (error) reject(error);
      else resolve({ done: true, value: undefined });
    }
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.waiting.length > 0) return Promise.resolve({ done: false, value: this.waiting.shift()! });
    if (this.#error) {
      const error = this.#error;
      // As generators do: thrown once, then done.
      this.#error = undefined;
      return Promise.reject(error);
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.waiting.length = 0;
    this.#error = undefined;
    this.end();
    this.#onReturn();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
