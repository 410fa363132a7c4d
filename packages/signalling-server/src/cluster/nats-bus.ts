/**
 * The bus over NATS (its core, without JetStream): like Redis's it keeps nothing for who is not connected. The client
 * subscribes again by itself, before anything else on a new connection.
 */
import type { ConnectionOptions, NatsConnection } from '@nats-io/transport-node';
import type { Logger } from '../logger.ts';
import { type ClusterBus, OPEN_TIMEOUT, within } from './bus.ts';

/** ms that the last messages have to get out at the end. */
const FLUSH_TIMEOUT = 1_000;

export class NatsBus implements ClusterBus {
  onConnectionChanged: ((isConnected: boolean) => void) | undefined;
  readonly #connection: NatsConnection;
  readonly #logger: Logger;
  #isConnected = true;
  #closed: Promise<void> | undefined;

  private constructor(connection: NatsConnection, logger: Logger) {
    this.#connection = connection;
    this.#logger = logger;
    void this.#follow();
  }

  /** Rejects where NATS cannot be reached. */
  static async open(url: string, logger: Logger): Promise<NatsBus> {
    const { connect } = await import('@nats-io/transport-node');
    const { protocol, host, username, password } = new URL(url);
    const options: ConnectionOptions = {
      servers: host,
      name: 'tswebrtc signalling server',
      timeout: OPEN_TIMEOUT,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      reconnectJitter: 750,
      reconnectJitterTLS: 750,
      // A password that is refused while the broker is being set up anew may be right later.
      ignoreAuthErrorAbort: true,
      ...(protocol === 'tls:' && { tls: {} }),
      ...credentials(decodeURIComponent(username), decodeURIComponent(password)),
    };
    return new NatsBus(await connect(options), logger);
  }

  get isConnected(): boolean {
    return this.#isConnected && this.#closed === undefined;
  }

  publish(channel: string, payload: string): void {
    if (!this.isConnected) return;
    try {
      this.#connection.publish(channel, payload);
    } catch (error) {
      this.#logger.debug({ channel, reason: (error as Error).message }, 'could not publish');
    }
  }

  async subscribe(channel: string, listener: (payload: string) => void): Promise<void> {
    this.#connection.subscribe(channel, {
      callback: (error, message) => {
        if (error) this.#logger.warn({ channel, reason: error.message }, 'cannot subscribe to a channel of the cluster');
        else listener(message.string());
      },
    });
    await this.#connection.flush();
  }

  reconnect(): void {
    this.#connection.reconnect().catch(({ message }: Error) => {
      this.#logger.debug({ reason: message }, 'could not reconnect to NATS');
    });
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    // A broker that does not answer gets nothing more, and must not hold us up.
    if (this.#isConnected) await within(FLUSH_TIMEOUT, this.#connection.flush()).catch(() => {});
    await this.#connection.close();
  }

  async #follow(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type === 'error') this.#logger.debug({ reason: status.error.message }, 'an error on the connection to NATS');
      if (status.type === 'disconnect' || status.type === 'reconnect') this.#update(status.type === 'reconnect');
    }
  }

  #update(isConnected: boolean): void {
    if (this.#isConnected === isConnected || this.#closed) return;
    this.#isConnected = isConnected;
    this.onConnectionChanged?.(isConnected);
  }
}

/** `nats://user:password@host`, `nats://token@host`, or none. */
function credentials(username: string, password: string): Pick<ConnectionOptions, 'user' | 'pass' | 'token'> {
  if (password) return { user: username, pass: password };
  return username ? { token: username } : {};
}
