/** The data channels of a session in another thread, as the application has them in this one. */
import type { DataChannel, DataChannelInit } from '../../connection/transport/types.ts';
import { SessionDataChannel } from '../channels/session-data-channel.ts';
import { errorOf, type FromChannel, weightOf } from './messages.ts';
import type { RemoteSessionOptions } from './remote-session.ts';

export interface RemoteChannelsOptions extends Pick<RemoteSessionOptions, 'id' | 'post' | 'request'> {
  /** The peer opened one. */
  readonly onAnnounced: (channel: DataChannel) => void;
}

/** Bytes of messages after which the thread hears that they were heard; it lets many more be underway. */
const TELL_HEARD = 256 << 10;

interface Remote {
  readonly channel: SessionDataChannel;
  /** What waits in the channel there, as it said last, and what is on its way to it. */
  readonly waiting: { there: number; underway: number };
  /** Weight of the messages that it was not yet told of. */
  heard: number;
}

export class RemoteChannels {
  readonly #options: RemoteChannelsOptions;
  readonly #channels = new Map<number, Remote>();
  #next = 0;

  constructor(options: RemoteChannelsOptions) {
    this.#options = options;
  }

  create(label: string, init: DataChannelInit | undefined): DataChannel {
    const channel = this.#next;
    this.#next += 2;
    this.#options.post({ type: 'open-channel', id: this.#options.id, channel, label, init });
    return this.#add(channel, label);
  }

  handle(message: FromChannel): void {
    if (message.type === 'channel-announced') {
      this.#options.onAnnounced(this.#add(message.channel, message.label));
      return;
    }
    const remote = this.#channels.get(message.channel);
    if (!remote) return;
    const { channel, waiting } = remote;
    if (message.type === 'channel-open') channel.opened(message.stream);
    else if (message.type === 'channel-message') this.#receive(message.channel, remote, message.data);
    else if (message.type === 'channel-drained') waiting.there = message.bufferedAmount;
    else {
      this.#channels.delete(message.channel);
      channel.ended();
    }
  }

  /** The session is over, and its channels with it. */
  end(): void {
    for (const { channel } of this.#channels.values()) channel.ended();
    this.#channels.clear();
  }

  #add(channel: number, label: string): SessionDataChannel {
    const { id, post, request } = this.#options;
    const waiting = { there: 0, underway: 0 };
    const added = new SessionDataChannel(label, {
      get bufferedAmount() {
        return waiting.there + waiting.underway;
      },
      send: async (data) => {
        const size = typeof data === 'string' ? Buffer.byteLength(data) : data.byteLength;
        waiting.underway += size;
        const reply = await request<'send'>((number) => ({ type: 'send', id, channel, request: number, data }));
        waiting.underway -= size;
        if (typeof reply === 'object') throw errorOf(reply);
        waiting.there = reply ?? 0;
      },
      close: async () => post({ type: 'close-channel', id, channel }),
      listen: (listening) => post({ type: 'listen', id, channel, listening }),
    });
    this.#channels.set(channel, { channel: added, waiting, heard: 0 });
    return added;
  }

  #receive(channel: number, remote: Remote, data: string | Uint8Array): void {
    const { id, post } = this.#options;
    remote.channel.received(data);
    remote.heard += weightOf(data);
    if (remote.heard < TELL_HEARD) return;
    post({ type: 'heard', id, channel, weight: remote.heard });
    remote.heard = 0;
  }
}
