/**
 * A typed event emitter. Unlike Node's it returns an unsubscribe function from `on`, never throws for an unheard `error`
 * event, and one listener's exception reaches neither the other listeners nor the emitting code: a session is a sandbox,
 * and so is a listener. The exception is reported as an unhandled rejection, which is where a programmer looks for it.
 */

type Listener<A extends unknown[]> = (...args: A) => unknown;

export class Emitter<Events extends { [K in keyof Events]: unknown[] }> {
  /** The lists are never changed but replaced: an event is emitted once per packet, a listener comes or goes once in a while. */
  readonly #listeners = new Map<keyof Events, readonly Listener<never>[]>();

  /** Calls `listener` on every `event`, once however often it was added; returns a function that stops that. */
  on<K extends keyof Events>(event: K, listener: Listener<Events[K]>): () => void {
    const listeners = this.#listeners.get(event) ?? [];
    if (!listeners.includes(listener)) this.#listeners.set(event, [...listeners, listener]);
    return () => this.off(event, listener);
  }

  /** Like `on`, for the next `event` only. */
  once<K extends keyof Events>(event: K, listener: Listener<Events[K]>): () => void {
    const off = this.on(event, (...args) => {
      off();
      return listener(...args);
    });
    return off;
  }

  off<K extends keyof Events>(event: K, listener: Listener<Events[K]>): void {
    const rest = this.#listeners.get(event)?.filter((other) => other !== listener) ?? [];
    if (rest.length > 0) this.#listeners.set(event, rest);
    else this.#listeners.delete(event);
  }

  /** Number of listeners of `event`. */
  listenerCount(event: keyof Events): number {
    return this.#listeners.get(event)?.length ?? 0;
  }

  /** Calls those who listened when it began, whoever comes or goes meanwhile. */
  protected emit<K extends keyof Events>(event: K, ...args: Events[K]): void {
    const listeners = this.#listeners.get(event);
    if (!listeners) return;
    for (const listener of listeners) {
      try {
        const result = (listener as Listener<Events[K]>)(...args);
        if (result instanceof Promise) result.catch(rethrowLater);
      } catch (error) {
        rethrowLater(error);
      }
    }
  }

  protected removeAllListeners(): void {
    this.#listeners.clear();
  }
}

function rethrowLater(error: unknown): void {
  void Promise.reject(error);
}
