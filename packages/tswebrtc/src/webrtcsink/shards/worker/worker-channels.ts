/** The data channels of a session in a shard's thread, for an application in the main thread. */
import { asError } from '../../../common/errors.ts';
import type { Logger } from '../../../common/logger.ts';
import type { DataChannel } from '../../../connection/transport/types.ts';
import type { Session } from '../../session.ts';
import { errorMessage, type FromSession, type ToChannel, weightOf } from '../messages.ts';

/** Bytes of messages of one channel on their way to the main thread; browsers close a channel whose page lags as far behind. */
const MOST_UNHEARD = 16 << 20;
/** ms between two words on how much less waits in the channels. */
const DRAIN_INTERVAL = 20;

interface Watched {
  readonly channel: DataChannel;
  /** Until the main thread says otherwise: who listens from the beginning misses nothing. */
  listening: boolean;
  /** Weight of the messages that the main thread has not heard yet. */
  unheard: number;
  /** What the main thread believes to wait in the channel. */
  buffered: number;
}

export class WorkerChannels {
  readonly #session: Pick<Session, 'id' | 'on' | 'createDataChannel'>;
  readonly #post: (message: FromSession) => void;
  readonly #logger: Logger;
  readonly #channels = new Map<number, Watched>();
  #next = 1;
  #draining: NodeJS.Timeout | undefined;

  constructor(session: Pick<Session, 'id' | 'on' | 'createDataChannel'>, post: (message: FromSession) => void, logger: Logger) {
    this.#session = session;
    this.#post = post;
    this.#logger = logger;
    session.on('datachannel', (channel) => {
      const number = this.#next;
      this.#next += 2;
      this.#post({ type: 'channel-announced', id: session.id, channel: number, label: channel.label });
      this.#watch(number, channel);
    });
  }

  handle(message: ToChannel): void {
    if (message.type === 'open-channel') this.#open(message);
    else if (message.type === 'send') void this.#send(message);
    else {
      const watched = this.#channels.get(message.channel);
      if (!watched) return;
      if (message.type === 'listen') watched.listening = message.listening;
      else if (message.type === 'heard') watched.unheard -= message.weight;
      else void watched.channel.close();
    }
  }

  #open({ channel, label, init }: Extract<ToChannel, { type: 'open-channel' }>): void {
    try {
      this.#watch(channel, this.#session.createDataChannel(label, init));
    } catch (error) {
      // The peer has ended its data channels, while the session goes on.
      this.#logger.debug({ reason: asError(error).message }, 'a data channel could not be opened');
      this.#post({ type: 'channel-closed', id: this.#session.id, channel });
    }
  }

  async #send({ channel: number, data, request }: Extract<ToChannel, { type: 'send' }>): Promise<void> {
    const watched = this.#channels.get(number);
    try {
      await watched?.channel.send(data);
      const value = watched?.channel.bufferedAmount ?? 0;
      if (watched) watched.buffered = value;
      this.#post({ type: 'reply', request, value });
      this.#tellDrained();
    } catch (error) {
      this.#post({ type: 'reply', request, value: errorMessage(asError(error)) });
    }
  }

  #watch(channel: number, watched: DataChannel): void {
    const { id } = this.#session;
    const entry: Watched = { channel: watched, listening: true, unheard: 0, buffered: 0 };
    this.#channels.set(channel, entry);
    const opened = (): void => this.#post({ type: 'channel-open', id, channel, stream: watched.id });
    if (watched.readyState === 'open') opened();
    else watched.once('open', opened);
    watched.on('message', (data) => this.#receive(channel, entry, data));
    const closed = (): void => {
      this.#channels.delete(channel);
      this.#post({ type: 'channel-closed', id, channel });
    };
    if (watched.readyState === 'closed') closed();
    else watched.once('close', closed);
  }

  #receive(channel: number, entry: Watched, data: string | Uint8Array): void {
    if (!entry.listening) return;
    entry.unheard += weightOf(data);
    if (entry.unheard <= MOST_UNHEARD) {
      this.#post({ type: 'channel-message', id: this.#session.id, channel, data });
      return;
    }
    // SCTP delivers what was sent: of a channel that cannot be heard whole nothing more is heard.
    entry.listening = false;
    this.#logger.warn(
      { sessionId: this.#session.id, label: entry.channel.label },
      'a data channel was closed: its messages come faster than the application takes them',
    );
    void entry.channel.close();
  }

  /** The transport does not say when something left a channel. */
  #tellDrained(): void {
    if (this.#draining || ![...this.#channels.values()].some(({ buffered }) => buffered > 0)) return;
    this.#draining = setTimeout(() => {
      this.#draining = undefined;
      for (const [channel, entry] of this.#channels) {
        const { bufferedAmount } = entry.channel;
        if (bufferedAmount === entry.buffered) continue;
        entry.buffered = bufferedAmount;
        this.#post({ type: 'channel-drained', id: this.#session.id, channel, bufferedAmount });
      }
      this.#tellDrained();
    }, DRAIN_INTERVAL).unref();
  }
}
