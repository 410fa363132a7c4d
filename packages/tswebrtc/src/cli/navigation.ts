/** Navigation events in words. */
import type { NavigationEvent } from '@tswebrtc/protocol';

/** `Button 1 pressed at 640, 360 (shift)`; without a full stop. */
export function describeNavigation(event: NavigationEvent): string {
  const held = event.modifier_state.replaceAll('-mask', '');
  return `${words(event)}${held ? ` (${held})` : ''}`;
}

function words(event: NavigationEvent): string {
  switch (event.event) {
    case 'KeyPress':
      return `Key ${event.key} pressed`;
    case 'KeyRelease':
      return `Key ${event.key} released`;
    case 'MouseMove':
      return `Pointer moved to ${place(event)}`;
    case 'MouseButtonPress':
      return `Button ${event.button} pressed at ${place(event)}`;
    case 'MouseButtonRelease':
      return `Button ${event.button} released at ${place(event)}`;
    case 'MouseDoubleClick':
      return `Button ${event.button} pressed twice at ${place(event)}`;
    case 'MouseScroll':
      return `Scrolled by ${pair(event.delta_x, event.delta_y)} at ${place(event)}`;
    case 'TouchDown':
      return `Touch ${event.identifier} begun at ${place(event)}`;
    case 'TouchMotion':
      return `Touch ${event.identifier} moved to ${place(event)}`;
    case 'TouchUp':
      return `Touch ${event.identifier} ended at ${place(event)}`;
    case 'TouchFrame':
      return 'Touches told';
    case 'TouchCancel':
      return 'Touches cancelled';
    case 'Command':
      return `Command ${event.command}`;
  }
}

const place = ({ x, y }: { readonly x: number; readonly y: number }): string => pair(x, y);
const pair = (a: number, b: number): string => `${round(a)}, ${round(b)}`;
const round = (value: number): number => Math.round(value * 10) / 10;
