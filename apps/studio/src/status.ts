/** The connection to the signalling server, in the corner of the page. */
import { element, setText } from './dom.ts';
import { icon } from './icons.ts';

export type ConnectionState = 'connecting' | 'connected' | 'reconnecting' | 'failed';

export class Status {
  readonly element: HTMLElement;
  readonly #text = element('span', { class: 'status-text', attributes: { role: 'status' } });
  /** Counts the seconds; not announced. */
  readonly #countdown = element('span', { class: 'status-countdown', attributes: { 'aria-hidden': 'true' } });
  readonly #retry: HTMLButtonElement;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(onRetry: () => void) {
    const retryProps = {
      class: 'text-button',
      type: 'button',
      onClick: onRetry,
      attributes: { 'data-testid': 'retry' },
    } as const;
    this.#retry = element('button', retryProps, icon('retry'), 'Retry now');
    const dot = element('span', { class: 'dot', attributes: { 'aria-hidden': 'true' } });
    const pill = element('div', { class: 'status-pill' }, dot, this.#text, this.#countdown);
    this.element = element('div', { class: 'status', attributes: { 'data-testid': 'status' } }, this.#retry, pill);
    this.show('connecting', 'Connecting…');
  }

  /** @param detail shown when the pointer rests on it */
  show(state: ConnectionState, text: string, detail = ''): void {
    clearInterval(this.#timer);
    this.element.dataset.state = state;
    this.element.title = detail;
    this.#retry.hidden = state !== 'reconnecting';
    setText(this.#countdown, '');
    setText(this.#text, text);
  }

  /** Unreachable; the next attempt comes in `delay` ms. */
  showReconnecting(delay: number, detail: string): void {
    this.show('reconnecting', 'Signalling server unreachable', detail);
    const due = performance.now() + delay;
    const count = (): void => {
      const seconds = Math.ceil((due - performance.now()) / 1000);
      setText(this.#countdown, seconds > 0 ? `next try in ${seconds} s` : 'trying…');
    };
    count();
    this.#timer = setInterval(count, 500);
  }
}
