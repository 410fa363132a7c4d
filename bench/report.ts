/** What a benchmark found: a table for people and a JSON file for machines. */
import { mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What is aimed at, as text: `<= 80`. */
  readonly bar?: string;
  /** Whether the bar is met; null with a reason where it does not apply. */
  readonly ok: boolean | null;
  readonly reason?: string;
}

/** A figure with a bar that it must not exceed. */
export function atMost(name: string, value: number, unit: string, bar: number): Figure {
  return { name, value: round(value), unit, bar: `<= ${bar}`, ok: value <= bar };
}

/** A figure with a bar that it must reach. */
export function atLeast(name: string, value: number, unit: string, bar: number): Figure {
  return { name, value: round(value), unit, bar: `>= ${bar}`, ok: value >= bar };
}

/** A figure without a bar. */
export function info(name: string, value: number, unit: string, reason = 'no bar'): Figure {
  return { name, value: round(value), unit, ok: null, reason };
}

/** The value below which the part `p` (0..1) of `values` lies. */
export function quantile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))] ?? Number.NaN;
}

/** Prints the table and writes `bench/results/NAME.json`. */
export function report(name: string, figures: readonly Figure[]): void {
  const machine = {
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.cpus().length,
    memory: os.totalmem(),
    node: process.version,
    os: `${os.type()} ${os.release()}`,
  };
  const rows = figures.map((figure) => [
    figure.name,
    `${figure.value} ${figure.unit}`,
    figure.bar ?? '',
    figure.ok === null ? (figure.reason ?? '') : figure.ok ? 'met' : 'NOT MET',
  ]);
  const header = ['figure', 'value', 'bar', ''];
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd();
  console.log(`\n${name} on ${machine.cores} x ${machine.cpu}, Node ${machine.node}\n`);
  console.log(line(header));
  console.log(widths.map((width) => '-'.repeat(width)).join('  '));
  for (const row of rows) console.log(line(row));
  mkdirSync('bench/results', { recursive: true });
  writeFileSync(`bench/results/${name}.json`, `${JSON.stringify({ figures, machine }, null, 2)}\n`);
}

function round(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Math.round(value * 100) / 100;
}
