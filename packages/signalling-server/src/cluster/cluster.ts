/**
 * Several signalling servers that share a broker: who of them is there, and a reliable, ordered stream of JSON bodies between
 * each two (`membership.ts`, `link.ts`). Here the bus and the clock are joined to that.
 */
import { randomUUID } from 'node:crypto';
import { SignallingServerError } from '../errors.ts';
import { type Logger, silentLogger } from '../logger.ts';
import { type ClusterBus, OPEN_TIMEOUT, within } from './bus.ts';
import { Membership } from './membership.ts';
import { openBus } from './open-bus.ts';
import { encodeAnnouncement, encodeFrame, parseAnnouncement, parseFrame } from './wire.ts';

/** Called in the order in which things happen, never from within `send`, `broadcast` or `close`. */
export interface ClusterHandler {
  /** Another server is in touch: what is sent to it from within this call comes first on the link. */
  memberJoined(serverId: string): void;
  /** Another server is gone, or the link to it has started anew: all that is known of it is void. */
  memberLeft(serverId: string): void;
  /** Between `memberJoined` and `memberLeft` every body that the server sent in that time comes once and in its order. */
  message(serverId: string, body: unknown): void;
  /** The connection to the broker came or went. While it is away nobody is declared dead. */
  connectionChanged?(isConnected: boolean): void;
}

export interface ClusterOptions {
  readonly logger?: Logger;
  /** First part of the names of the broker's channels; servers with different ones do not see each other. Default `tswebrtc`. */
  readonly prefix?: string;
  /** ms between two signs of life; 2000 by default. */
  readonly heartbeatInterval?: number;
  /** ms without a sign of life after which a server is given up; 8000 by default. */
  readonly deadAfter?: number;
  /** Name of this server; a random UUID by default. Has to be unique among the servers of a broker. */
  readonly serverId?: string;
  /** In place of the broker at the URL. */
  readonly bus?: ClusterBus;
}

/** So often the clock is looked at: a server is given up a quarter of a heartbeat after its time at the latest. */
const TICKS_PER_HEARTBEAT = 4;

/** What Redis and NATS take as part of a channel's name, without a meaning of its own. */
const channelPart = /^[\w:-]{1,64}$/;

export class Cluster {
  readonly serverId: string;
  readonly #bus: ClusterBus;
  /** Undefined once closed. */
  #handler: ClusterHandler | undefined;
  readonly #logger: Logger;
  readonly #prefix: string;
  readonly #tickInterval: number;
  readonly #deadAfter: number;
  readonly #membership: Membership;
  #ticker: NodeJS.Timeout | undefined;
  #flush: NodeJS.Immediate | undefined;
  /** Since when we should hear ourselves over the present connection to the broker. */
  #listeningSince = now();
  #closed: Promise<void> | undefined;

