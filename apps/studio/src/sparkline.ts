/** The last minute of a figure as a small line. */
import { svg } from './dom.ts';

const WIDTH = 100;
const HEIGHT = 28;
const SAMPLES = 60;

/**
 * The points of the line through `values`, newest at the right edge, zero at the bottom.
 * @param highest the value just under the upper edge, where it is not the highest of these
 */
export function linePath(values: readonly number[], samples = SAMPLES, highest = Math.max(...values, 1)): string {
  if (values.length < 2) return '';
  const top = highest * 1.15;
  const step = WIDTH / (samples - 1);
  const left = WIDTH - (values.length - 1) * step;
  const points = values.map((value, i) => `${(left + i * step).toFixed(1)} ${(HEIGHT - (value / top) * HEIGHT).toFixed(1)}`);
  return `M${points.join('L')}`;
}

export class Sparkline {
  readonly element: SVGSVGElement;
  readonly #line = svg('path', { class: 'spark-line', 'vector-effect': 'non-scaling-stroke' });
  readonly #area = svg('path', { class: 'spark-area' });
  readonly #limit = svg('path', { class: 'spark-limit', 'vector-effect': 'non-scaling-stroke' });
  #values: number[] = [];
  #limits: number[] = [];

  constructor() {
    const viewBox = `0 0 ${WIDTH} ${HEIGHT}`;
    this.element = svg(
      'svg',
      { viewBox, class: 'spark', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
      this.#area,
      this.#line,
      this.#limit,
    );
  }

  /** @param limit what the value may be at most, drawn as a line of its own on the same scale */
  add(value: number, limit?: number): void {
    this.#values = [...this.#values, value].slice(-SAMPLES);
    if (limit !== undefined) this.#limits = [...this.#limits, limit].slice(-SAMPLES);
    const highest = Math.max(...this.#values, ...this.#limits, 1);
    const line = linePath(this.#values, SAMPLES, highest);
    this.#line.setAttribute('d', line);
    this.#limit.setAttribute('d', linePath(this.#limits, SAMPLES, highest));
    const left = WIDTH - (this.#values.length - 1) * (WIDTH / (SAMPLES - 1));
    this.#area.setAttribute('d', line && `${line}L${WIDTH} ${HEIGHT}L${left.toFixed(1)} ${HEIGHT}Z`);
  }

  clear(): void {
    this.#values = [];
    this.#limits = [];
    this.#limit.setAttribute('d', '');
    this.#line.setAttribute('d', '');
    this.#area.setAttribute('d', '');
  }
}
