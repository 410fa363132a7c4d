/** A command to type, with a button that copies it. */
import { element } from './dom.ts';
import { icon } from './icons.ts';

export function commandLine(title: string, command: string): HTMLElement {
  const code = element('code', {}, command);
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
  return element(
    'div',
    { class: 'command' },
    element('span', { class: 'command-title' }, title),
    element('div', { class: 'command-line' }, code, copy),
  );
}
