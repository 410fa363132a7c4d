/** The two views of the page. Which one is shown stands in the address, `?view=consumers`, so that it can be linked to. */
import { element } from './dom.ts';

export type View = 'watch' | 'consumers';

const NAMES: Readonly<Record<View, string>> = { watch: 'Watch', consumers: 'Consumers' };

/** The view an address asks for. */
export function viewOf(address: URL): View {
  return address.searchParams.get('view') === 'consumers' ? 'consumers' : 'watch';
}

/** The same address with another view. */
export function withView(address: URL, view: View): URL {
  const url = new URL(address);
  if (view === 'watch') url.searchParams.delete('view');
  else url.searchParams.set('view', view);
  return url;
}

export class ViewSwitch {
  readonly element: HTMLElement;
  readonly #links = new Map<View, HTMLAnchorElement>();
  readonly #onView: (view: View) => void;

  constructor(onView: (view: View) => void) {
    this.#onView = onView;
    for (const view of Object.keys(NAMES) as View[]) {
      const link = element('a', { class: 'view-link', attributes: { 'data-testid': `view-${view}` } }, NAMES[view]);
      link.addEventListener('click', (event) => this.#choose(event, view));
      // What is played changes the address: a link opened in another tab plays the same.
      for (const event of ['pointerdown', 'focus']) link.addEventListener(event, () => this.#point(link, view));
      this.#point(link, view);
      this.#links.set(view, link);
    }
    this.element = element('nav', { class: 'views', attributes: { 'aria-label': 'Views' } }, ...this.#links.values());
    window.addEventListener('popstate', () => this.show());
  }

  /** Shows what the address asks for. */
  show(): void {
    const view = viewOf(new URL(location.href));
    for (const [name, link] of this.#links) {
      if (name === view) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    this.#onView(view);
  }

  #point(link: HTMLAnchorElement, view: View): void {
    link.href = withView(new URL(location.href), view).href;
  }

  #choose(event: MouseEvent, view: View): void {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    const here = new URL(location.href);
    if (viewOf(here) !== view) history.pushState(null, '', withView(here, view));
    this.show();
  }
}
