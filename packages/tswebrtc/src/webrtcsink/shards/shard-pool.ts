/**
 * The shards of a sink: the main thread's, and threads that are started when there are sessions enough for them. A session
 * stays in its shard for its whole life.
 */
import { availableParallelism } from 'node:os';
import type { Logger } from '../../common/logger.ts';
import type { EncodingPool } from '../encoding-pool.ts';
import { Session } from '../session.ts';
import type { SessionOptions } from '../session-types.ts';
import type { Shard } from '../shard.ts';
import type { SinkTrack } from '../tracks.ts';
import { plainTracks, type SessionInit } from './messages.ts';
import { Placement } from './placement.ts';
import type { PlacedSession } from './remote-session.ts';
import { ShardHost } from './shard-host.ts';

export interface ShardPoolOptions {
  /** The main thread's. */
  readonly shard: Shard;
  readonly encodings: EncodingPool;
  /** The sink's, as they are at any time. */
  readonly tracks: () => readonly SinkTrack[];
  /** How many there may be, the main thread's among them; 0: as many as help. */
  readonly shards: number;
  readonly logger: Logger;
  /** For tests: what the threads run. */
  readonly file?: URL;
}

export class ShardPool {
  readonly #options: ShardPoolOptions;
  #placement: Placement;
  /** By index; 0 is the main thread and has no host. */
  readonly #hosts: (ShardHost | undefined)[] = [];
  readonly #places = new Map<PlacedSession, number>();

  constructor(options: ShardPoolOptions) {
    this.#options = options;
    this.#placement = new Placement(options.shards, availableParallelism());
  }

  /** A session in the shard that has room for it. */
  createSession(options: Omit<SessionOptions, 'shard' | 'encodings'>): PlacedSession {
    const { shard, encodings } = this.#options;
    // The application's functions live in the main thread, and a socket belongs to one thread.
    const { udpMux, tcpMux } = options.connection;
    const movable = !options.defineEncoderBitrates && !options.payloaderSetup && !udpMux && !tcpMux;
    const index = movable ? this.#placement.choose(this.#sessions()) : 0;
    const session =
      index === 0
        ? new Session({ ...options, shard, encodings })
        : this.#hostOf(index).createSession(initOf(options), options.sharedWith);
    this.#places.set(session, index);
    const due = movable ? this.#placement.due(this.#sessions()) : 1;
    for (let ahead = 1; ahead < due; ahead++) this.#hostOf(ahead);
    return session;
  }

  /** Frees everything that the session holds. */
  async closeSession(session: PlacedSession): Promise<void> {
    this.#places.delete(session);
    await session.close();
  }

  /** Ends the threads. The sessions are closed already. */
  async close(): Promise<void> {
    await Promise.all(this.#hosts.splice(0).map((host) => host?.close()));
  }

  /** How many sessions each shard has. */
  #sessions(): number[] {
    const counts: number[] = [];
    for (const index of this.#places.values()) counts[index] = (counts[index] ?? 0) + 1;
    return Array.from(counts, (count) => count ?? 0);
  }

  #hostOf(index: number): ShardHost {
    const running = this.#hosts[index];
    if (running) return running;
    const { shard, encodings, tracks, logger, file } = this.#options;
    const host = new ShardHost({
      ...(file ? { file } : {}),
      encodings,
      arena: shard.arena,
      tracks,
      logger,
      onDied: (error, ready) => {
        logger.error({ err: error, shard: index }, 'a thread of sessions ended unexpectedly; its sessions are over');
        if (this.#hosts[index] === host) this.#hosts[index] = undefined;
        // The next would do no better.
        if (!ready) this.#placement = new Placement(1, 1);
      },
    });
    logger.info({ shard: index }, 'a thread for more sessions was started');
    this.#hosts[index] = host;
    return host;
  }
}

/** What of the options crosses threads. */
function initOf(options: Omit<SessionOptions, 'shard' | 'encodings'>): SessionInit {
  const { sharedWith: _, defineEncoderBitrates: __, payloaderSetup: ___, logger: ____, tracks, ...rest } = options;
  return { ...rest, tracks: plainTracks(tracks) };
}
