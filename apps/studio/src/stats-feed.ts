/** Listens to the sink's figures while it is open, and comes back by itself when they stop. */
import { readSinkStats, type SinkStats } from './sink-stats.ts';

export type FeedState = 'connecting' | 'live' | 'lost';

export interface StatsFeedEvents {
  onStats(stats: SinkStats): void;
  onState(state: FeedState): void;
}

/** ms without figures after which they count as lost, though the connection may still be there. */
const PATIENCE = 5000;
/** ms from one attempt to the next. */
const RETRY = { first: 1000, last: 8000 } as const;

export class StatsFeed {
  readonly #url: string;
  readonly #events: StatsFeedEvents;
  #source: EventSource | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #delay: number = RETRY.first;

  constructor(url: string, events: StatsFeedEvents) {
    this.#url = url;
    this.#events = events;
  }

  open(): void {
    if (this.#source) return;
    this.#events.onState('connecting');
    this.#connect();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = undefined;
    this.#delay = RETRY.first;
  }

  #connect(): void {
    const source = new EventSource(this.#url);
    this.#source = source;
    // The browser's own attempts end for good at the first answer that is no stream, such as "all places are taken".
    const lost = (): void => {
      source.close();
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#connect(), this.#delay);
      this.#delay = Math.min(this.#delay * 1.6, RETRY.last);
      this.#events.onState('lost');
    };
    const watch = (): void => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(lost, PATIENCE);
    };
    watch();
    source.addEventListener('error', lost);
    source.addEventListener('message', ({ data }) => {
      const stats = readSinkStats(String(data));
      if (!stats) return;
      watch();
      this.#delay = RETRY.first;
      this.#events.onState('live');
      this.#events.onStats(stats);
    });
  }
}
