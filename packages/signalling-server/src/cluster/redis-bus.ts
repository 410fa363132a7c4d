/**
 * The bus over Redis: its publish and subscribe, on two connections, since one that is subscribed takes no other commands
 * (in the older protocol). Redis keeps nothing: who is not connected when something is published never gets it.
 */
import { once } from 'node:events';
import type { Redis, RedisOptions } from 'ioredis';
import type { Logger } from '../logger.ts';
import { type ClusterBus, OPEN_TIMEOUT, within } from './bus.ts';

/** ms that the last messages have to get out at the end. */
const CLOSE_TIMEOUT = 1_000;

export class RedisBus implements ClusterBus {
  onConnectionChanged: ((isConnected: boolean) => void) | undefined;
  readonly #publisher: Redis;
  readonly #subscriber: Redis;
  readonly #logger: Logger;
  readonly #listeners = new Map<string, (payload: string) => void>();
  #isSubscribed = true;
  #wasConnected = true;
  #closed: Promise<void> | undefined;

  private constructor(publisher: Redis, subscriber: Redis, logger: Logger) {
    this.#publisher = publisher;
    this.#subscriber = subscriber;
    this.#logger = logger;
    subscriber.on('message', (channel: string, payload: string) => this.#listeners.get(channel)?.(payload));
    subscriber.on('ready', () => void this.#subscribeAgain());
    subscriber.on('close', () => {
      this.#isSubscribed = false;
      this.#update();
    });
    publisher.on('ready', () => this.#update());
    publisher.on('close', () => this.#update());
    for (const client of [publisher, subscriber])
      client.on('error', ({ message }: Error) => logger.debug({ reason: message }, 'an error on a connection to Redis'));
  }

  /** Rejects where Redis cannot be reached. */
  static async open(url: string, logger: Logger): Promise<RedisBus> {
    const { Redis } = await import('ioredis');
    let isOpen = false;
    let reason: Error | undefined;
    const options: RedisOptions = {
      lazyConnect: true,
      connectTimeout: OPEN_TIMEOUT,
      disconnectTimeout: CLOSE_TIMEOUT,
      // What could not be published is repaired by the links: nothing may be queued here, or be published twice.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      autoResubscribe: false,
      maxRetriesPerRequest: null,
      retryStrategy: (attempt) => (isOpen ? reconnectDelay(attempt) : null),
    };
    const clients = [new Redis(url, options), new Redis(url, options)] as const;
    for (const client of clients) client.on('error', (error: Error) => (reason ??= error));
    try {
      await within(OPEN_TIMEOUT, Promise.all(clients.map((client) => client.connect())));
    } catch (error) {
      for (const client of clients) if (client.status !== 'end') client.disconnect();
      // What the client itself rejects with says less than the error before it.
      throw reason ?? error;
    }
    isOpen = true;
    return new RedisBus(...clients, logger);
  }

  get isConnected(): boolean {
    return this.#isSubscribed && this.#publisher.status === 'ready' && this.#closed === undefined;
  }

  publish(channel: string, payload: string): void {
    if (!this.isConnected) return;
    this.#publisher.publish(channel, payload).catch(({ message }: Error) => {
      this.#logger.debug({ channel, reason: message }, 'could not publish');
    });
  }

  async subscribe(channel: string, listener: (payload: string) => void): Promise<void> {
    this.#listeners.set(channel, listener);
    await this.#subscriber.subscribe(channel);
  }

  reconnect(): void {
    this.#publisher.disconnect(true);
    this.#subscriber.disconnect(true);
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  /** What has been published is in the socket, and goes out before its end. */
  async #close(): Promise<void> {
    const ends = [this.#publisher, this.#subscriber].map(async (client) => {
      // Between two attempts there is nothing to wait for.
      const hasSocket = client.status !== 'end' && client.status !== 'reconnecting';
      const end = hasSocket ? once(client, 'end') : undefined;
      client.disconnect();
      await end;
    });
    await Promise.all(ends);
  }

  async #subscribeAgain(): Promise<void> {
    try {
      await this.#subscriber.subscribe(...this.#listeners.keys());
      this.#isSubscribed = true;
      this.#update();
    } catch (error) {
      this.#logger.warn({ reason: (error as Error).message }, 'cannot subscribe to the channels of the cluster');
    }
  }

  #update(): void {
    if (this.#wasConnected === this.isConnected) return;
    this.#wasConnected = this.isConnected;
    this.onConnectionChanged?.(this.isConnected);
  }
}

/**
 * ms until the next attempt (1, 2, …) to reach a broker that is away: doubles from 50 to 2000, and up to half of it is left to
 * chance, so that not all servers come at once.
 */
function reconnectDelay(attempt: number): number {
  return Math.min(2_000, 50 * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2);
}
