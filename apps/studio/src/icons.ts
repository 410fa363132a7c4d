/** The few signs of the page, drawn on a grid of 24. */
import { svg } from './dom.ts';

const PATHS = {
  play: 'M8 5.8v12.4l10.2-6.2z',
  stop: 'M6.5 6.5h11v11h-11z',
  add: 'M12 5v14M5 12h14',
  sound: 'M4.5 9.5v5h3.2L12.5 19V5L7.7 9.5zM16 9a4.2 4.2 0 0 1 0 6M18.6 6.4a8 8 0 0 1 0 11.2',
  muted: 'M4.5 9.5v5h3.2L12.5 19V5L7.7 9.5zM16.5 9.7l4.6 4.6M21.1 9.7l-4.6 4.6',
  expand: 'M5 9.5V5h4.5M14.5 5H19v4.5M19 14.5V19h-4.5M9.5 19H5v-4.5',
  shrink: 'M9.5 5v4.5H5M19 9.5h-4.5V5M14.5 19v-4.5H19M5 14.5h4.5V19',
  retry: 'M18.5 8.5A7.5 7.5 0 1 0 19.5 13M19 4.5v4.3h-4.3',
  copy: 'M9 9h10v10H9zM6.5 15H5V5h10v1.5',
  camera: 'M4 7.5h11v9H4zM15 11l5-3v8l-5-3',
  pointer: 'M6 4.5l12.5 7.2-5.6 1.4-2.9 5.2z',
  done: 'M5.5 12.5l4.2 4.2 8.8-9.2',
} as const;

const FILLED: ReadonlySet<string> = new Set(['play', 'stop']);

export type IconName = keyof typeof PATHS;

/** A sign in the colour of the text around it; it says nothing to screen readers, so its button must. */
export function icon(name: IconName): SVGSVGElement {
  const style: Record<string, string> = FILLED.has(name)
    ? { fill: 'currentColor' }
    : { fill: 'none', stroke: 'currentColor', 'stroke-width': '1.7' };
  const path = svg('path', { d: PATHS[name], 'stroke-linejoin': 'round', 'stroke-linecap': 'round', ...style });
  return svg('svg', { viewBox: '0 0 24 24', class: 'icon', 'aria-hidden': 'true' }, path);
}
