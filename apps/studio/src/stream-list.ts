/** The producers that are there, as they come and go. */
import type { Peer } from '@tswebrtc/browser';
import { element, setText } from './dom.ts';
import { formatMeta } from './format.ts';
import { icon } from './icons.ts';
import { titleOf } from './stream-name.ts';

export interface StreamListEvents {
  /** Play this one; `alongside` the others, or instead of them. */
  onPlay(peer: Peer, alongside: boolean): void;
}

const MAX_FIELDS = 6;

interface Item {
  readonly element: HTMLLIElement;
  readonly main: HTMLButtonElement;
  readonly side: HTMLButtonElement;
  peer: Peer;
}

export class StreamList {
  readonly element: HTMLElement;
  readonly #events: StreamListEvents;
  readonly #list = element('ul', { class: 'stream-list', attributes: { 'aria-label': 'Streams', 'data-testid': 'streams' } });
  readonly #count = element('span', { class: 'count' });
  readonly #hint = element('p', { class: 'list-hint' });
  readonly #items = new Map<string, Item>();

  constructor(events: StreamListEvents) {
    this.#events = events;
    const heading = element('h2', { class: 'section-title' }, 'Streams', this.#count);
    this.element = element('section', { class: 'sidebar' }, heading, this.#list, this.#hint);
    this.#list.addEventListener('keydown', (event) => this.#move(event));
    this.#refresh();
  }

  get size(): number {
    return this.#items.size;
  }

  /** Adds a producer, or shows what has changed of it. */
  put(peer: Peer): void {
    const known = this.#items.get(peer.id);
    if (known) known.peer = peer;
    const item = known ?? this.#create(peer);
    item.main.replaceChildren(...describe(peer));
    item.side.title = `Watch ${titleOf(peer)} beside the others`;
    item.side.setAttribute('aria-label', item.side.title);
    this.#refresh();
  }

  remove(id: string): void {
    const item = this.#items.get(id);
    if (!item) return;
    const focused = item.element.contains(document.activeElement);
    const neighbour = (item.element.nextElementSibling ?? item.element.previousElementSibling)?.querySelector('button');
    this.#items.delete(id);
    item.element.remove();
    if (focused) neighbour?.focus();
    this.#refresh();
  }

  /** Marks the streams that are being played. */
  mark(playing: ReadonlySet<string>): void {
    for (const [id, { element: node, main, side }] of this.#items) {
      const active = playing.has(id);
      node.classList.toggle('is-active', active);
      main.setAttribute('aria-pressed', String(active));
      side.hidden = active || playing.size === 0;
    }
  }

  /** What to say under an empty list. */
  hint(text: string): void {
    setText(this.#hint, text);
    this.#hint.hidden = text === '';
  }

  #create(peer: Peer): Item {
    const play = (alongside: boolean): void => this.#events.onPlay(this.#items.get(peer.id)?.peer ?? peer, alongside);
    const main = element('button', {
      class: 'stream-main',
      type: 'button',
      onClick: (event) => play(event.ctrlKey || event.metaKey || event.shiftKey),
    });
    const side = element('button', { class: 'icon-button stream-side', type: 'button', onClick: () => play(true) }, icon('add'));
    side.hidden = true;
    const attributes = { 'data-testid': 'stream', 'data-producer-id': peer.id };
    const item: Item = { peer, main, side, element: element('li', { class: 'stream', attributes }, main, side) };
    this.#items.set(peer.id, item);
    this.#list.append(item.element);
    return item;
  }

  #refresh(): void {
    setText(this.#count, this.#items.size === 0 ? '' : String(this.#items.size));
    this.#list.hidden = this.#items.size === 0;
  }

  /** Arrow keys go from stream to stream. */
  #move(event: KeyboardEvent): void {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step === 0) return;
    const buttons = [...this.#items.values()].map(({ main }) => main);
    const current = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const next = buttons[current + step];
    if (current < 0 || !next) return;
    event.preventDefault();
    next.focus();
  }
}

function describe(peer: Peer): Node[] {
  const title = titleOf(peer);
  const letter = element('span', { class: 'stream-badge', attributes: { 'aria-hidden': 'true' } }, icon('play'));
  const fields = Object.entries(peer.meta).filter(([key]) => key !== 'name');
  const chips = fields
    .slice(0, MAX_FIELDS)
    .map(([key, value]) =>
      element('span', { class: 'chip' }, element('span', { class: 'chip-key' }, formatMeta(key)), ` ${formatMeta(value)}`),
    );
  const body = element(
    'span',
    { class: 'stream-body' },
    element('span', { class: 'stream-name' }, title),
    element('span', { class: 'stream-id', title: peer.id }, peer.id),
    chips.length > 0 && element('span', { class: 'chips' }, ...chips),
  );
  return [letter, body];
}
