/**
 * Sound, control, full screen and stop: as buttons, and but for control as the keys m, f and Delete while the player has the focus and
 * the keys are not the producer's.
 */
import { element } from './dom.ts';
import { icon } from './icons.ts';

export interface PlayerControlEvents {
  onMuted(muted: boolean): void;
  /** From 0 to 1. */
  onVolume(volume: number): void;
  /** Whether mouse and keys over the picture go to the producer. */
  onControl(on: boolean): void;
  onStop(): void;
}

type WebkitVideo = HTMLVideoElement & { webkitEnterFullscreen?: () => void };

export class PlayerControls {
  readonly element: HTMLElement;
  /** Large, over the picture, while there is sound that is not heard. */
  readonly unmute: HTMLButtonElement;
  readonly #stage: HTMLElement;
  readonly #events: PlayerControlEvents;
  readonly #mute = element('button', { class: 'icon-button', type: 'button', attributes: { 'data-testid': 'mute' } });
  readonly #volume = element('input', {
    class: 'volume',
    type: 'range',
    attributes: { 'aria-label': 'Volume', min: '0', max: '1', step: '0.05', value: '1' },
  });
  readonly #control = element('button', { class: 'icon-button', type: 'button', attributes: { 'data-testid': 'control' } });
  readonly #fullscreen = element('button', { class: 'icon-button', type: 'button', attributes: { 'data-testid': 'fullscreen' } });
  #muted = true;
  #sound = false;
  #controlling = false;

  constructor(stage: HTMLElement, events: PlayerControlEvents) {
    this.#stage = stage;
    this.#events = events;
    this.#mute.addEventListener('click', () => events.onMuted(!this.#muted));
    this.#volume.addEventListener('input', () => {
      events.onVolume(Number(this.#volume.value));
      if (this.#muted) events.onMuted(false);
    });
    this.#control.replaceChildren(icon('pointer'));
    this.#control.addEventListener('click', () => events.onControl(!this.#controlling));
    this.#fullscreen.addEventListener('click', () => void this.#toggleFullscreen());
    stage.addEventListener('fullscreenchange', () => this.#showFullscreen());
    stage.addEventListener('dblclick', (event) => {
      const target = event.target as Element;
      if (!target.closest('button, input') && !(this.#controlling && target.closest('video'))) void this.#toggleFullscreen();
    });
    stage.addEventListener('keydown', (event) => this.#key(event));

    const unmuteProps = {
      class: 'unmute',
      type: 'button',
      onClick: () => events.onMuted(false),
      attributes: { 'data-testid': 'unmute' },
    } as const;
    this.unmute = element('button', unmuteProps, icon('muted'), 'Turn sound on');
    const stopProps = { class: 'icon-button', type: 'button', title: 'Stop (Del)', onClick: () => events.onStop() } as const;
    const stop = element('button', { ...stopProps, attributes: { 'data-testid': 'stop', 'aria-label': 'Stop' } }, icon('stop'));
    const spacer = element('span', { class: 'spacer' });
    this.element = element('div', { class: 'controls' }, stop, this.#mute, this.#volume, spacer, this.#control, this.#fullscreen);
    this.showSound(false, true);
    this.showControl(false, false);
    this.#showFullscreen();
  }

  /** Whether there is sound, and whether it is off. */
  showSound(present: boolean, muted: boolean): void {
    this.#sound = present;
    this.#muted = muted;
    this.unmute.hidden = !present || !muted;
    this.#mute.hidden = !present;
    this.#volume.hidden = !present;
    this.#mute.replaceChildren(icon(muted ? 'muted' : 'sound'));
    label(this.#mute, muted ? 'Turn sound on' : 'Turn sound off', 'm');
  }

  /** Whether the producer can be controlled, and whether it is. */
  showControl(possible: boolean, on: boolean): void {
    this.#controlling = possible && on;
    this.#control.hidden = !possible;
    this.#control.setAttribute('aria-pressed', String(on));
    const text = on ? 'Stop sending mouse and keys to the producer' : 'Send mouse and keys to the producer';
    this.#control.title = text;
    this.#control.setAttribute('aria-label', text);
  }

  #showFullscreen(): void {
    const on = document.fullscreenElement === this.#stage;
    this.#fullscreen.replaceChildren(icon(on ? 'shrink' : 'expand'));
    label(this.#fullscreen, on ? 'Leave full screen' : 'Full screen', 'f');
  }

  async #toggleFullscreen(): Promise<void> {
    try {
      if (document.fullscreenElement) await document.exitFullscreen();
      else if (this.#stage.requestFullscreen) await this.#stage.requestFullscreen();
      // iPhones know full screen for the video alone.
      else this.#stage.querySelector<WebkitVideo>('video')?.webkitEnterFullscreen?.();
    } catch {
      // A browser that refuses shows so by staying as it is.
    }
  }

  #key(event: KeyboardEvent): void {
    // Prevented: it went to the producer.
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'm' && this.#sound) this.#events.onMuted(!this.#muted);
    else if (event.key === 'f') void this.#toggleFullscreen();
    else if (event.key === 'Delete') this.#events.onStop();
    else return;
    event.preventDefault();
  }
}

function label(button: HTMLElement, text: string, key: string): void {
  button.title = `${text} (${key})`;
  button.setAttribute('aria-label', text);
}
