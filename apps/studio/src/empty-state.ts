/** What the stage says while nothing plays: how to get a stream, or to choose one. */
import { commandLine } from './command-line.ts';
import { element } from './dom.ts';
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
