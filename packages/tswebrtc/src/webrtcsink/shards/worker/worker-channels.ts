/** The data channels of a session in a shard's thread, for an application in the main thread. */
import { asError } from '../../../common/errors.ts';
import type { DataChannel } from '../../../connection/transport/types.ts';
import type { Session } from '../../session.ts';
import { errorMessage, type FromSession, type ToChannel } from '../messages.ts';

export class WorkerChannels {
  readonly #session: Session;
  readonly #post: (message: FromSession) => void;
  readonly #channels = new Map<number, DataChannel>();
  #next = 1;

  constructor(session: Session, post: (message: FromSession) => void) {
    this.#session = session;
    this.#post = post;
    session.on('datachannel', (channel) => {
      const number = this.#next;
      this.#next += 2;
      this.#post({ type: 'channel-announced', id: session.id, channel: number, label: channel.label });
      this.#watch(number, channel);
    });
  }

  handle(message: ToChannel): void {
    if (message.type === 'open-channel') {
      this.#watch(message.channel, this.#session.createDataChannel(message.label, message.init));
    } else if (message.type === 'send') void this.#send(message);
    else void this.#channels.get(message.channel)?.close();
  }

  async #send({ channel: number, data, request }: Extract<ToChannel, { type: 'send' }>): Promise<void> {
    const channel = this.#channels.get(number);
    try {
      await channel?.send(data);
      this.#post({ type: 'reply', request, value: channel?.bufferedAmount ?? 0 });
    } catch (error) {
      this.#post({ type: 'reply', request, value: errorMessage(asError(error)) });
    }
  }

  #watch(channel: number, watched: DataChannel): void {
    const { id } = this.#session;
    this.#channels.set(channel, watched);
    const opened = (): void => this.#post({ type: 'channel-open', id, channel, stream: watched.id });
    if (watched.readyState === 'open') opened();
    else watched.once('open', opened);
    watched.on('message', (data) => this.#post({ type: 'channel-message', id, channel, data }));
    watched.once('close', () => {
      this.#channels.delete(channel);
      this.#post({ type: 'channel-closed', id, channel });
    });
  }
}
