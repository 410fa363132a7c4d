/** What the stage says while nothing plays: how to get a stream, or to choose one. */
import { element } from './dom.ts';
import { icon } from './icons.ts';
import { startCommands } from './start-commands.ts';

export type Emptiness = 'connecting' | 'unreachable' | 'no-streams' | 'choose';

export class EmptyState {
  readonly element = element('section', { class: 'empty', attributes: { 'data-testid': 'empty' } });
  readonly #signallingUrl: string;
  #shown: Emptiness | undefined;

  constructor(signallingUrl: string) {
    this.#signallingUrl = signallingUrl;
  }

  show(emptiness: Emptiness): void {
    if (emptiness === this.#shown) return;
    this.#shown = emptiness;
    this.element.dataset.state = emptiness;
    this.element.replaceChildren(element('div', { class: 'empty-inner' }, ...this.#content(emptiness)));
  }

  #content(emptiness: Emptiness): Node[] {
    const server = element('code', {}, this.#signallingUrl.replace(/\/$/, ''));
    switch (emptiness) {
      case 'connecting':
        return [heading('Looking for streams…'), element('p', {}, 'Asking the signalling server at ', server, '.')];
      case 'unreachable':
        return [
          heading('The signalling server does not answer'),
          element('p', {}, 'This page tries again by itself. Check that a server runs at ', server, '; this starts one:'),
          commandLine('On this machine', `npx tswebrtc signalling-server --port ${new URL(this.#signallingUrl).port || '8443'}`),
        ];
      case 'no-streams':
        return [
          heading('Nothing is on air yet'),
          element('p', {}, 'Start a stream, and it appears here by itself:'),
          ...startCommands(this.#signallingUrl).map(({ title, command }) => commandLine(title, command)),
        ];
      case 'choose':
        return [
          heading('Choose a stream'),
          element('p', {}, 'Pick one in the list to watch it; the plus sign of another plays that one beside it.'),
        ];
    }
  }
}

function heading(text: string): HTMLElement {
  return element('h1', {}, text);
}

function commandLine(title: string, command: string): HTMLElement {
  const copy = element(
    'button',
    { class: 'icon-button', type: 'button', title: 'Copy', attributes: { 'aria-label': `Copy the command: ${title}` } },
    icon('copy'),
  );
  copy.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(command);
      copy.replaceChildren(icon('done'));
      setTimeout(() => copy.replaceChildren(icon('copy')), 1500);
    } catch {
      getSelection()?.selectAllChildren(code);
    }
  });
  const code = element('code', {}, command);
  return element(
    'div',
    { class: 'command' },
    element('span', { class: 'command-title' }, title),
    element('div', { class: 'command-line' }, code, copy),
  );
}
