/**
 * Which encodings run. Sessions of one track and codec share one, at `start-bitrate`; it starts with its first session and
 * stops a while after its last, so that a viewer who comes back does not wait for an encoder to open.
 */
import { TsWebRTCError } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { EncodingOptions, MediaEngine } from '../media/types.ts';
import type { Shard } from './shard.ts';
import { type FrameSubscriber, SharedEncoding } from './shared-encoding.ts';
import type { SinkTrack } from './tracks.ts';

/** How long an encoding outlives its last session, ms. */
const LINGER = 5000;

interface Entry {
  readonly encoding: Promise<SharedEncoding>;
  readonly track: SinkTrack;
  users: number;
  timer: NodeJS.Timeout | undefined;
}

/** A session's hold on an encoding. */
export interface EncodingLease {
  readonly encoding: SharedEncoding;
  release(): void;
}

export class EncodingPool {
  readonly #entries = new Map<string, Entry>();
  readonly #engine: MediaEngine;
  readonly #shard: Shard;
  readonly #logger: Logger;
  readonly #onError: (error: Error, encodingId: string) => void;

  constructor(engine: MediaEngine, shard: Shard, logger: Logger, onError: (error: Error, encodingId: string) => void) {
    this.#engine = engine;
    this.#shard = shard;
    this.#logger = logger;
    this.#onError = onError;
  }

  /** Gets `subscriber` the frames of `track` in `codec`; rejects with `ENCODER_FAILED`. */
  async acquire(track: SinkTrack, options: EncodingOptions, subscriber: FrameSubscriber): Promise<EncodingLease> {
    const key = `${track.name}/${options.codec}`;
    const entry = this.#entries.get(key) ?? this.#open(key, track, options);
    clearTimeout(entry.timer);
    entry.timer = undefined;
    entry.users++;
    let encoding: SharedEncoding;
    try {
      encoding = await entry.encoding;
    } catch (error) {
      entry.users--;
      void this.#drop(key, entry);
      throw error;
    }
    // It failed before anybody could hear of it.
    if (this.#entries.get(key) !== entry) {
      throw new TsWebRTCError('ENCODER_FAILED', `the ${options.codec} encoder of ${track.name} failed as soon as it was open.`);
    }
    encoding.subscribe(subscriber);
    let released = false;
    return {
      encoding,
      release: () => {
        if (released) return;
        released = true;
        encoding.unsubscribe(subscriber);
        entry.users--;
        // One that failed is dropped already: nothing is left to linger.
        if (entry.users === 0 && this.#entries.get(key) === entry)
          entry.timer = setTimeout(() => void this.#drop(key, entry), LINGER);
      },
    };
  }

  async close(): Promise<void> {
    const closing = [...this.#entries].map(([key, entry]) => this.#drop(key, entry));
    await Promise.all(closing);
  }

  #open(key: string, track: SinkTrack, options: EncodingOptions): Entry {
    const encoding = this.#engine.openEncoding(track.input, options).then((opened) => {
      this.#logger.info(
        { track: track.name, codec: options.codec, encoding: opened.id, bitrate: options.bitrate },
        'encoding started',
      );
      return new SharedEncoding(
        opened,
        this.#shard,
        {
          onError: (error) => {
            void this.#drop(key, entry);
            this.#onError(error, opened.id);
          },
          onEnded: () => this.#logger.debug({ encoding: opened.id }, 'encoding ended with its input'),
        },
        this.#logger,
      );
    });
    const entry: Entry = { encoding, track, users: 0, timer: undefined };
    encoding.catch(() => {}); // whoever acquires it hears of it
    this.#entries.set(key, entry);
    return entry;
  }

  async #drop(key: string, entry: Entry): Promise<void> {
    clearTimeout(entry.timer);
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
    const encoding = await entry.encoding.catch(() => undefined);
    if (!encoding) return;
    await encoding.close();
    this.#logger.info({ track: entry.track.name, encoding: encoding.id }, 'encoding stopped');
  }
}
