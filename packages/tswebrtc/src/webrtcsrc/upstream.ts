/**
 * What a consumer sends to its producer (reference §3.6): navigation and custom events over the channels `control` and `input` of
 * one session, in the order in which they were given. Answers are matched to requests by their ids, which count from 0.
 */
import {
  CONTROL_CHANNEL_LABEL,
  type ControlRequest,
  encodeControlRequest,
  encodeNavigation,
  type InfoMessage,
  NAVIGATION_CHANNEL_LABEL,
  type NavigationEvent,
  parseControlProducerMessage,
} from '@tswebrtc/protocol';
import { TsWebRTCError } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { DataChannel, DataChannelInit } from '../connection/transport/types.ts';

export interface UpstreamOptions {
  /** Which of the channels are used. */
  readonly control: boolean;
  readonly navigation: boolean;
  readonly onInfo: (info: InfoMessage) => void;
  readonly logger: Logger;
}

interface Settle {
  resolve(): void;
  reject(error: TsWebRTCError): void;
}

interface Waiting extends Settle {
  readonly label: string;
  readonly text: string;
}

/** ms for an answer: the original answers nothing that it cannot read. */
const ANSWER_TIMEOUT = 10_000;
/** Events that wait for their channel to open. */
const MOST_WAITING = 1024;
const INIT: DataChannelInit = { ordered: true, priority: 'high' };

export class Upstream {
  readonly #options: UpstreamOptions;
  readonly #channels = new Map<string, DataChannel>();
  readonly #requests = new Map<number, Settle & { readonly timer: NodeJS.Timeout }>();
  #waiting: Waiting[] = [];
  #nextId = 0;
  #ended = false;

  constructor(options: UpstreamOptions) {
    this.#options = options;
  }

  /** Who makes the offer opens the control channel with it. */
  create(create: (label: string, init: DataChannelInit) => DataChannel): void {
    if (this.#options.control) this.adopt(create(CONTROL_CHANNEL_LABEL, INIT));
  }

  /** Takes a channel that is used here; returns whether it is one. */
  adopt(channel: DataChannel): boolean {
    const { control, navigation } = this.#options;
    const { label } = channel;
    const used = (control && label === CONTROL_CHANNEL_LABEL) || (navigation && label === NAVIGATION_CHANNEL_LABEL);
    if (!used) return false;
    if (label === CONTROL_CHANNEL_LABEL) channel.on('message', (data) => this.#receive(data));
    // Both sides may have opened one: either will do.
    const opened = (): void => {
      if (this.#channels.get(label)?.readyState !== 'open') this.#channels.set(label, channel);
      this.#flush();
    };
    if (channel.readyState === 'open') opened();
    else channel.once('open', opened);
    return true;
  }

  /** Resolves when the producer has handled it, or, over the `input` channel alone, when it is sent. */
  async navigate(event: NavigationEvent, mid: string | null): Promise<void> {
    const { control, navigation } = this.#options;
    // Over that channel the original's sources name no stream.
    const sent = navigation ? this.#send(NAVIGATION_CHANNEL_LABEL, encodeNavigation({ mid: null, event })) : undefined;
    await Promise.all([sent, control ? this.request({ type: 'navigationEvent', event }, mid) : undefined]);
  }

  /** Resolves when the producer has handled it; rejects with `REQUEST_REFUSED` and the producer's reason. */
  async request(request: ControlRequest, mid: string | null): Promise<void> {
    const id = this.#nextId++;
    await this.#send(CONTROL_CHANNEL_LABEL, encodeControlRequest({ id, mid, request }));
    await new Promise<void>((resolve, reject) => {
      if (this.#ended) {
        reject(over());
        return;
      }
      const timer = setTimeout(() => {
        this.#requests.delete(id);
        const message = `The producer did not answer within ${ANSWER_TIMEOUT / 1000} s: it may not know the stream or the event.`;
        reject(new TsWebRTCError('REQUEST_REFUSED', message));
      }, ANSWER_TIMEOUT);
      this.#requests.set(id, { resolve, reject, timer });
    });
  }

  /** The session is over: nothing is answered any more. */
  end(): void {
    this.#ended = true;
    for (const { reject } of this.#waiting.splice(0)) reject(over());
    for (const { reject, timer } of this.#requests.values()) {
      clearTimeout(timer);
      reject(over());
    }
    this.#requests.clear();
  }

  #send(label: string, text: string): Promise<void> {
    if (this.#ended) return Promise.reject(over());
    if (this.#waiting.length >= MOST_WAITING) {
      const message = 'Too many events wait for the session to open its data channel.';
      return Promise.reject(new TsWebRTCError('INVALID_STATE', message));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ label, text, resolve, reject });
      this.#flush();
    });
  }

  #flush(): void {
    this.#waiting = this.#waiting.filter(({ label, text, resolve, reject }) => {
      const channel = this.#channels.get(label);
      if (channel?.readyState !== 'open') return true;
      channel.send(text).then(resolve, reject);
      return false;
    });
  }

  #receive(data: string | Uint8Array): void {
    const result = parseControlProducerMessage(typeof data === 'string' ? data : Buffer.from(data).toString('utf8'));
    if (!result.ok) {
      this.#options.logger.debug({ reason: result.reason }, 'a message on the control channel was dropped');
      return;
    }
    const { message } = result;
    if (message?.type === 'InfoMessage') this.#options.onInfo(message);
    else if (message) this.#answered(message.id, message.error);
  }

  #answered(id: number, error: string | null): void {
    const request = this.#requests.get(id);
    if (!request) return;
    this.#requests.delete(id);
    clearTimeout(request.timer);
    if (error === null) request.resolve();
    else request.reject(new TsWebRTCError('REQUEST_REFUSED', `The producer did not handle it: ${error}`));
  }
}

function over(): TsWebRTCError {
  return new TsWebRTCError('INVALID_STATE', 'The session is over: wait for another.');
}
