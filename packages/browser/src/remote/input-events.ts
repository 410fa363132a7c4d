/** What a viewer does on a video element, as navigation events (reference §6.6). */
import type { NavigationEvent } from '@tswebrtc/protocol';
import { keysymOf } from './keysym.ts';
import { pixelOfVideo } from './picture-position.ts';

type Listened = keyof Pick<
  HTMLElementEventMap,
  | 'wheel'
  | 'contextmenu'
  | 'mousemove'
  | 'mousedown'
  | 'mouseup'
  | 'touchstart'
  | 'touchend'
  | 'touchmove'
  | 'touchcancel'
  | 'keydown'
  | 'keyup'
>;

/** By the bit in `MouseEvent.buttons`. */
const BUTTONS = ['button1-mask', 'button2-mask', 'button3-mask', 'button4-mask', 'button5-mask'] as const;

/** Listens on `video` until the returned function is called; what it listens to does nothing else in the page. */
export function listenToInput(video: HTMLVideoElement, send: (event: NavigationEvent) => void): () => void {
  const abort = new AbortController();
  // Touch and wheel listeners are passive by default, and then the page would scroll.
  const options = { signal: abort.signal, passive: false };
  const on = <K extends Listened>(type: K, listener: (event: HTMLElementEventMap[K]) => void): void => {
    const heard = (event: HTMLElementEventMap[K]): void => {
      event.preventDefault();
      listener(event);
    };
    video.addEventListener(type, heard, options);
  };
  // Mouse events come in whole CSS pixels, the pointer events before them in those of the screen.
  const exact = { clientX: 0, clientY: 0 };
  for (const type of ['pointermove', 'pointerdown', 'pointerup'] as const) {
    video.addEventListener(
      type,
      ({ clientX, clientY }) => {
        Object.assign(exact, { clientX, clientY });
      },
      { signal: abort.signal },
    );
  }
  const at = ({ clientX, clientY }: { clientX: number; clientY: number }) =>
    Math.floor(exact.clientX) === clientX && Math.floor(exact.clientY) === clientY
      ? pixelOfVideo(video, exact.clientX, exact.clientY)
      : pixelOfVideo(video, clientX, clientY);

  on('contextmenu', () => {});
  on('wheel', (event) => {
    const { deltaX, deltaY } = wheelPixels(event, video.clientHeight);
    // A wheel turned towards the user is positive in a browser and negative in GStreamer; -0 is no number of JSON.
    send({ event: 'MouseScroll', ...at(event), delta_x: 0 - deltaX, delta_y: 0 - deltaY, modifier_state: modifiers(event) });
  });
  on('mousemove', (event) => send({ event: 'MouseMove', ...at(event), modifier_state: modifiers(event) }));
  on('mousedown', (event) => {
    if (event.button === 0) video.focus();
    send({ event: 'MouseButtonPress', ...at(event), button: event.button + 1, modifier_state: modifiers(event) });
  });
  on('mouseup', (event) => {
    send({ event: 'MouseButtonRelease', ...at(event), button: event.button + 1, modifier_state: modifiers(event) });
  });
  // A button that is let go outside the picture is let go all the same.
  video.addEventListener('pointerdown', ({ pointerId }) => video.setPointerCapture(pointerId), { signal: abort.signal });

  /** Keysyms of the keys that are down, by their place: with another modifier a key has another when it comes up. */
  const down = new Map<string, string>();
  on('keydown', (event) => {
    const key = down.get(event.code) ?? keysymOf(event.key, event.code);
    if (event.code !== '') down.set(event.code, key);
    send({ event: 'KeyPress', key, modifier_state: modifiers(event) });
  });
  on('keyup', (event) => {
    const key = down.get(event.code) ?? keysymOf(event.key, event.code);
    down.delete(event.code);
    send({ event: 'KeyRelease', key, modifier_state: modifiers(event) });
  });
  // Who goes elsewhere with a key down lets it go there.
  const releaseAll = (): void => {
    for (const key of down.values()) send({ event: 'KeyRelease', key, modifier_state: '' });
    down.clear();
  };
  video.addEventListener('blur', releaseAll, { signal: abort.signal });

  let framed = Number.NaN;
  for (const [type, name] of [
    ['touchstart', 'TouchDown'],
    ['touchmove', 'TouchMotion'],
    ['touchend', 'TouchUp'],
    ['touchcancel', 'TouchUp'],
  ] as const) {
    on(type, (event) => {
      const modifier_state = modifiers(event);
      for (const touch of event.changedTouches) {
        const where = { identifier: touch.identifier >>> 0, ...at(touch), modifier_state };
        send(name === 'TouchUp' ? { event: name, ...where } : { event: name, ...where, pressure: touch.force });
      }
      // What one moment brought in several events is one frame.
      if (event.timeStamp === framed) return;
      framed = event.timeStamp;
      send({ event: 'TouchFrame', modifier_state });
    });
  }
  return () => {
    abort.abort();
    releaseAll();
  };
}

/** CSS pixels of a line where a browser tells a wheel's way in lines. */
const LINE = 16;

/** By how many CSS pixels a wheel scrolls where a page of it has `page`. */
export function wheelPixels(
  event: Pick<WheelEvent, 'deltaX' | 'deltaY' | 'deltaMode'>,
  page: number,
): { readonly deltaX: number; readonly deltaY: number } {
  // In this order: Firefox tells pixels to whom asks for the mode last, and lines to whom asks for it first.
  const { deltaX, deltaY } = event;
  const scale = event.deltaMode === 1 ? LINE : event.deltaMode === 2 ? page : 1;
  return { deltaX: deltaX * scale, deltaY: deltaY * scale };
}

function modifiers(event: MouseEvent | KeyboardEvent | TouchEvent): string {
  const held: string[] = [];
  if (event.altKey) held.push('mod1-mask');
  if (event.ctrlKey) held.push('control-mask');
  if (event.metaKey) held.push('meta-mask');
  if (event.shiftKey) held.push('shift-mask');
  if ('buttons' in event) for (const [bit, name] of BUTTONS.entries()) if (event.buttons & (1 << bit)) held.push(name);
  return held.join('+');
}
