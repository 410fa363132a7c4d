/**
 * Plays one producer: its pictures, the controls, the live figures, and one clear sentence whenever there is nothing to see.
 * A player outlives its session: when the producer or the server goes away it waits and plays on once they are back.
 */
import { type ConsumerSession, type Peer, pollFigures, type SessionEnd } from '@tswebrtc/browser';
import { element, setText } from './dom.ts';
import { FigurePanel } from './figure-panel.ts';
import { icon } from './icons.ts';
import { PlayerControls } from './player-controls.ts';
import { Screens } from './screens.ts';
import { titleOf } from './stream-name.ts';

export interface PlayerHost {
  /** Null when the signalling server is not connected. */
  createSession(producerId: string): ConsumerSession | null;
  /** The user is done with this player. */
  onStop(player: Player): void;
  /** The user turned the sound on or off: a new player begins the same way. */
  onMuted(muted: boolean): void;
}

/** `waiting` for the producer or the server, `ended` by the producer, `failed`; the last two wait for the user. */
export type PlayerState = 'waiting' | 'connecting' | 'playing' | 'interrupted' | 'ended' | 'failed';

/** ms without a picture after which the player says that it is still waiting. */
const PATIENCE = 8000;

export class Player {
  readonly element: HTMLElement;
  readonly #host: PlayerHost;
  readonly #screens = new Screens();
  readonly #figures = new FigurePanel();
  readonly #controls: PlayerControls;
  readonly #title = element('span', { class: 'player-title' });
  readonly #message = element('p', { class: 'message-text', attributes: { role: 'status', 'data-testid': 'player-message' } });
  readonly #again: HTMLButtonElement;
  #key: string;
  #peer: Peer | null = null;
  #session: ConsumerSession | null = null;
  /** Ends all that belongs to the session of now. */
  #attempt = new AbortController();
  #patience: ReturnType<typeof setTimeout> | undefined;
  #state: PlayerState = 'waiting';
  #soundPresent = false;
  /** What the viewer wants, also where the producer does not let him now. */
  #controlling = false;

