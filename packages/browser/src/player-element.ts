/**
 * `<webrtc-player>`: plays one producer. Its attributes are its interface; what is wrong with one is said on the console. It
 * connects while it is in the document, waits for who is away and comes back with growing pauses.
 */
import type { ConsumerSession } from './consumer-session.ts';
import type { GstWebRTCError } from './errors.ts';
import type { ConsumerFigures } from './figures.ts';
import { GstWebRTCAPI } from './gst-webrtc-api.ts';
import { readIceServers, readInterval, readUrl } from './player-attributes.ts';
import { pollFigures } from './poll-figures.ts';
import { ReconnectPolicy } from './reconnect-policy.ts';

/** `waiting`: for the producer or the server; `failed`: tries again after a pause. */
export type PlayerElementState = 'idle' | 'connecting' | 'waiting' | 'playing' | 'failed';

/** Events of the element, by name. */
export interface PlayerElementEvents {
  /** `state` has changed. */
  statechange: Event;
  /** Figures of the session, each `figures-interval`. */
  figures: CustomEvent<ConsumerFigures>;
  /** Something failed; the element goes on. */
  error: CustomEvent<GstWebRTCError>;
}

/** ms, first and longest pause between attempts. */
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 10_000;
/** Attributes that need a new connection; the others only concern the video. */
const CONNECTING: ReadonlySet<string> = new Set(['signalling', 'producer', 'ice-servers', 'stereo', 'figures-interval']);

export class WebRTCPlayerElement extends HTMLElement {
  static readonly observedAttributes = [...CONNECTING, 'muted', 'controls', 'poster', 'remote-control'];

  readonly #video = document.createElement('video');
  readonly #policy = new ReconnectPolicy(FIRST_PAUSE, LONGEST_PAUSE);
  #api: GstWebRTCAPI | null = null;
  #session: ConsumerSession | null = null;
  #state: PlayerElementState = 'idle';
  #retry: ReturnType<typeof setTimeout> | undefined;
  #restarting = false;

  constructor() {
    super();
    const style = document.createElement('style');
    style.textContent =
      ':host{display:inline-block;background:#000}:host([hidden]){display:none}video{display:block;width:100%;height:100%}';
    this.#video.autoplay = true;
    this.#video.playsInline = true;
    this.#video.part.add('video');
    this.attachShadow({ mode: 'open' }).append(style, this.#video);
    this.#video.addEventListener('playing', () => {
      if (this.#session) this.#enter('playing');
    });
  }

  get state(): PlayerElementState {
    return this.#state;
  }

  /** The element inside that shows the picture. */
  get video(): HTMLVideoElement {
    return this.#video;
  }

  /** The session of now. */
  get session(): ConsumerSession | null {
    return this.#session;
  }

  /** @internal */
  connectedCallback(): void {
    this.#connect();
  }

  /** @internal */
  disconnectedCallback(): void {
    this.#disconnect();
    this.#enter('idle');
  }

  /** @internal */
  attributeChangedCallback(name: string, before: string | null, value: string | null): void {
    if (name === 'muted') this.#video.muted = value !== null;
    else if (name === 'controls') this.#video.controls = value !== null;
    else if (name === 'poster') this.#video.poster = value ?? '';
    else if (name === 'remote-control') this.#control();
    else if (before !== value && this.isConnected) this.#restart();
  }

  /** Several attributes are often changed together. */
  #restart(): void {
    if (this.#restarting) return;
    this.#restarting = true;
    queueMicrotask(() => {
      this.#restarting = false;
      if (!this.isConnected) return;
      this.#disconnect();
      this.#connect();
    });
  }

  #connect(): void {
    if (this.#api) return;
    const warn = (words: string): void => console.warn(`<webrtc-player>: ${words}`);
    const url = readUrl(this.getAttribute('signalling'), location, warn);
    const requestIceServers = this.getAttribute('ice-servers') === 'signalling';
    const iceServers = requestIceServers ? [] : readIceServers(this.getAttribute('ice-servers'), warn);
    this.#enter('connecting');
    const api = new GstWebRTCAPI({
      signalingServerUrl: url,
      meta: { name: 'webrtc-player' },
      reconnectionTimeout: FIRST_PAUSE,
      maxReconnectionTimeout: LONGEST_PAUSE,
      webrtcConfig: { iceServers, bundlePolicy: 'max-bundle' },
      requestIceServers,
    });
    this.#api = api;
    api.registerConnectionListener({
      connected: () => this.#seek(),
      disconnected: () => this.#enter('waiting'),
      connectionError: (error) => this.#report(error),
      reconnecting: () => this.#enter('waiting'),
    });
    api.registerPeerListener({ producerAdded: () => this.#seek(), producerUpdated: () => this.#seek() });
  }

  #disconnect(): void {
    clearTimeout(this.#retry);
    this.#policy.reset();
    this.#session = null;
    this.#api?.close();
    this.#api = null;
    this.#video.srcObject = null;
  }

  /** Plays the producer that is wanted, if it is there and nothing plays. */
  #seek(): void {
    if (!this.#api?.connected || this.#session) return;
    clearTimeout(this.#retry);
    const wanted = this.getAttribute('producer');
    const producers = this.#api.getAvailableProducers();
    const found = wanted
      ? (producers.find(({ id }) => id === wanted) ?? producers.find(({ meta }) => (meta as { name?: unknown }).name === wanted))
      : producers[0];
    const session = found && this.#api.createConsumerSession(found.id);
    if (session) this.#play(session);
    else this.#enter('waiting');
  }

  #play(session: ConsumerSession): void {
    this.#session = session;
    session.mungeStereoHack = this.hasAttribute('stereo');
    session.addEventListener('streamsChanged', () => {
      const [stream = null] = session.streams;
      if (this.#session === session && this.#video.srcObject !== stream) this.#video.srcObject = stream;
      // Where the browser forbids sound it plays without.
      this.#video.play().catch((error: unknown) => {
        if (error instanceof DOMException && error.name === 'NotAllowedError' && !this.#video.muted) {
          this.#video.muted = true;
          void this.#video.play().catch(() => {});
        }
      });
    });
    session.addEventListener('remoteControllerChanged', () => {
      if (this.#session === session) this.#control();
    });
    session.addEventListener('error', ({ error }) => this.#report(error as GstWebRTCError));
    session.addEventListener('closed', () => this.#over(session));
    const interval = readInterval(this.getAttribute('figures-interval'), (words) => console.warn(`<webrtc-player>: ${words}`));
    if (interval !== undefined) {
      const tell = (figures: ConsumerFigures): void => {
        this.dispatchEvent(new CustomEvent('figures', { detail: figures }));
      };
      pollFigures(session, tell, { interval });
    }
    this.#enter('connecting');
    session.connect();
  }

  /** With `remote-control` the viewer's mouse, keys and fingers go to the producer, where it lets itself be controlled. */
  #control(): void {
    this.#session?.remoteController?.attachVideoElement(this.hasAttribute('remote-control') ? this.#video : null);
  }

  #over(session: ConsumerSession): void {
    if (this.#session !== session) return;
    this.#session = null;
    this.#video.srcObject = null;
    const failed = session.end?.by === 'failure';
    // Who played for a while begins with short pauses again.
    if (this.#state === 'playing') this.#policy.reset();
    this.#enter(failed ? 'failed' : 'waiting');
    this.#retry = setTimeout(() => this.#seek(), this.#policy.next());
  }

  #report(error: GstWebRTCError): void {
    this.dispatchEvent(new CustomEvent('error', { detail: error }));
  }

  #enter(state: PlayerElementState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.dispatchEvent(new Event('statechange'));
  }
}
