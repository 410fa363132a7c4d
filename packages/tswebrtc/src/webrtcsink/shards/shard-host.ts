/**
 * A shard in a thread of its own, as the main thread sees it: sessions are opened there, its seats are looked after here, and
 * when it dies its sessions end and nobody else's.
 */
import { type Transferable, Worker } from 'node:worker_threads';
import { type Logger, silentLogger } from '../../common/logger.ts';
import type { FromShard, SessionInit, SessionReplies, ShardInit, ToSession, ToShard } from './messages.ts';
import { RemoteSeats, type RemoteSeatsOptions } from './remote-seats.ts';
import { RemoteSession, type RemoteSessionOptions } from './remote-session.ts';

/** Threads run the built file, also where this one is run from its source. */
const WORKER_FILE = new URL('../../../dist/webrtcsink/shards/worker/main.js', import.meta.url);
/** How long a thread may take to put its things in order before it is stopped, ms. */
const CLOSE_TIMEOUT = 1000;

export interface ShardHostOptions extends Pick<RemoteSeatsOptions, 'encodings' | 'arena' | 'tracks'> {
  readonly logger: Logger;
  readonly file?: URL;
  /** The thread ended without having been asked to; its sessions have been told. `ready`: it had come up. */
  readonly onDied: (error: Error | undefined, ready: boolean) => void;
}

export class ShardHost {
  readonly #options: ShardHostOptions;
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly #seats: RemoteSeats;
  readonly #sessions = new Map<string, RemoteSession>();
  readonly #requests = new Map<number, (value: SessionReplies[keyof SessionReplies]) => void>();
  #nextRequest = 0;
  #error: Error | undefined;
  #ready = false;
  #dead = false;
  #closing: Promise<void> | undefined;

  constructor(options: ShardHostOptions) {
    this.#options = options;
    const { encodings, arena, tracks, logger, file = WORKER_FILE } = options;
    this.#seats = new RemoteSeats({ encodings, arena, tracks, post: (...message) => this.#post(...message) });
    const workerData: ShardInit = { logs: logger !== silentLogger };
    // Without the application's own flags: some of them (`--input-type`) keep a thread from starting.
    this.#worker = new Worker(file, { name: 'tswebrtc-shard', execArgv: [], workerData });
    this.#worker.on('message', (message: FromShard) => this.#handle(message));
    this.#worker.on('error', (error: Error) => {
      this.#error = error;
    });
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#onExit();
        resolve();
      });
    });
  }

  /** Opens a session there. */
  createSession(init: SessionInit, sharedWith: RemoteSessionOptions['sharedWith']): RemoteSession {
    const session = new RemoteSession({
      id: init.id,
      peerId: init.peerId,
      sharedWith,
      post: (message) => this.#post(message),
      request: (message) => this.#request(message),
      onClosed: () => this.#sessions.delete(session.id),
    });
    this.#sessions.set(session.id, session);
    this.#post({ type: 'open-session', init });
    return session;
  }

  /** Asks the thread to free what it holds and to end; stops it when it does not. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#post({ type: 'close' });
    const timer = setTimeout(() => void this.#worker.terminate(), CLOSE_TIMEOUT);
    await this.#exited;
    clearTimeout(timer);
  }

  #post(message: ToShard, transfer: readonly Transferable[] = []): void {
    if (!this.#dead) this.#worker.postMessage(message, transfer);
  }

  #request<K extends keyof SessionReplies>(message: (request: number) => ToSession): Promise<SessionReplies[K] | undefined> {
    if (this.#dead) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const request = this.#nextRequest++;
      this.#requests.set(request, resolve as (value: SessionReplies[keyof SessionReplies]) => void);
      this.#post(message(request));
    });
  }

  #handle(message: FromShard): void {
    switch (message.type) {
      case 'ready':
        this.#ready = true;
        return;
      case 'reply':
        this.#requests.get(message.request)?.(message.value);
        this.#requests.delete(message.request);
        return;
      case 'description':
      case 'candidate':
      case 'track-failed':
      case 'end':
      case 'upstream':
      case 'channel-announced':
      case 'channel-open':
      case 'channel-message':
      case 'channel-drained':
      case 'channel-closed':
        this.#sessions.get(message.id)?.handle(message);
        return;
      case 'log':
        this.#options.logger.child({ ...message.bindings })[message.level](message.fields, message.message);
        return;
      default:
        this.#seats.handle(message);
    }
  }

  #onExit(): void {
    this.#dead = true;
    this.#seats.clear();
    for (const session of [...this.#sessions.values()]) session.lost(this.#error);
    for (const resolve of this.#requests.values()) resolve(undefined);
    this.#requests.clear();
    if (!this.#closing) this.#options.onDied(this.#error, this.#ready);
  }
}