  /** @param key id or name of the producer that is wanted */
  constructor(key: string, host: PlayerHost, muted: boolean) {
    this.#key = key;
    this.#host = host;
    this.#screens.setMuted(muted);
    this.#again = element(
      'button',
      {
        class: 'button',
        type: 'button',
        onClick: () => this.#peer && this.play(this.#peer, this.#key),
        attributes: { 'data-testid': 'play-again' },
      },
      icon('retry'),
      'Try again',
    );
    const live = element('span', { class: 'live' }, 'Live');
    const spinner = element('span', { class: 'spinner', attributes: { 'aria-hidden': 'true' } });
    const message = element('div', { class: 'message' }, spinner, this.#message, this.#again);
    const stage = element('div', { class: 'stage', attributes: { tabindex: '0', role: 'group' } });
    this.#controls = new PlayerControls(stage, {
      onMuted: (value) => {
        this.#screens.setMuted(value);
        this.#host.onMuted(value);
        this.#showSound();
      },
      onVolume: (volume) => this.#screens.setVolume(volume),
      onControl: (on) => {
        this.#controlling = on;
        this.#showControl();
      },
      onStop: () => this.#host.onStop(this),
    });
    const header = element('div', { class: 'player-header' }, live, this.#title);
    stage.append(this.#screens.element, header, message, this.#controls.unmute, this.#controls.element);
    this.element = element('article', { class: 'player', attributes: { 'data-testid': 'player' } }, stage, this.#figures.element);
    this.#screens.onFirstFrame = () => this.#firstFrame();
    this.#screens.onSound = (present) => this.#showSound(present);
    this.#rename(key);
    this.wait(`Waiting for “${key}” to come on air…`);
  }

  /** Id or name under which the stream was asked for. */
  get key(): string {
    return this.#key;
  }

  /** Id of the producer it plays or last played. */
  get producerId(): string | undefined {
    return this.#peer?.id;
  }

  get state(): PlayerState {
    return this.#state;
  }

  focus(): void {
    this.element.querySelector<HTMLElement>('.stage')?.focus({ preventScroll: true });
  }

  /** Plays this producer, from the beginning. */
  play(peer: Peer, key: string): void {
    this.#release();
    this.#key = key;
    this.update(peer);
    const session = this.#host.createSession(peer.id);
    if (!session) {
      this.wait('The signalling server is away. This plays as soon as it is back.');
      return;
    }
    this.#session = session;
    session.mungeStereoHack = true;
    this.#show('connecting', `Connecting to ${titleOf(peer)}…`);
    this.#patience = setTimeout(() => {
      if (this.#state === 'connecting') this.#show('connecting', `${titleOf(peer)} has not sent a picture yet; still waiting…`);
    }, PATIENCE);
    this.#follow(session);
    session.connect();
  }

  /** The producer has changed its name or is there again. */
  update(peer: Peer): void {
    this.#peer = peer;
    this.element.dataset.producerId = peer.id;
    this.#rename(titleOf(peer));
  }

  /** Waits for whatever the sentence says. */
  wait(sentence: string): void {
    this.#release();
    this.#show('waiting', sentence);
  }

  /** The server knows us again: what is waited for now is the producer. */
  serverIsBack(): void {
    if (this.#state !== 'waiting') return;
    const hasName = this.#peer === null || this.#key !== this.#peer.id;
    this.wait(
      hasName
        ? `Waiting for “${this.#peer ? titleOf(this.#peer) : this.#key}” to come on air…`
        : `Waiting for ${titleOf(this.#peer as Peer)}. If its producer was started again it is in the list under a new id.`,
    );
  }

  /** Ends the session; the player is not used again. */
  close(): void {
    this.#release();
    this.element.remove();
  }

  #follow(session: ConsumerSession): void {
    const asked = performance.now();
    const { signal } = this.#attempt;
    this.#screens.onFirstFrame = () => this.#firstFrame(performance.now() - asked);
    const show = (): void => {
      this.#screens.show(session.streams);
      this.#showControl();
    };
    session.addEventListener(
      'streamsChanged',
      () => {
        for (const stream of session.streams) {
          for (const event of ['addtrack', 'removetrack']) stream.addEventListener(event, show, { signal });
        }
        show();
      },
      { signal },
    );
    session.addEventListener('remoteControllerChanged', () => this.#showControl(), { signal });
    session.addEventListener('rtcPeerConnectionChanged', () => this.#followConnection(session), { signal });
    session.addEventListener('closed', ({ detail }) => this.#ended(detail), { signal });
    pollFigures(session, (figures) => this.#figures.show(figures), { signal });
  }

  #followConnection(session: ConsumerSession): void {
    const connection = session.rtcPeerConnection;
    const { signal } = this.#attempt;
    connection?.addEventListener(
      'connectionstatechange',
      () => {
        const { connectionState } = connection;
        if (connectionState === 'disconnected' && this.#state === 'playing') {
          this.#show('interrupted', 'The connection is interrupted; waiting for it to recover…');
        } else if (connectionState === 'connected' && this.#state === 'interrupted') this.#show('playing', '');
      },
      { signal },
    );
  }

  #firstFrame(elapsed?: number): void {
    clearTimeout(this.#patience);
    if (elapsed !== undefined) this.#figures.showFirstFrame(elapsed);
    this.#show('playing', '');
  }

  #ended({ by, reason }: SessionEnd): void {
    const title = this.#peer ? titleOf(this.#peer) : this.#key;
    this.#release();
    if (by === 'signalling') this.#show('waiting', 'The signalling server is away. This plays again as soon as it is back.');
    else if (by === 'peer')
      this.#show('ended', reason ? `${title} ended the session: ${reason}` : `${title} has ended the session.`);
    else this.#show('failed', reason ?? `${title} cannot be played.`);
  }

  #release(): void {
    clearTimeout(this.#patience);
    this.#attempt.abort();
    this.#attempt = new AbortController();
    this.#session?.close();
    this.#session = null;
    this.#screens.clear();
    this.#figures.clear();
    this.#showSound(false);
    this.#showControl();
  }

  #show(state: PlayerState, sentence: string): void {
    this.#state = state;
    this.element.dataset.state = state;
    this.#again.hidden = state !== 'ended' && state !== 'failed';
    setText(this.#message, sentence);
  }

  #rename(title: string): void {
    setText(this.#title, title);
    this.element.setAttribute('aria-label', title);
  }

  #showSound(present = this.#soundPresent): void {
    this.#soundPresent = present;
    this.#controls.showSound(present, this.#screens.muted);
  }

  /** Of several pictures the first is the one that is controlled. */
  #showControl(): void {
    const controller = this.#session?.remoteController ?? null;
    controller?.attachVideoElement(this.#controlling ? this.#screens.first : null);
    this.#controls.showControl(controller !== null, this.#controlling);
  }
}
