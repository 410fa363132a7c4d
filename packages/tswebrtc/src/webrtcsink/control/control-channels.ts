/**
 * The channels `control` and `input` of one session (reference §2.14, §2.15), in the thread of the session: reads what the
 * consumer sends, hands on what is a request, and answers. Nothing that comes over them ends anything.
 */
import {
  CONTROL_CHANNEL_LABEL,
  type ControlId,
  type ControlRequest,
  encodeControlResponse,
  encodeInfo,
  NAVIGATION_CHANNEL_LABEL,
  parseControlRequest,
  parseNavigation,
  type TimeCode,
} from '@tswebrtc/protocol';
import type { Logger } from '../../common/logger.ts';
import type { DataChannel, DataChannelInit } from '../../connection/transport/types.ts';
import { MessageAllowance } from './message-allowance.ts';

/** Something that a consumer wants of the producer, on its way to the application. */
export interface UpstreamRequest {
  /** By which it is answered; undefined where the consumer hears no answer. */
  readonly token: number | undefined;
  /** The m-line that was named; null for all. */
  readonly mid: string | null;
  /** Names of the tracks that are meant. */
  readonly tracks: readonly string[];
  readonly request: ControlRequest;
}

/** A track of the session, as the consumer knows it. */
export interface ControlledTrack {
  readonly name: string;
  readonly kind: 'audio' | 'video';
  readonly mid: string | undefined;
}

export interface ControlChannelsOptions {
  /** Which of the two there are. */
  readonly control: boolean;
  readonly navigation: boolean;
  readonly tracks: () => readonly ControlledTrack[];
  readonly onRequest: (request: UpstreamRequest) => void;
  readonly logger: Logger;
}

/** Of one message, in bytes, or characters where it comes as text. */
const LONGEST_MESSAGE = 64 << 10;
/** Bytes: to a consumer that does not read its answers no more are sent. */
const MOST_WAITING = 1 << 20;
/** Requests whose answer the application still owes. */
const MOST_OPEN = 4096;
const INIT: DataChannelInit = { ordered: true, priority: 'high' };

export class ControlChannels {
  readonly #options: ControlChannelsOptions;
  readonly #allowance = new MessageAllowance();
  readonly #open = new Map<number, { readonly channel: DataChannel; readonly id: ControlId }>();
  #control: DataChannel | undefined;
  #nextToken = 0;

  constructor(options: ControlChannelsOptions) {
    this.#options = options;
  }

  /** Makes the channels that are wanted, before the offer, `input` first. */
  create(create: (label: string, init: DataChannelInit) => DataChannel): void {
    const { control, navigation } = this.#options;
    if (navigation) this.adopt(create(NAVIGATION_CHANNEL_LABEL, INIT));
    if (control) this.adopt(create(CONTROL_CHANNEL_LABEL, INIT));
  }

  /** Serves the channel if it is one of the two and wanted: a consumer that makes the offer opens `control` itself. */
  adopt(channel: DataChannel): boolean {
    const { control, navigation } = this.#options;
    if (control && channel.label === CONTROL_CHANNEL_LABEL) {
      this.#control = channel;
      channel.on('message', (data) => this.#heard(data, (text) => this.#onControl(channel, text)));
      return true;
    }
    if (navigation && channel.label === NAVIGATION_CHANNEL_LABEL) {
      channel.on('message', (data) => this.#heard(data, (text) => this.#onNavigation(text)));
      return true;
    }
    return false;
  }

  /** Answers a request: `error` says why it was not handled, null that it was. */
  answer(token: number, error: string | null): void {
    const request = this.#open.get(token);
    this.#open.delete(token);
    if (request) this.#respond(request.channel, request.id, error);
  }

  /** Whether somebody would hear of a time code. */
  get informs(): boolean {
    return this.#control?.readyState === 'open' && this.#control.bufferedAmount < MOST_WAITING;
  }

  /** Tells the time code of a picture of the stream `mid`. */
  inform(mid: string | null, meta: TimeCode): void {
    if (this.informs) this.#send(this.#control!, encodeInfo({ type: 'InfoMessage', mid, info: { meta } }));
  }

  #heard(data: string | Uint8Array, read: (text: string) => void): void {
    const now = performance.now();
    const taken = data.length <= LONGEST_MESSAGE ? this.#allowance.take(now, data.length) : this.#allowance.refuse();
    const refused = this.#allowance.takeRefused(now);
    if (refused > 0)
      this.#options.logger.warn({ messages: refused }, 'messages of a consumer were dropped: too many, or too long');
    // What is sent as bytes is text all the same.
    if (taken) read(typeof data === 'string' ? data : Buffer.from(data).toString('utf8'));
  }

  #onControl(channel: DataChannel, text: string): void {
    const result = parseControlRequest(text);
    if (!result.ok) {
      this.#options.logger.debug({ reason: result.reason }, 'a control request was refused');
      if (result.id !== undefined) this.#respond(channel, result.id, result.reason);
      return;
    }
    const { id, mid, request } = result.message;
    const tracks = this.#named(mid);
    const fault =
      mid !== null && tracks.length === 0
        ? `There is no stream with the mid "${mid}".`
        : this.#open.size >= MOST_OPEN
          ? 'Too many requests wait for an answer.'
          : undefined;
    if (fault !== undefined) {
      this.#respond(channel, id, fault);
      return;
    }
    const token = this.#nextToken++;
    this.#open.set(token, { channel, id });
    this.#options.onRequest({ token, mid, tracks: tracks.map(({ name }) => name), request });
  }

  #onNavigation(text: string): void {
    const result = parseNavigation(text);
    if (!result.ok) {
      this.#options.logger.debug({ reason: result.reason }, 'a navigation event was dropped');
      return;
    }
    const { mid, event } = result.message;
    const tracks = this.#named(mid).filter(({ kind }) => mid !== null || kind === 'video');
    if (tracks.length === 0) return;
    const request = { type: 'navigationEvent', event } as const;
    this.#options.onRequest({ token: undefined, mid, tracks: tracks.map(({ name }) => name), request });
  }

  #named(mid: string | null): readonly ControlledTrack[] {
    const tracks = this.#options.tracks();
    return mid === null ? tracks : tracks.filter((track) => track.mid === mid);
  }

  #respond(channel: DataChannel, id: ControlId, error: string | null): void {
    if (channel.bufferedAmount < MOST_WAITING) this.#send(channel, encodeControlResponse(id, error));
  }

  #send(channel: DataChannel, text: string): void {
    channel.send(text).catch((error: unknown) => this.#options.logger.debug({ err: error }, 'a control message was not sent'));
  }
}
