/**
 * Threads kept ready. Loading the media library takes a thread some 200 ms, and a viewer's first picture should not wait for
 * that; so the engine holds a few threads in reserve and fills up again when things are quiet.
 */
import { WorkerHost } from './worker-host.ts';

/** One for a video and one for an audio encoding: what one viewer starts at once. */
const RESERVE = 2;
/** After a thread was taken, ms: whoever took it wants the processor now. */
const REFILL_DELAY = 400;

export class WorkerReserve {
  readonly #idle: WorkerHost[] = [];
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor() {
    this.#fill();
  }

  /** Resolves when a first thread is ready; rejects with `ENGINE_UNAVAILABLE`. */
  async ready(): Promise<void> {
    await this.#idle[0]?.ready;
  }

  /** A thread that is ready, or will be. */
  async take(): Promise<WorkerHost> {
    let host = this.#idle.shift();
    while (host?.dead) host = this.#idle.shift();
    host ??= new WorkerHost();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fill(), REFILL_DELAY);
    this.#timer.unref();
    try {
      await host.ready;
    } catch (error) {
      await host.close();
      throw error;
    }
    return host;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await Promise.all(this.#idle.splice(0).map((host) => host.close()));
  }

  #fill(): void {
    while (!this.#closed && this.#idle.length < RESERVE) this.#idle.push(new WorkerHost());
  }
}