  private constructor(bus: ClusterBus, handler: ClusterHandler, logger: Logger, options: ClusterOptions) {
    const { prefix = 'tswebrtc', serverId = randomUUID(), heartbeatInterval = 2_000, deadAfter = 8_000 } = options;
    this.serverId = serverId;
    this.#bus = bus;
    this.#handler = handler;
    this.#logger = logger;
    this.#prefix = prefix;
    this.#tickInterval = heartbeatInterval / TICKS_PER_HEARTBEAT;
    this.#deadAfter = deadAfter;
    this.#membership = new Membership(
      { serverId, heartbeatInterval, deadAfter, firstIncarnation: Date.now() },
      {
        announce: (announcement) => bus.publish(this.#channelOfAll, encodeAnnouncement(announcement)),
        publish: (to, frame) => bus.publish(this.#channelTo(to), encodeFrame(serverId, frame)),
        memberJoined: (member) => this.#memberJoined(member),
        message: (member, body) => this.#handler?.message(member, body),
        memberLeft: (member) => this.#memberLeft(member),
      },
      now(),
    );
  }

  /**
   * Connects to the broker. The handler is called from the next turn of the event loop on.
   * @param url `redis://`, `rediss://` (TLS), `nats://` or `tls://` (NATS over TLS)
   * @throws SignallingServerError `CLUSTER_UNREACHABLE` when the broker cannot be reached within 5 s or refuses us;
   * `INVALID_OPTION`.
   */
  static async open(url: string, handler: ClusterHandler, options: ClusterOptions = {}): Promise<Cluster> {
    checkChannelPart('prefix', options.prefix);
    checkChannelPart('id of the server', options.serverId);
    const logger = (options.logger ?? silentLogger).child({ subsystem: 'cluster' });
    const bus = options.bus ?? (await openBus(url, logger));
    const cluster = new Cluster(bus, handler, logger, options);
    try {
      await cluster.#subscribe();
    } catch (error) {
      await bus.close();
      throw new SignallingServerError(
        'CLUSTER_UNREACHABLE',
        `The broker does not let us subscribe (${(error as Error).message}): check what it allows this user.`,
      );
    }
    return cluster;
  }

  /** True while the broker is connected. */
  get isConnected(): boolean {
    return this.#bus.isConnected;
  }

  /** Ids of the other servers that are in touch. */
  get members(): readonly string[] {
    return this.#handler ? this.#membership.members : [];
  }

  /**
   * Sends a JSON value of at most 256 Ki characters to one server; dropped where that is no member.
   * @throws TypeError, RangeError for anything else
   */
  send(serverId: string, body: unknown): void {
    if (!this.#handler) return;
    this.#membership.send(serverId, body);
    this.#flushSoon();
  }

  /** Sends to all members, in one order with `send`. Throws as `send`. */
  broadcast(body: unknown): void {
    if (!this.#handler) return;
    this.#membership.broadcast(body);
    this.#flushSoon();
  }

  /** Says goodbye, so that the others drop us at once, and disconnects. The handler is not called any more. Idempotent. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#handler = undefined;
    clearInterval(this.#ticker);
    clearImmediate(this.#flush);
    this.#membership.leave();
    await this.#bus.close();
  }

  /** What comes before the start would find a handler that does not know its cluster yet. */
  async #subscribe(): Promise<void> {
    const subscriptions = [
      this.#bus.subscribe(this.#channelOfAll, (payload) => this.#onAnnouncement(payload)),
      this.#bus.subscribe(this.#channelTo(this.serverId), (payload) => this.#onFrame(payload)),
    ];
    await within(OPEN_TIMEOUT, Promise.all(subscriptions));
    this.#bus.onConnectionChanged = (isConnected) => this.#onConnectionChanged(isConnected);
    this.#flush = setImmediate(() => {
      this.#flush = undefined;
      this.#ticker = setInterval(() => this.#tick(), this.#tickInterval);
      this.#tick();
    });
  }

  get #isStarted(): boolean {
    return this.#ticker !== undefined && this.#handler !== undefined;
  }

  #tick(): void {
    const silence = now() - Math.max(this.#membership.heardOurselvesAt, this.#listeningSince);
    if (this.isConnected && silence >= this.#deadAfter) {
      this.#logger.warn({ silence }, 'the broker is connected but brings nothing: connecting anew');
      this.#listeningSince = now();
      this.#bus.reconnect();
    }
    this.#membership.tick(now());
  }

  #onAnnouncement(payload: string): void {
    if (!this.#isStarted) return;
    const announcement = parseAnnouncement(payload);
    if (announcement) this.#membership.receiveAnnouncement(announcement, now());
    else this.#ignore(payload);
  }

  #onFrame(payload: string): void {
    if (!this.#isStarted) return;
    const frame = parseFrame(payload);
    if (frame) this.#membership.receiveFrame(frame, now());
    else this.#ignore(payload);
  }

  #ignore(payload: string): void {
    this.#logger.debug({ length: payload.length }, 'ignored what is not from a server of this kind');
  }

  #onConnectionChanged(isConnected: boolean): void {
    if (!this.#isStarted) return;
    this.#logger.info({}, isConnected ? 'the broker is connected' : 'the broker is away');
    this.#listeningSince = now();
    this.#handler?.connectionChanged?.(isConnected);
    if (isConnected) this.#membership.resume();
  }

  #memberJoined(serverId: string): void {
    this.#logger.info({ serverId }, 'another server is in touch');
    this.#handler?.memberJoined(serverId);
  }

  #memberLeft(serverId: string): void {
    this.#logger.info({ serverId }, 'another server is gone');
    this.#handler?.memberLeft(serverId);
  }

  #flushSoon(): void {
    this.#flush ??= setImmediate(() => {
      this.#flush = undefined;
      this.#membership.flush();
    });
  }

  get #channelOfAll(): string {
    return `${this.#prefix}:all`;
  }

  #channelTo(serverId: string): string {
    return `${this.#prefix}:to:${serverId}`;
  }
}

function checkChannelPart(what: string, value: string | undefined): void {
  if (value !== undefined && !channelPart.test(value))
    throw new SignallingServerError('INVALID_OPTION', `The ${what} has to be 1 to 64 letters, digits, "_", "-" or ":".`);
}

/** ms, never backwards. */
function now(): number {
  return performance.now();
}
