/** Puts what this browser sees on air: choose a source, see it, read under which id others find it. */
import type { GstWebRTCAPI, Peer, ProducerSession } from '@tswebrtc/browser';
import { SessionState } from '@tswebrtc/browser';
import { CAPTURE_SOURCES, type CaptureSource, openSource } from './capture-sources.ts';
import { commandLine } from './command-line.ts';
import { element, setText } from './dom.ts';
import { icon } from './icons.ts';
import { recordCommand } from './start-commands.ts';
import { titleOf } from './stream-name.ts';

type CaptureState = 'idle' | 'starting' | 'live';

export class CapturePanel {
  readonly element: HTMLElement;
  readonly #api: GstWebRTCAPI;
  readonly #signallingUrl: string;
  readonly #source: HTMLSelectElement;
  readonly #button: HTMLButtonElement;
  readonly #id = element('code', { class: 'capture-id', attributes: { 'data-testid': 'client-id' } });
  readonly #message = element('p', {
    class: 'capture-message',
    attributes: { role: 'status', 'data-testid': 'capture-message' },
  });
  readonly #preview = element('video', { class: 'capture-preview', attributes: { playsinline: '', muted: '', autoplay: '' } });
  readonly #command = element('div', { class: 'capture-command' });
  readonly #consumers = element('ul', { class: 'capture-consumers', attributes: { 'aria-label': 'Waiting for a stream' } });
  #session: ProducerSession | null = null;
  #starting = false;

  constructor(api: GstWebRTCAPI, signallingUrl: string) {
    this.#api = api;
    this.#signallingUrl = signallingUrl;
    this.#source = element('select', { class: 'capture-source', attributes: { 'aria-label': 'What to capture' } });
    for (const [source, name] of CAPTURE_SOURCES) this.#source.append(element('option', { attributes: { value: source } }, name));
    this.#button = element('button', {
      class: 'button capture-button',
      type: 'button',
      attributes: { 'data-testid': 'capture' },
      onClick: () => void (this.#session ? this.#session.close() : this.start()),
    });
    this.#preview.muted = true;
    this.element = element(
      'section',
      { class: 'capture', attributes: { 'data-testid': 'capture-panel' } },
      element('h2', { class: 'section-title' }, 'On air from here'),
      this.#source,
      this.#button,
      this.#preview,
      this.#message,
      element('p', { class: 'capture-own-id' }, 'Client id ', this.#id),
      this.#command,
      this.#consumers,
    );
    this.refresh();
  }

  /** Captures what is chosen and registers as a producer; with `consumer` it begins with that passive consumer. */
  async start(consumer?: Peer): Promise<void> {
    if (this.#session || this.#starting) return;
    this.#starting = true;
    this.#say('');
    this.refresh();
    try {
      const stream = await openSource(this.#source.value as CaptureSource);
      const session = consumer
        ? this.#api.createProducerSessionForConsumer(stream, consumer.id)
        : this.#api.createProducerSession(stream);
      if (!session) {
        for (const track of stream.getTracks()) track.stop();
        throw new Error('The signalling server is not connected: try again when it is back.');
      }
      this.#follow(session);
    } catch (error) {
      this.#say(error instanceof Error ? error.message : String(error));
    } finally {
      this.#starting = false;
      this.refresh();
    }
  }

  /** Shows what has changed: the connection, who watches, who waits. */
  refresh(): void {
    const state: CaptureState =
      this.#session?.state === SessionState.streaming ? 'live' : this.#session || this.#starting ? 'starting' : 'idle';
    const { clientId, connected } = this.#api;
    this.element.dataset.state = state;
    setText(this.#id, clientId || 'none');
    this.#button.disabled = state === 'starting' || (state === 'idle' && !connected);
    this.#button.replaceChildren(icon(state === 'live' ? 'stop' : 'camera'), state === 'live' ? 'Stop capture' : 'Start capture');
    this.#source.disabled = state !== 'idle';
    this.#preview.hidden = state !== 'live';
    if (state === 'live') {
      const count = this.#session?.clientSessions.length ?? 0;
      this.#say(count === 0 ? 'On air; nobody watches yet.' : count === 1 ? 'On air; one watches.' : `On air; ${count} watch.`);
      if (this.#command.childElementCount === 0) {
        this.#command.replaceChildren(commandLine('Record it', recordCommand(this.#signallingUrl, clientId)));
      }
    } else this.#command.replaceChildren();
    this.#showConsumers(state === 'idle' ? this.#api.getAvailableConsumers() : []);
  }

  #follow(session: ProducerSession): void {
    this.#session = session;
    this.#preview.srcObject = session.stream;
    const refresh = (): void => this.refresh();
    session.addEventListener('stateChanged', refresh);
    session.addEventListener('clientConsumerAdded', refresh);
    session.addEventListener('clientConsumerRemoved', refresh);
    session.addEventListener('error', ({ message }) => this.#say(message));
    session.addEventListener('closed', () => {
      this.#session = null;
      this.#preview.srcObject = null;
      this.#say('');
      this.refresh();
    });
    // The browser has a button of its own that ends the capture of a screen.
    for (const track of session.stream.getTracks()) track.addEventListener('ended', () => session.close());
    if (!session.start()) session.close();
  }

  #showConsumers(consumers: readonly Peer[]): void {
    this.#consumers.hidden = consumers.length === 0;
    this.#consumers.replaceChildren(
      ...consumers.map((peer) => {
        const send = element(
          'button',
          {
            class: 'text-button',
            type: 'button',
            onClick: () => void this.start(peer),
            attributes: { 'data-testid': 'capture-for' },
          },
          'Send it this',
        );
        return element('li', {}, element('span', {}, titleOf(peer), ' waits for a stream'), send);
      }),
    );
  }

  #say(sentence: string): void {
    setText(this.#message, sentence);
    this.#message.hidden = sentence === '';
  }
}
