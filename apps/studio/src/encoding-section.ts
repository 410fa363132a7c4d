/** One encoding in the table and the consumers on it. */
import type { ConsumerRow } from './consumer-row.ts';
import { COLUMNS } from './consumer-row.ts';
import { element, setText } from './dom.ts';
import type { EncodingGroup } from './encoding-groups.ts';
import { formatBitrate, formatRate, formatSize } from './format.ts';

/** Colours that tell encodings apart at a glance; with more encodings they come round again. */
const TONES = 6;

export class EncodingSection {
  readonly element: HTMLTableSectionElement;
  readonly #head: HTMLTableRowElement;
  readonly #name = element('span', { class: 'encoding-name' });
  readonly #bitrate = element('span', { class: 'encoding-bitrate', attributes: { 'data-testid': 'encoding-bitrate' } });
  readonly #shared = element('span', { class: 'encoding-shared' });

  /** @param tone number of the colour */
  constructor(id: string, tone: number) {
    const mark = element('span', { class: 'encoding-mark', attributes: { 'aria-hidden': 'true' } });
    const line = element('div', { class: 'encoding-line', title: id }, mark, this.#name, this.#bitrate, this.#shared);
    const span = String(Object.keys(COLUMNS).length + 1);
    const headAttributes = { scope: 'rowgroup', colspan: span, role: 'rowheader' };
    this.#head = element(
      'tr',
      { class: 'encoding-head', attributes: { role: 'row' } },
      element('th', { attributes: headAttributes }, line),
    );
    const attributes = { role: 'rowgroup', 'data-testid': 'encoding', 'data-encoding-id': id, 'data-tone': String(tone % TONES) };
    this.element = element('tbody', { class: 'encoding', attributes }, this.#head);
  }

  show({ id, encoding, sessions }: EncodingGroup, rows: readonly ConsumerRow[]): void {
    const { codec, width, height, framerate, bitrate } = encoding;
    const parts = [codec, width && height ? formatSize(width, height) : '', framerate ? formatRate(framerate) : ''];
    setText(this.#name, id === '' ? 'No encoding yet' : parts.filter(Boolean).join(' · ') || 'Encoding');
    setText(this.#bitrate, id === '' || bitrate === null ? '' : formatBitrate(bitrate));
    const many = sessions.length > 1;
    setText(this.#shared, id === '' ? '' : many ? `shared by ${sessions.length} consumers` : 'for one consumer');
    arrange(this.element, [this.#head, ...rows.map((row) => row.element)]);
  }
}

/** Brings the children of a node into this order and moves none that stands where it should. */
export function arrange(parent: Node, children: readonly Node[]): void {
  const wanted = new Set(children);
  for (const child of [...parent.childNodes]) if (!wanted.has(child)) parent.removeChild(child);
  children.forEach((child, i) => {
    if (parent.childNodes[i] !== child) parent.insertBefore(child, parent.childNodes[i] ?? null);
  });
}
