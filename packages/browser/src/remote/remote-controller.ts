/**
 * The consumer's end of the `control` channel (reference §6.6): sends what the viewer does on a video element, or requests of the
 * application's own, and tells what the producer answers.
 */
import {
  type ControlRequest,
  type ControlResponseMessage,
  encodeControlRequest,
  type InfoMessage,
  type NavigationEvent,
  parseControlProducerMessage,
} from '@tswebrtc/protocol';
import type { ConsumerSession } from '../consumer-session.ts';
import { GstWebRTCError, messageOf } from '../errors.ts';
import { TypedEventTarget } from '../typed-event-target.ts';
import { listenToInput } from './input-events.ts';

/** Events of a {@link RemoteController}. */
export interface RemoteControllerEvents {
  /** A request could not be sent, or what came could not be read; it goes on. */
  error: ErrorEvent;
  /** The channel is closed, and with it the controller. */
  closed: Event;
  /** The producer tells something about its pictures, such as time codes. */
  info: CustomEvent<InfoMessage>;
  /** The producer's answer to the request with that `id`. */
  controlResponse: CustomEvent<ControlResponseMessage>;
}

/** Bytes: while more wait to be sent, movements of the mouse are left out; the next one says all that they would have. */
const MOST_WAITING = 64 << 10;

export class RemoteController extends TypedEventTarget<RemoteControllerEvents> {
  #channel: RTCDataChannel | null;
  readonly #session: ConsumerSession;
  #video: HTMLVideoElement | null = null;
  /** Whether its `tabindex` is ours. */
  #gaveFocus = false;
  #stopListening: (() => void) | null = null;
  #nextId = 0;

  /** @internal Made by `ConsumerSession`. */
  constructor(channel: RTCDataChannel, session: ConsumerSession) {
    super();
    this.#channel = channel;
    this.#session = session;
    channel.addEventListener('close', () => this.close());
    channel.addEventListener('error', ({ error }) => {
      // A session that ends takes its channels with it: that is no failure of theirs.
      if (this.#channel === channel) this.#report(`The control channel failed: ${error?.message ?? 'no reason was given'}.`);
    });
    channel.addEventListener('message', ({ data }) => this.#receive(data));
  }

  /** The channel underneath; null once closed. */
  get rtcDataChannel(): RTCDataChannel | null {
    return this.#channel;
  }

  /** The session it belongs to. */
  get consumerSession(): ConsumerSession {
    return this.#session;
  }

  /** The element whose viewer controls the producer. */
  get videoElement(): HTMLVideoElement | null {
    return this.#video;
  }

  /**
   * Sends from now on what the viewer does on this element, which can have the focus for that; null ends it. Keys, wheel and
   * touches then do nothing else in the page.
   */
  attachVideoElement(element: HTMLVideoElement | null): void {
    if (element === this.#video) return;
    if (element !== null && !(element instanceof HTMLVideoElement)) return;
    if (element && !this.#channel) return;
    this.#stopListening?.();
    this.#stopListening = null;
    if (this.#gaveFocus) this.#video?.removeAttribute('tabindex');
    this.#video = element;
    if (!element) return;
    // One that the page has set lets it have the focus, too, and stays.
    this.#gaveFocus = !element.hasAttribute('tabindex');
    if (this.#gaveFocus) element.setAttribute('tabindex', '0');
    this.#stopListening = listenToInput(element, (event) => this.#navigate(event));
  }

  /** Sends a request, as an object or as its JSON. Returns its id, or -1 after an `error` event where that was not possible. */
  sendControlRequest(request: ControlRequest | string): number {
    if (typeof request !== 'string' && (typeof request !== 'object' || request === null)) {
      return this.#report('A control request is an object or its JSON.');
    }
    const channel = this.#channel;
    if (channel?.readyState !== 'open')
      return this.#report('The control channel is not open: wait for it, or for a new session.');
    try {
      const id = this.#nextId;
      channel.send(
        typeof request === 'string' ? JSON.stringify({ id, request }) : encodeControlRequest({ id, mid: null, request }),
      );
      this.#nextId++;
      return id;
    } catch (cause) {
      return this.#report(`The control request cannot be sent: ${messageOf(cause)}`, cause);
    }
  }

  /** Closes the channel; the element is the page's own again. Idempotent. */
  close(): void {
    const channel = this.#channel;
    if (!channel) return;
    this.attachVideoElement(null);
    this.#channel = null;
    channel.close();
    this.dispatchEvent(new Event('closed'));
  }

  #navigate(event: NavigationEvent): void {
    const channel = this.#channel;
    // Before the channel is open a hand over the picture is no reason to complain.
    if (channel?.readyState !== 'open') return;
    if (event.event === 'MouseMove' && channel.bufferedAmount > MOST_WAITING) return;
    this.sendControlRequest({ type: 'navigationEvent', event });
  }

  #receive(data: unknown): void {
    const result = parseControlProducerMessage(String(data));
    if (!result.ok) {
      this.#report(`What the producer sent on the control channel cannot be read: ${result.reason}`);
      return;
    }
    const { message } = result;
    if (message?.type === 'ControlResponseMessage') {
      this.dispatchEvent(new CustomEvent('controlResponse', { detail: message }));
    } else if (message) this.dispatchEvent(new CustomEvent('info', { detail: message }));
  }

  #report(message: string, cause?: unknown): -1 {
    const error = new GstWebRTCError('CONTROL_FAILED', message, { cause });
    this.dispatchEvent(new ErrorEvent('error', { message, error }));
    return -1;
  }
}
