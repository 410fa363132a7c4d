/** What was measured of a server, and two servers beside each other. */
import { type Figure, info, quantile } from '../report.ts';

export interface Measure {
  readonly name: string;
  /** NaN where it could not be measured; `reason` says why. */
  readonly value: number;
  readonly unit: string;
  /** What is better; undefined for what only explains the others. */
  readonly better?: 'more' | 'less';
  /** A bar of its own, which the value must not exceed, whatever another server does. */
  readonly atMost?: number;
  readonly reason?: string;
}

/** Our figures: each has to be better than the same of the other server, where there is one. */
export function figures(ours: readonly Measure[], theirs: readonly Measure[] | undefined, other: string): Figure[] {
  return ours.map(({ name, value, unit, better, atMost, reason }) => {
    const figure = info(`signalling.${name}`, value, unit, reason);
    if (Number.isNaN(value)) return figure;
    if (atMost !== undefined) return { ...figure, bar: `<= ${atMost}`, ok: value <= atMost };
    const rival = theirs?.find((measure) => measure.name === name)?.value;
    if (!better) return figure;
    if (rival === undefined || Number.isNaN(rival)) return { ...figure, reason: 'nothing to compare it with' };
    return {
      ...figure,
      bar: `${better === 'more' ? '>' : '<'} ${short(rival)} (${other})`,
      ok: better === 'more' ? value > rival : value < rival,
    };
  });
}

/** The figures of another server and what ours are to them, so that the file tells as much as the table. */
export function comparison(ours: readonly Measure[], theirs: readonly Measure[], other: string): Figure[] {
  return theirs.flatMap(({ name, value, unit, better, reason }) => {
    const figure = info(`signalling.${name}.other`, value, unit, reason ?? other);
    const own = ours.find((measure) => measure.name === name);
    return better && own
      ? [figure, info(`signalling.${name}.ratio`, own.value / value, '', `ours to that of ${other}`)]
      : [figure];
  });
}

/** Of several rounds with the same measures the median of each. */
export function medians(rounds: readonly (readonly Measure[])[]): Measure[] {
  const [first = []] = rounds;
  return first.map((measure) => {
    const values = rounds.map((round) => round.find(({ name }) => name === measure.name)?.value ?? Number.NaN);
    return { ...measure, value: quantile(values, 0.5) };
  });
}

/** A table of both. */
export function sideBySide(
  ours: { readonly name: string; readonly measures: readonly Measure[] },
  theirs: { readonly name: string; readonly measures: readonly Measure[] },
): string {
  const rows = ours.measures.map(({ name, value, unit, reason }) => {
    const other = theirs.measures.find((measure) => measure.name === name);
    const rival = other?.value ?? Number.NaN;
    return [name, short(value), short(rival), unit, short(value / rival), reason ?? other?.reason ?? ''];
  });
  const table = [['', ours.name, theirs.name, '', 'ratio', ''], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  return table
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function short(value: number): string {
  if (!Number.isFinite(value)) return '–';
  return String(Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
}
