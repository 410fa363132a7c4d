/** The page as a whole: brings together the library, the list, the players, the status and the address. */
import { GstWebRTCAPI, type GstWebRTCError, type Peer } from '@tswebrtc/browser';
import { CapturePanel } from './capture-panel.ts';
import { ConsumersView } from './consumers-view.ts';
import { readDeepLink, writeDeepLink } from './deep-link.ts';
import { element, setText } from './dom.ts';
import { EmptyState } from './empty-state.ts';
import { icon } from './icons.ts';
import type { PageConfig } from './page-config.ts';
import { Player, type PlayerHost } from './player.ts';
import { Status } from './status.ts';
import { StreamList } from './stream-list.ts';
import { findByKey, keyOf, titleOf } from './stream-name.ts';
import { type View, ViewSwitch } from './view-switch.ts';

/** ms a sentence about a failure stays on the page. */
const NOTICE_TIME = 8000;

export class Studio {
  readonly #root: HTMLElement;
  readonly #api: GstWebRTCAPI;
  readonly #status = new Status(() => this.#api.reconnect());
  readonly #list = new StreamList({ onPlay: (peer, alongside) => this.#choose(peer, alongside) });
  readonly #empty: EmptyState;
  readonly #stage = element('main', { class: 'players' });
  readonly #capture: CapturePanel;
  readonly #layout = element('div', { class: 'layout' });
  readonly #notice = element('p', { class: 'notice', attributes: { role: 'alert', 'data-testid': 'notice' } });
  readonly #host: PlayerHost;
  #view: View = 'watch';
  #players: Player[] = [];
  #muted = true;
  /** What an empty page says while the server is away. */
  #emptiness: 'connecting' | 'unreachable' = 'connecting';
  #lastError: GstWebRTCError | undefined;
  #noticeTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(root: HTMLElement, config: PageConfig) {
    this.#root = root;
    this.#empty = new EmptyState(config.signallingUrl);
    this.#notice.hidden = true;
    this.#api = new GstWebRTCAPI({
      signalingServerUrl: config.signallingUrl,
      meta: { name: 'tswebrtc studio' },
      reconnectionTimeout: 1000,
      maxReconnectionTimeout: 10_000,
      webrtcConfig: { iceServers: config.iceServers, bundlePolicy: 'max-bundle' },
    });
    this.#capture = new CapturePanel(this.#api, config.signallingUrl);
    this.#layout.append(element('div', { class: 'side' }, this.#list.element, this.#capture.element), this.#stage);
    this.#host = {
      createSession: (id) => this.#api.createConsumerSession(id),
      onStop: (player) => this.#stop(player),
      onMuted: (muted) => {
        this.#muted = muted;
      },
    };
    this.#listen(new URL(config.signallingUrl).host);
    this.#layOut(config.statsUrl);
    this.#followAddress();
    window.addEventListener('hashchange', () => this.#followAddress());
    window.addEventListener('pagehide', (event) => {
      if (!event.persisted) this.#api.close();
    });
  }

  #listen(host: string): void {
    this.#api.registerConnectionListener({
      connected: () => {
        this.#status.show('connected', 'Connected', `Signalling server ${host}`);
        for (const player of this.#players) player.serverIsBack();
        this.#refresh();
      },
      disconnected: () => this.#refresh(),
      connectionError: (error) => this.#failed(error),
      reconnecting: (_attempt, delay) => {
        this.#status.showReconnecting(delay, this.#lastError?.message ?? '');
        this.#refresh('unreachable');
      },
    });
    this.#api.registerPeerListener({
      producerAdded: (peer) => this.#appeared(peer),
      producerUpdated: (peer) => this.#changed(peer),
      producerRemoved: (peer) => this.#disappeared(peer),
      consumerAdded: () => this.#capture.refresh(),
      consumerRemoved: () => this.#capture.refresh(),
    });
  }

  #layOut(statsUrl: string | undefined): void {
    const mark = element('span', { class: 'mark', attributes: { 'aria-hidden': 'true' } }, icon('play'));
    const brand = element(
      'div',
      { class: 'brand' },
      mark,
      element('span', {}, 'tswebrtc', element('span', { class: 'brand-light' }, ' studio')),
    );
    const header = element('header', { class: 'top' }, brand, this.#status.element);
    this.#root.replaceChildren(header, this.#layout, this.#notice);
    if (statsUrl !== undefined) this.#addConsumers(statsUrl, brand);
    this.#refresh('connecting');
  }

  /** The second view. Whatever plays in the first plays on while it is not seen. */
  #addConsumers(statsUrl: string, brand: Element): void {
    const consumers = new ConsumersView(statsUrl, (peerId) => peerId === this.#api.clientId);
    const views = new ViewSwitch((view) => {
      this.#view = view;
      this.#layout.hidden = view !== 'watch';
      consumers.shown = view === 'consumers';
      this.#refresh();
    });
    brand.after(views.element);
    this.#layout.after(consumers.element);
    views.show();
  }

  #appeared(peer: Peer): void {
    this.#list.put(peer);
    const all = this.#api.getAvailableProducers();
    for (const player of this.#players) {
      if (player.state === 'waiting' && (player.producerId === peer.id || findByKey(player.key, all) === peer))
        player.play(peer, player.key);
    }
    this.#refresh();
  }

  #changed(peer: Peer): void {
    this.#list.put(peer);
    for (const player of this.#players) if (player.producerId === peer.id) player.update(peer);
    this.#appeared(peer);
  }

  #disappeared(peer: Peer): void {
    this.#list.remove(peer.id);
    for (const player of this.#players) {
      if (player.producerId !== peer.id || player.state === 'waiting') continue;
      player.wait(`${titleOf(peer)} has gone off air. This plays again as soon as it is back.`);
    }
    this.#refresh();
  }

  #choose(peer: Peer, alongside: boolean): void {
    const open = this.#players.find((player) => player.producerId === peer.id);
    if (!alongside) for (const player of this.#players) if (player !== open) player.close();
    if (!alongside) this.#players = open ? [open] : [];
    if (!open) this.#open(keyOf(peer, this.#api.getAvailableProducers()), peer).focus();
    else if (open.state !== 'playing' && open.state !== 'connecting') open.play(peer, open.key);
    else open.focus();
    this.#writeAddress();
    this.#refresh();
  }

  #open(key: string, peer: Peer | undefined): Player {
    const player = new Player(key, this.#host, this.#muted);
    this.#players.push(player);
    this.#stage.append(player.element);
    if (peer) player.play(peer, key);
    return player;
  }

  #stop(player: Player): void {
    player.close();
    this.#players = this.#players.filter((other) => other !== player);
    this.#writeAddress();
    this.#refresh();
    this.#list.element.querySelector<HTMLElement>('.stream-main')?.focus();
  }

  /** Plays what the address names, and stops what it does not. */
  #followAddress(): void {
    const all = this.#api.getAvailableProducers();
    const keys = readDeepLink(location.hash);
    const wanted = (player: Player): boolean => keys.some((key) => player.key === key || player.producerId === key);
    for (const player of this.#players) if (!wanted(player)) player.close();
    this.#players = this.#players.filter(wanted);
    for (const key of keys) {
      if (!this.#players.some((player) => player.key === key || player.producerId === key)) this.#open(key, findByKey(key, all));
    }
    this.#refresh();
  }

  #writeAddress(): void {
    const fragment = writeDeepLink(this.#players.map((player) => player.key));
    history.replaceState(null, '', `${location.pathname}${location.search}${fragment}`);
  }

  #failed(error: GstWebRTCError): void {
    this.#lastError = error;
    // An unreachable server is said by the status, with what is done about it; anything else is said here.
    if (error.code !== 'SIGNALLING_UNREACHABLE') this.#say(error.message);
    else if (!this.#api.connected) this.#status.show('failed', 'Not connected', error.message);
  }

  #say(sentence: string): void {
    clearTimeout(this.#noticeTimer);
    setText(this.#notice, sentence);
    this.#notice.hidden = false;
    this.#noticeTimer = setTimeout(() => {
      this.#notice.hidden = true;
    }, NOTICE_TIME);
  }

  #refresh(whileAway: 'connecting' | 'unreachable' = this.#emptiness): void {
    this.#emptiness = whileAway;
    const { connected } = this.#api;
    this.#capture.refresh();
    const count = this.#list.size;
    this.#list.hint(count > 0 ? '' : connected ? 'None yet. They appear here as they come on air.' : 'Not connected.');
    this.#list.mark(new Set(this.#players.flatMap((player) => player.producerId ?? [])));
    this.#stage.dataset.count = String(this.#players.length);
    const titles = this.#players.map((player) => player.element.getAttribute('aria-label')).join(', ');
    document.title = [this.#view === 'consumers' ? 'Consumers' : titles, 'tswebrtc studio'].filter(Boolean).join(' – ');
    if (this.#players.length > 0) {
      this.#empty.element.remove();
      return;
    }
    this.#empty.show(connected ? (count > 0 ? 'choose' : 'no-streams') : whileAway);
    this.#stage.append(this.#empty.element);
  }
}
