/** The sessions of a shard's thread: does what the main thread asks of them, and tells it what they say. */
import { asError } from '../../../common/errors.ts';
import type { Logger } from '../../../common/logger.ts';
import { Session } from '../../session.ts';
import type { Shard } from '../../shard.ts';
import {
  errorMessage,
  type FromShard,
  type SessionInit,
  type SessionReplies,
  type ToChannel,
  type ToShard,
} from '../messages.ts';
import { WorkerChannels } from './worker-channels.ts';
import { WorkerSeats } from './worker-seats.ts';

export class SessionHost {
  readonly #shard: Shard;
  readonly #seats: WorkerSeats;
  readonly #sessions = new Map<string, Session>();
  readonly #channels = new Map<string, WorkerChannels>();
  readonly #closing = new Set<Promise<void>>();
  readonly #post: (message: FromShard) => void;
  readonly #logger: Logger;

  constructor(shard: Shard, post: (message: FromShard) => void, logger: Logger) {
    this.#shard = shard;
    this.#post = post;
    this.#logger = logger;
    this.#seats = new WorkerSeats(shard, post);
  }

  handle(message: Exclude<ToShard, { type: 'close' }>): void {
    switch (message.type) {
      case 'open-session':
        this.#open(message.init);
        return;
      case 'tracks':
        this.#sessions.get(message.id)?.setTracks(message.tracks);
        return;
      case 'restart-ice':
        void this.#sessions.get(message.id)?.restartIce();
        return;
      case 'description':
        void this.#sessions.get(message.id)?.handleDescription(message.description);
        return;
      case 'candidate':
        void this.#sessions.get(message.id)?.handleCandidate(...message.candidate);
        return;
      case 'ice-servers':
        this.#sessions.get(message.id)?.setIceServers(message.servers);
        return;
      case 'open-channel':
      case 'send':
      case 'listen':
      case 'heard':
      case 'close-channel':
        this.#toChannel(message);
        return;
      case 'upstream-answer':
        this.#sessions.get(message.id)?.answerUpstream(message.token, message.error);
        return;
      case 'start':
      case 'stats':
      case 'figures':
      case 'close-session':
        void this.#answer(message);
        return;
      default:
        this.#seats.handle(message);
    }
  }

  async close(): Promise<void> {
    for (const id of [...this.#sessions.keys()]) void this.#close(id);
    await Promise.all(this.#closing);
    this.#seats.close();
    this.#shard.close();
  }

  #open(init: SessionInit): void {
    const session = new Session({
      ...init,
      defineEncoderBitrates: undefined,
      payloaderSetup: undefined,
      shard: this.#shard,
      encodings: this.#seats,
      // The main thread fills that in.
      sharedWith: () => [],
      logger: this.#logger,
    });
    const { id } = session;
    this.#sessions.set(id, session);
    this.#channels.set(id, new WorkerChannels(session, this.#post, this.#logger));
    session.on('upstream', (request) => this.#post({ type: 'upstream', id, request }));
    session.on('description', (description) => this.#post({ type: 'description', id, description }));
    session.on('candidate', (...candidate) => this.#post({ type: 'candidate', id, candidate }));
    session.on('track-failed', (track, error) => this.#post({ type: 'track-failed', id, track, error: errorMessage(error) }));
    session.on('end', (reason, error) => this.#post({ type: 'end', id, reason, error: error && errorMessage(error) }));
  }

  #toChannel(message: ToChannel): void {
    const channels = this.#channels.get(message.id);
    if (channels) channels.handle(message);
    else if (message.type === 'send') this.#post({ type: 'reply', request: message.request, value: 0 });
  }

  async #answer(message: Extract<ToShard, { type: 'start' | 'stats' | 'figures' | 'close-session' }>): Promise<void> {
    const { request } = message;
    const session = this.#sessions.get(message.id);
    let value: SessionReplies[keyof SessionReplies];
    try {
      if (message.type === 'start') await session?.start(message.offer);
      else if (message.type === 'stats') value = await session?.getStats();
      else if (message.type === 'figures') value = await session?.getFigures();
      else await this.#close(message.id);
    } catch (error) {
      session?.fail('error', asError(error));
    }
    this.#post({ type: 'reply', request, value });
  }

  async #close(id: string): Promise<void> {
    const closing = this.#sessions.get(id)?.close();
    this.#channels.delete(id);
    if (!this.#sessions.delete(id) || !closing) return;
    this.#closing.add(closing);
    await closing.finally(() => this.#closing.delete(closing));
  }
}
