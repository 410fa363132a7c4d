/** The last minute of a figure as a small line. */
import { svg } from './dom.ts';

const WIDTH = 100;
const HEIGHT = 28;
const SAMPLES = 60;

/** The points of the line through `values`, newest at the right edge, zero at the bottom. */
export function linePath(values: readonly number[], samples = SAMPLES): string {
  if (values.length < 2) return '';
  const top = Math.max(...values, 1) * 1.15;
  const step = WIDTH / (samples - 1);
  const left = WIDTH - (values.length - 1) * step;
  const points = values.map((value, i) => `${(left + i * step).toFixed(1)} ${(HEIGHT - (value / top) * HEIGHT).toFixed(1)}`);
  return `M${points.join('L')}`;
}

export class Sparkline {
  readonly element: SVGSVGElement;
  readonly #line = svg('path', { class: 'spark-line', 'vector-effect': 'non-scaling-stroke' });
  readonly #area = svg('path', { class: 'spark-area' });
  #values: number[] = [];

  constructor() {
    const viewBox = `0 0 ${WIDTH} ${HEIGHT}`;
    this.element = svg(
      'svg',
      { viewBox, class: 'spark', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
      this.#area,
      this.#line,
    );
  }

  add(value: number): void {
    this.#values = [...this.#values, value].slice(-SAMPLES);
    const line = linePath(this.#values);
    this.#line.setAttribute('d', line);
    const left = WIDTH - (this.#values.length - 1) * (WIDTH / (SAMPLES - 1));
    this.#area.setAttribute('d', line && `${line}L${WIDTH} ${HEIGHT}L${left.toFixed(1)} ${HEIGHT}Z`);
  }

  clear(): void {
    this.#values = [];
    this.#line.setAttribute('d', '');
    this.#area.setAttribute('d', '');
  }
}
