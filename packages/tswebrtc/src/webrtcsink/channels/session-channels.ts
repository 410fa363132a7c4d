/** The data channels of one session, in its thread: `control` and `input` where they are enabled, and those of the application. */
import type { Logger } from '../../common/logger.ts';
import type { Connection } from '../../connection/connection.ts';
import { checkDataChannel } from '../../connection/data-channel-init.ts';
import type { DataChannel, DataChannelInit } from '../../connection/transport/types.ts';
import { ControlChannels, type ControlledTrack, type UpstreamRequest } from '../control/control-channels.ts';
import { type CodedPicture, TimeCodes } from '../control/time-codes.ts';
import { SessionDataChannel } from './session-data-channel.ts';

export interface SessionChannelsOptions {
  /** Which of the channels there are. */
  readonly controlChannel: boolean;
  readonly navigationChannel: boolean;
  readonly tracks: () => readonly ControlledTrack[];
  readonly onRequest: (request: UpstreamRequest) => void;
  /** The peer opened one of the application's. */
  readonly onOpened: (channel: DataChannel) => void;
  /** The session had no data channel, and is to have one. */
  readonly onNegotiationNeeded: () => void;
  readonly logger: Logger;
}

export class SessionChannels {
  readonly #options: SessionChannelsOptions;
  readonly control: ControlChannels;
  /** Made before there was a connection. */
  readonly #waiting: { readonly channel: SessionDataChannel; readonly init: DataChannelInit | undefined }[] = [];
  readonly #timeCodes = new TimeCodes((mid, code) => this.control.inform(mid, code));
  #connection: Connection | undefined;
  #ended = false;

  constructor(options: SessionChannelsOptions) {
    this.#options = options;
    const { controlChannel: control, navigationChannel: navigation, tracks, onRequest, logger } = options;
    this.control = new ControlChannels({ control, navigation, tracks, onRequest, logger });
  }

  /** Makes all that are wanted on `connection`, before its first description. */
  attach(connection: Connection): void {
    this.#connection = connection;
    connection.on('datachannel', (channel) => {
      if (!this.control.adopt(channel)) this.#options.onOpened(channel);
    });
    this.control.create((label, init) => connection.createDataChannel(label, init));
    for (const { channel, init } of this.#waiting.splice(0)) {
      if (channel.readyState === 'connecting') channel.bind(connection.createDataChannel(channel.label, init));
    }
  }

  /** Throws `INVALID_OPTION` for a channel that cannot be, `INVALID_STATE` where the peer has ended its data channels. */
  create(label: string, init: DataChannelInit | undefined): DataChannel {
    checkDataChannel(label, init);
    const channel = new SessionDataChannel(label);
    const connection = this.#connection;
    if (this.#ended) channel.ended();
    else if (!connection) this.#waiting.push({ channel, init });
    else {
      channel.bind(connection.createDataChannel(label, init));
      // An offer that waits for its answer may have them already.
      const media = [...connection.localMedia, ...connection.remoteMedia];
      if (!media.some(({ kind }) => kind === 'application')) this.#options.onNegotiationNeeded();
    }
    return channel;
  }

  /** A picture of the stream `mid` leaves, of which the consumer is told if it can hear. */
  picture(mid: string, frame: CodedPicture, framerate: number): void {
    if (this.control.informs) this.#timeCodes.picture(mid, frame, framerate);
  }

  end(): void {
    this.#ended = true;
    for (const { channel } of this.#waiting.splice(0)) channel.ended();
  }
}
