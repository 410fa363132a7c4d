/**
 * Who watches, what each of them gets and why: the sink's figures, live, grouped by encoding. Rows and groups are kept from one
 * second to the next and only told what has changed.
 */
import { COLUMNS, ConsumerRow } from './consumer-row.ts';
import { element, setText } from './dom.ts';
import { type EncodingGroup, groupByEncoding } from './encoding-groups.ts';
import { arrange, EncodingSection } from './encoding-section.ts';
import { formatBitrate } from './format.ts';
import type { EncodingFigures, SessionFigures, SinkStats } from './sink-stats.ts';
import { type FeedState, StatsFeed } from './stats-feed.ts';

/** ms between figures after which the lines of the last minute begin anew. */
const HOLE = 4000;

/** An encoding changes places with the one before it when its bitrate is that many times as high. */
const CLEARLY = 1.4;

const FEED_WORDS: Readonly<Record<FeedState, string>> = { connecting: 'Connecting…', live: 'Live', lost: 'Reconnecting…' };

interface Consumer {
  readonly row: ConsumerRow;
  encodingId: string | null;
}

export class ConsumersView {
  readonly element: HTMLElement;
  readonly #isOwn: (peerId: string) => boolean;
  readonly #feed: StatsFeed;
  readonly #count = element('span', { class: 'count' });
  readonly #summary = element('p', { class: 'consumers-summary', attributes: { 'data-testid': 'consumers-summary' } });
  readonly #state = element('span', { class: 'feed', attributes: { 'data-testid': 'feed' } });
  readonly #alert = element('p', { class: 'consumers-alert', attributes: { role: 'status', 'data-testid': 'consumers-alert' } });
  readonly #news = element('p', { class: 'unseen', attributes: { role: 'status', 'data-testid': 'consumers-news' } });
  readonly #others = element('p', { class: 'consumers-others' });
  readonly #empty: HTMLElement;
  readonly #emptyHeading = element('h2', {});
  readonly #emptyText = element('p', {});
  readonly #table = createTable();
  readonly #consumers = new Map<string, Consumer>();
  readonly #sections = new Map<string, EncodingSection>();
  #tone = 0;
  #shown = false;
  #last = Number.NEGATIVE_INFINITY;

