/** One of the engine's threads as the main thread sees it: loaded, given a role, talked to, closed, or found dead. */
import type { Transferable } from 'node:worker_threads';
import { Worker } from 'node:worker_threads';
import { TsWebRTCError } from '../common/errors.ts';
import type { FromWorker } from './worker/messages.ts';

/** Threads run the built file, also where this one is run from its source. */
const WORKER_FILE = new URL('../../dist/media/worker/main.js', import.meta.url);
/** How long a thread may take to put its things in order before it is stopped, ms. */
const CLOSE_TIMEOUT = 1000;

export const INSTALL_HINT =
  'The media engine needs the optional package "node-av", which is not installed or does not run here: run "npm install node-av".';

export interface WorkerHandlers {
  message(message: unknown): void;
  /** The thread ended without having been asked to. */
  died(error: Error | undefined): void;
}

export class WorkerHost {
  /** Resolves when the thread has loaded the media library; rejects with `ENGINE_UNAVAILABLE`. */
  readonly ready: Promise<void>;
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  #handlers: WorkerHandlers | undefined;
  #closing: Promise<void> | undefined;
  /** What a thread says while it closes is heard, too. */
  #listening = false;
  #dead = false;
  #error: Error | undefined;

  constructor(file: URL = WORKER_FILE) {
    // Without the application's own flags: some of them (`--input-type`) keep a thread from starting.
    const worker = new Worker(file, { name: 'tswebrtc-media', execArgv: [] });
    this.#worker = worker;
    // A thread in reserve does not keep the process alive.
    worker.unref();
    this.ready = new Promise((resolve, reject) => {
      const unavailable = (cause: unknown): void => reject(new TsWebRTCError('ENGINE_UNAVAILABLE', INSTALL_HINT, { cause }));
      worker.once('message', (message: FromWorker) => {
        if (message.type === 'ready') resolve();
        else unavailable(new Error(message.message));
      });
      worker.once('error', unavailable);
      worker.once('exit', () => unavailable(new Error('The thread ended before it was ready.')));
    });
    this.ready.catch(() => {});
    worker.on('error', (error: Error) => {
      this.#error = error;
    });
    this.#exited = new Promise((resolve) => {
      worker.once('exit', () => {
        this.#dead = true;
        resolve();
        if (!this.#closing) this.#handlers?.died(this.#error);
      });
    });
  }

  /** It has ended, by itself or because it was closed. */
  get dead(): boolean {
    return this.#dead;
  }

  /** Gives the thread to its user. Call once ready. */
  take(handlers: WorkerHandlers): void {
    this.#handlers = handlers;
    this.#worker.ref();
    this.#worker.on('message', (message: unknown) => {
      if (!this.#closing || this.#listening) handlers.message(message);
    });
    if (this.#dead) queueMicrotask(() => handlers.died(this.#error));
  }

  post(message: object, transfer: readonly Transferable[] = []): void {
    if (!this.#dead && !this.#closing) this.#worker.postMessage(message, transfer);
  }

  /**
   * Asks the thread to free what it holds and to end; stops it when it does not within `limit` ms. `listening`: what it says
   * until then goes to its user.
   */
  close({ limit = CLOSE_TIMEOUT, listening = false }: { limit?: number; listening?: boolean } = {}): Promise<void> {
    this.#listening ||= listening;
    this.#closing ??= this.#close(limit);
    return this.#closing;
  }

  /** Stops the thread without waiting for its end, and whatever it says. */
  abandon(): void {
    this.#closing ??= Promise.resolve();
    this.#worker.unref();
    void this.#worker.terminate();
  }

  async #close(limit: number): Promise<void> {
    if (this.#dead) return;
    // A thread that ends while it loads the media library takes the process with it.
    this.#worker.ref();
    await this.ready.catch(() => {});
    this.#worker.postMessage({ type: 'close' });
    const timer = setTimeout(() => void this.#worker.terminate(), limit);
    await this.#exited;
    clearTimeout(timer);
  }
}
