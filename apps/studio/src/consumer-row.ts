/** One consumer in the table: made once, and told its figures every second. */
import { element, setText } from './dom.ts';
import { NETWORK_WORDS, reasonOf, shortId } from './encoding-groups.ts';
import { formatBitrate, formatDuration, formatPercent, formatRate, formatSize, UNKNOWN } from './format.ts';
import type { SessionFigures } from './sink-stats.ts';
import { Sparkline } from './sparkline.ts';

/** The columns after the first; what they mean is read where the pointer rests on their heads. */
export const COLUMNS = {
  network: ['Network', 'What congestion control makes of the way to this consumer'],
  target: ['Target', 'What congestion control allows this consumer'],
  sent: ['Sent', 'What was sent to it in the last second, repairs included'],
  minute: ['Last minute', 'Sent, and above it the target as a dotted line'],
  loss: ['Loss', 'Packets that the consumer reports as lost, before any repair'],
  rtt: ['Round trip', 'Time of a packet to the consumer and back'],
  fec: ['FEC', 'Packets sent on top so that lost ones can be computed'],
  encoding: ['Encoding', 'Whom it shares its encoding with, and why'],
} as const;

type Column = keyof typeof COLUMNS;

/** Loss above this part of a hundred is marked. */
const BAD_LOSS = 2;

export class ConsumerRow {
  readonly element: HTMLTableRowElement;
  readonly #cells = {} as Record<Column, HTMLTableCellElement>;
  readonly #own = element('span', { class: 'consumer-own' }, 'this page');
  readonly #media = element('span', { class: 'consumer-media' });
  readonly #network = element('span', { class: 'pill' });
  readonly #texts = {
    target: element('span'),
    sent: element('span'),
    loss: element('span'),
    resent: element('span', { class: 'cell-note' }),
    rtt: element('span'),
    fec: element('span'),
    label: element('span', { class: 'reason' }),
    sentence: element('span', { class: 'cell-note' }),
  };
  readonly #sparkline = new Sparkline();

  constructor({ sessionId, peerId }: SessionFigures) {
    const { target, sent, loss, resent, rtt, fec, label, sentence } = this.#texts;
    const contents: Record<Column, (Node | string)[]> = {
      network: [this.#network],
      target: [target],
      sent: [sent],
      minute: [this.#sparkline.element],
      loss: [loss, resent],
      rtt: [rtt],
      fec: [fec],
      encoding: [label, sentence],
    };
    const cells = (Object.keys(COLUMNS) as Column[]).map((column) => {
      // Shown before the value where the table is too narrow for columns.
      const attributes = { role: 'cell', 'data-label': COLUMNS[column][0], 'data-testid': `consumer-${column}` };
      const cell = element('td', { class: `col-${column}`, attributes }, ...contents[column]);
      this.#cells[column] = cell;
      return cell;
    });
    const name = element('span', { class: 'consumer-name', title: `Peer ${peerId}\nSession ${sessionId}` }, shortId(peerId));
    const head = element(
      'th',
      { class: 'col-consumer', attributes: { scope: 'row', role: 'rowheader' } },
      element('span', { class: 'consumer-line' }, name, this.#own),
      this.#media,
    );
    const attributes = { role: 'row', 'data-testid': 'consumer', 'data-session-id': sessionId };
    this.element = element('tr', { class: 'consumer', attributes }, head, ...cells);
  }

  /** @param own whether it is a player of this very page */
  show(session: SessionFigures, own: boolean): void {
    this.#own.hidden = !own;
    setText(this.#media, mediaOf(session));
    this.#showNetwork(session);

    const { targetBitrate, sentBitrate } = session;
    this.#set('target', targetBitrate, formatBitrate);
    this.#set('sent', sentBitrate, formatBitrate);
    if (sentBitrate !== null) this.#sparkline.add(sentBitrate, targetBitrate ?? undefined);

    const loss = session.packetLoss === null ? null : session.packetLoss * 100;
    this.#set('loss', loss, formatPercent);
    this.#cells.loss.classList.toggle('is-bad', (loss ?? 0) >= BAD_LOSS);
    setText(this.#texts.resent, session.retransmittedPackets > 0 ? `${session.retransmittedPackets} resent` : '');
    this.#set('rtt', session.roundTripTime === null ? null : session.roundTripTime * 1000, formatDuration);
    this.#set('fec', session.fecPercentage, formatPercent);

    const { label, sentence, title } = reasonOf(session);
    setText(this.#texts.label, label || UNKNOWN);
    setText(this.#texts.sentence, sentence);
    this.#cells.encoding.title = [title, ...session.sharedWith].filter(Boolean).join('\n');
    this.#cells.encoding.dataset.value = session.encodingReason ?? '';
  }

  /** Draws attention for a moment: the consumer has come to another encoding. */
  flash(): void {
    this.element.classList.remove('is-moved');
    void this.element.offsetWidth;
    this.element.classList.add('is-moved');
  }

  /** The line of the last minute begins anew: there is a hole in it. */
  forget(): void {
    this.#sparkline.clear();
  }

  /** A session that is not connected has no network to speak of: then its state is what counts. */
  #showNetwork({ state, networkState }: SessionFigures): void {
    const connected = state === '' || state === 'connected';
    const word = connected && networkState !== null ? NETWORK_WORDS[networkState] : undefined;
    setText(this.#network, word?.label ?? (connected ? UNKNOWN : state.charAt(0).toUpperCase() + state.slice(1)));
    this.#network.title = word?.title ?? '';
    this.#network.dataset.state = connected ? (networkState ?? '') : state;
  }

  #set(column: 'target' | 'sent' | 'loss' | 'rtt' | 'fec', value: number | null, format: (value: number | null) => string): void {
    setText(this.#texts[column], format(value));
    if (value === null) delete this.#cells[column].dataset.value;
    else this.#cells[column].dataset.value = String(value);
  }
}

function mediaOf({ codec, width, height, framerate, mitigationMode }: SessionFigures): string {
  const size = width && height ? formatSize(width, height) : '';
  const rate = framerate ? formatRate(framerate) : '';
  const mitigation = mitigationMode === 'none' ? '' : mitigationMode.replace('+', ' and ');
  // A line breaks between the parts, never within one.
  const parts = [codec, size, rate].map((part) => part?.replaceAll(' ', '\u00a0'));
  return [...parts, mitigation].filter(Boolean).join(' · ') || 'No picture yet';
}