  /** @param isOwn whether a peer is this very page */
  constructor(statsUrl: string, isOwn: (peerId: string) => boolean) {
    this.#isOwn = isOwn;
    this.#feed = new StatsFeed(statsUrl, {
      onStats: (stats) => this.#update(stats),
      onState: (state) => this.#showState(state),
    });
    this.#empty = element(
      'section',
      { class: 'empty', attributes: { 'data-testid': 'consumers-empty' } },
      element('div', { class: 'empty-inner' }, this.#emptyHeading, this.#emptyText),
    );
    const heading = element('h1', { class: 'consumers-title' }, 'Consumers', this.#count);
    this.element = element(
      'main',
      { class: 'consumers', attributes: { 'aria-label': 'Consumers', 'data-testid': 'consumers' } },
      element('div', { class: 'consumers-top' }, heading, this.#summary, this.#state),
      this.#alert,
      this.#table,
      this.#empty,
      this.#others,
      this.#news,
    );
    this.element.hidden = true;
    this.#showState('connecting');
    // A page nobody looks at costs the sink nothing.
    document.addEventListener('visibilitychange', () => this.#follow());
    window.addEventListener('pagehide', () => this.#feed.close());
    window.addEventListener('pageshow', () => this.#follow());
  }

  set shown(shown: boolean) {
    this.#shown = shown;
    this.element.hidden = !shown;
    this.#follow();
  }

  #follow(): void {
    if (this.#shown && document.visibilityState === 'visible') this.#feed.open();
    else this.#feed.close();
  }

  #showState(state: FeedState): void {
    const known = this.#last > 0;
    this.element.dataset.state = state;
    setText(this.#state, FEED_WORDS[state]);
    this.#alert.hidden = state !== 'lost';
    const standing = this.#consumers.size > 0 ? ' These are the last ones.' : '';
    setText(
      this.#alert,
      state === 'lost' ? `The figures have stopped: the server does not send any.${standing} Trying again…` : '',
    );
    if (!known) {
      this.#describeEmpty(
        state === 'lost' ? 'No figures' : 'Asking for the figures…',
        state === 'lost' ? 'The page tries again by itself until the server of this page answers.' : '',
      );
    }
  }

  #update(stats: SinkStats): void {
    const now = performance.now();
    if (now - this.#last > HOLE) for (const { row } of this.#consumers.values()) row.forget();
    const first = this.#last < 0;
    this.#last = now;
    const { groups, others } = groupByEncoding(stats);
    const news = this.#updateRows(stats.sessions);
    this.#updateSections(groups);
    if (!first && news) setText(this.#news, news);

    const { size } = this.#consumers;
    setText(this.#count, size === 0 ? '' : String(size));
    setText(this.#summary, summaryOf(stats.sessions, groups));
    setText(this.#others, others.map(describeOther).join(' · '));
    this.#others.hidden = others.length === 0;
    this.#table.hidden = size === 0;
    this.#empty.hidden = size > 0;
    this.#describeEmpty(
      'Nobody is watching',
      'Whoever connects appears here at once, with what the network allows and what is sent.',
    );
  }

  /** Returns who came, left and moved, for those who cannot see it. */
  #updateRows(sessions: readonly SessionFigures[]): string {
    const gone = new Set(this.#consumers.keys());
    let [came, moved] = [0, 0];
    for (const session of sessions) {
      const { sessionId, encodingId } = session;
      gone.delete(sessionId);
      let consumer = this.#consumers.get(sessionId);
      if (!consumer) {
        consumer = { row: new ConsumerRow(session), encodingId };
        this.#consumers.set(sessionId, consumer);
        came++;
      }
      if (consumer.encodingId !== encodingId) {
        if (consumer.encodingId !== null) {
          consumer.row.flash();
          moved++;
        }
        consumer.encodingId = encodingId;
      }
      consumer.row.show(session, this.#isOwn(session.peerId));
    }
    for (const id of gone) {
      this.#consumers.get(id)?.row.element.remove();
      this.#consumers.delete(id);
    }
    return [
      came > 0 && `${people(came)} came`,
      gone.size > 0 && `${people(gone.size)} left`,
      moved > 0 && `${people(moved)} moved to another encoding`,
    ]
      .filter(Boolean)
      .join(', ');
  }

  /** Best first, none last; those that are about as good keep their places, so that nothing jumps about while bitrates move. */
  #updateSections(groups: readonly EncodingGroup[]): void {
    const byId = new Map(groups.map((group) => [group.id, group]));
    for (const id of this.#sections.keys()) if (!byId.has(id)) this.#sections.delete(id);
    const order = [...this.#sections.keys()];
    const bitrate = (id: string): number => (id === '' ? 0 : (byId.get(id)?.encoding.bitrate ?? 0) + 1);
    for (const { id } of groups) if (!this.#sections.has(id)) order.push(id);
    for (let last = order.length - 1; last > 0; last--) {
      for (let i = 0; i < last; i++) {
        const [before, after] = order.slice(i, i + 2) as [string, string];
        const fresh = !this.#sections.has(before) || !this.#sections.has(after);
        if (bitrate(after) > bitrate(before) * (fresh ? 1 : CLEARLY)) order.splice(i, 2, after, before);
      }
    }
    const sections = order.map((id): [string, EncodingSection] => [
      id,
      this.#sections.get(id) ?? new EncodingSection(id, id === '' ? 0 : this.#tone++),
    ]);
    this.#sections.clear();
    for (const [id, section] of sections) {
      this.#sections.set(id, section);
      const group = byId.get(id) as EncodingGroup;
      const rows = group.sessions.flatMap(({ sessionId }) => this.#consumers.get(sessionId)?.row ?? []);
      section.show(group, rows);
    }
    arrange(this.#table, [this.#table.tHead as Node, ...sections.map(([, section]) => section.element)]);
  }

  #describeEmpty(heading: string, text: string): void {
    setText(this.#emptyHeading, heading);
    setText(this.#emptyText, text);
    this.#emptyText.hidden = text === '';
  }
}

function createTable(): HTMLTableElement {
  const head = (name: string, title: string, column: string): HTMLElement =>
    element('th', { class: `col-${column}`, title, attributes: { scope: 'col', role: 'columnheader' } }, name);
  const heads = Object.entries(COLUMNS).map(([column, [name, title]]) => head(name, title, column));
  const legend = element('span', { class: 'legend', attributes: { 'aria-hidden': 'true' } }, '┄ target');
  heads.find((cell) => cell.classList.contains('col-minute'))?.append(legend);
  const row = element(
    'tr',
    { class: 'column-heads', attributes: { role: 'row' } },
    head('Consumer', 'The peer, and what it is sent', 'consumer'),
    ...heads,
  );
  // Where the table is laid out as cards its own semantics are lost in some browsers: hence the roles.
  const table = element(
    'table',
    { class: 'consumer-table', attributes: { role: 'table', 'aria-label': 'Consumers by encoding' } },
    element('thead', { attributes: { role: 'rowgroup' } }, row),
  );
  table.hidden = true;
  return table;
}

function summaryOf(sessions: readonly SessionFigures[], groups: readonly EncodingGroup[]): string {
  if (sessions.length === 0) return '';
  const encodings = groups.filter(({ id }) => id !== '').length;
  const sent = sessions.reduce((sum, { sentBitrate }) => sum + (sentBitrate ?? 0), 0);
  return [`${encodings} ${encodings === 1 ? 'encoding' : 'encodings'}`, `${formatBitrate(sent)} sent in all`].join(' · ');
}

function describeOther({ codec, track, bitrate, sessions }: EncodingFigures): string {
  const what = [codec ?? (track || 'Encoding'), bitrate === null ? '' : `at ${formatBitrate(bitrate)}`].filter(Boolean).join(' ');
  return `${what} for ${sessions.length === 0 ? 'nobody at the moment' : people(sessions.length)}`;
}

function people(count: number): string {
  return count === 1 ? 'one consumer' : `${count} consumers`;
}
