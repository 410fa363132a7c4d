/** Draws a simulated case as SVG: rates over capacity, queueing delay, loss. Small on purpose: three panels, lines and a legend. */

export interface Line {
  readonly name: string;
  readonly colour: string;
  /** [seconds, value], in order of time. */
  readonly points: readonly (readonly [number, number])[];
  readonly width?: number;
  readonly dashed?: boolean;
  /** Values hold until the next point. */
  readonly stepped?: boolean;
}

export interface Panel {
  readonly title: string;
  readonly height: number;
  readonly lines: readonly Line[];
  /** At least; grows with the values. */
  readonly max: number;
}

const WIDTH = 900;
const LEFT = 52;
const RIGHT = 24;
const GAP = 40;
const LEGEND_ITEM = 150;

export function plot(title: string, duration: number, panels: readonly Panel[]): string {
  const legend = panels[0]!.lines;
  const legendRows = Math.ceil((legend.length * LEGEND_ITEM) / (WIDTH - LEFT - RIGHT));
  let top = 34 + legendRows * 18 + 14;
  const parts: string[] = [text(LEFT, 20, title, 'start', 15, 'bold')];
  const perRow = Math.floor((WIDTH - LEFT - RIGHT) / LEGEND_ITEM);
  for (const [i, line] of legend.entries()) {
    const x = LEFT + (i % perRow) * LEGEND_ITEM;
    const y = 38 + Math.floor(i / perRow) * 18;
    parts.push(
      `<line x1="${x}" y1="${y}" x2="${x + 22}" y2="${y}" ${stroke(line)}/>`,
      text(x + 28, y + 4, line.name, 'start', 12),
    );
  }
  for (const panel of panels) {
    parts.push(...draw(panel, duration, top));
    top += panel.height + GAP;
  }
  const height = top - GAP + 34;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="sans-serif">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

function draw(panel: Panel, duration: number, top: number): string[] {
  const highest = Math.max(panel.max, ...panel.lines.flatMap((line) => line.points.map(([, value]) => value)));
  const step = niceStep(highest);
  const max = Math.ceil(highest / step) * step;
  const x = (seconds: number): number => LEFT + (seconds / duration) * (WIDTH - LEFT - RIGHT);
  const y = (value: number): number => top + panel.height * (1 - value / max);
  const parts = [text(LEFT, top - 6, panel.title, 'start', 12)];
  for (let value = 0; value <= max + step / 2; value += step) {
    parts.push(
      `<line x1="${LEFT}" y1="${n(y(value))}" x2="${WIDTH - RIGHT}" y2="${n(y(value))}" stroke="#ddd"/>`,
      text(LEFT - 6, y(value) + 4, `${Math.round(value * 100) / 100}`, 'end', 11),
    );
  }
  const timeStep = duration > 150 ? 50 : 20;
  for (let time = 0; time <= duration; time += timeStep) {
    parts.push(
      `<line x1="${n(x(time))}" y1="${top}" x2="${n(x(time))}" y2="${top + panel.height}" stroke="#eee"/>`,
      text(x(time), top + panel.height + 14, `${time} s`, 'middle', 11),
    );
  }
  for (const line of panel.lines) {
    const points: string[] = [];
    let previous: number | undefined;
    for (const [time, value] of line.points) {
      if (line.stepped && previous !== undefined) points.push(`${n(x(time))},${n(y(previous))}`);
      points.push(`${n(x(time))},${n(y(value))}`);
      previous = value;
    }
    if (points.length > 0) parts.push(`<polyline points="${points.join(' ')}" fill="none" ${stroke(line)}/>`);
  }
  return parts;
}

const stroke = ({ colour, width = 1.5, dashed }: Line): string =>
  `stroke="${colour}" stroke-width="${width}" stroke-linejoin="round"${dashed ? ' stroke-dasharray="5 3"' : ''}`;

function text(x: number, y: number, content: string, anchor: string, size: number, weight = 'normal'): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${n(x)}" y="${n(y)}" font-size="${size}" text-anchor="${anchor}" font-weight="${weight}" fill="#222">${escaped}</text>`;
}

/** 1, 2 or 5 times a power of ten, about five steps to the top. */
function niceStep(max: number): number {
  const rough = max / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((one) => one * power >= rough) ?? 10;
  return factor * power;
}

const n = (value: number): string => `${Math.round(value * 10) / 10}`;
