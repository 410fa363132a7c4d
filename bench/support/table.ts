/** The page about what works with whom. */
import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, type } from 'node:os';
import type { Consumer } from './consumers.ts';
import type { Row } from './rows.ts';

export interface Cell {
  /** null: could not be tried. */
  readonly ok: boolean | null;
  /** What was measured, or the reason. */
  readonly text: string;
}

const NOTES: Record<Row['section'], string> = {
  Inputs: 'Each input, encoded as VP8 and Opus.',
  'Video codecs': 'The test picture, 1280×720 at 30 frames a second, encoded here.',
  Sound: 'The test tone, beside a small picture; MULTIOPUS with six channels.',
  'Passed on as they are': 'Packets that leave as they came: nothing is encoded.',
};

export function cellKey(section: string, row: string, consumer: string): string {
  return `${section}/${row}/${consumer}`;
}

/** What an earlier page says, by `cellKey`. */
export function readSupportPage(page: string): Record<string, Cell> {
  const cells: Record<string, Cell> = {};
  for (const text of page.split(/^## /m).slice(1)) {
    const [section = ''] = text.split('\n');
    const table = text.split('\n').filter((line) => line.startsWith('|'));
    const [[, ...consumers] = [], , ...rows] = table.map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
    for (const [row, ...found] of rows) {
      for (const [index, cell] of found.entries()) {
        const mark = ['✓', '✗', '–'].indexOf(cell[0] ?? '');
        if (mark < 0) continue;
        const ok = mark === 2 ? null : mark === 0;
        cells[cellKey(section, row!, consumers[index]!)] = { ok, text: cell.slice(2).replaceAll('\\|', '|') };
      }
    }
  }
  return cells;
}

export function supportPage(
  rows: readonly Row[],
  consumers: readonly Consumer[],
  cells: Readonly<Record<string, Cell>>,
  seconds: number,
): string {
  const sections = [...new Set(rows.map(({ section }) => section))].map((section) => {
    const within = rows.filter((row) => row.section === section);
    const columns = consumers.filter(({ name }) => within.some((row) => !row.consumers || row.consumers.includes(name)));
    const line = (items: readonly string[]): string => `| ${items.join(' | ')} |`;
    const body = within.map((row) =>
      line([row.name, ...columns.map(({ name }) => shown(cells[cellKey(section, row.name, name)]))]),
    );
    const head = [line(['', ...columns.map(({ name }) => name)]), line(['---', ...columns.map(() => '---')])];
    return `## ${section}\n\n${NOTES[section]}\n\n${[...head, ...body].join('\n')}\n`;
  });
  return `# What works with whom

Made by \`npm run support\`, which tries each of these on the machine it runs on: the command \`tswebrtc sink\` (of sound: with a picture), a
real consumer, and what that decoded in ${seconds} s. ✓: at least 28 of 30 frames a second were decoded and sound was heard; ✗: what was
measured, or the reason; –: could not be tried there. Inputs are tried with one consumer, codecs with all.

${machine(consumers)}

${sections.join('\n')}`;
}

function machine(consumers: readonly Consumer[]): string {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const peers = consumers.filter(({ version }) => version).map(({ version }) => version);
  return [
    `- ${new Date().toISOString().slice(0, 10)}, commit ${commit}, Node ${process.version}, ${type()} ${release()}`,
    `- ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}; load of the machine at the end ${loadavg()[0]!.toFixed(1)}`,
    `- ${peers.join('; ')}`,
  ].join('\n');
}

function shown(cell: Cell | undefined): string {
  if (!cell) return '';
  return `${cell.ok === null ? '–' : cell.ok ? '✓' : '✗'} ${cell.text.replaceAll('|', '\\|')}`;
}
