/** Writes docs/congestion.md: what the simulator found, case by case. */
import { writeFileSync } from 'node:fs';
import type { CaseSummary, SummaryRow } from './congestion.ts';

const ABOUT: Readonly<Record<string, string>> = {
  '5.1':
    'One flow; the capacity goes 1, 2.5, 0.6, 1 Mbit/s. After the fall at 60 s a full queue is drained within two seconds; after a rise the probes of the quiet path find the new capacity.',
  '5.2':
    'Two flows; together 2, 1, 1.75, 0.5, 1 Mbit/s. The fall to 0.5 Mbit/s leaves each flow less than twice its minimum. Most of the loss comes from the first half second after the two falls, before any feedback can tell.',
  '5.3':
    'One flow in each direction; each one’s feedback waits in the other’s queue. Both directions change, at different times.',
  '5.4': 'Three flows on 3.5 Mbit/s that start 20 s apart. Jain’s index is taken once all three run.',
  '5.5': 'Five flows on 4 Mbit/s with one-way delays from 10 to 150 ms, 10 s apart.',
  '5.6-reno':
    'One flow against an endless NewReno connection on 2 Mbit/s, which keeps the queue full. After some seconds of decreases in vain the flow competes: it ignores delay, and lets losses alone slow it down.',
  '5.6-cubic': 'The same against CUBIC, which keeps the queue fuller still.',
  '5.7':
    'Two flows against ten connections that fetch 100 kB to 1 MB with pauses of 10 s in the mean; together they want more than twice the link. The bar is held against an equal split among all flows present at each moment.',
  '5.8':
    'Three flows on 3.5 Mbit/s; one pauses from 40 s to 60 s while the others take its share. The time counts until its rate over the last second is 80 % of that before (at most an equal share).',
};

export function writeCongestionPage(folder: string, cases: readonly CaseSummary[], seeds: number): void {
  const lines = [
    '# Congestion control, measured',
    '',
    'Google congestion control at the sender, on the test cases of [RFC 8867](https://www.rfc-editor.org/rfc/rfc8867), in a',
    'simulator on a virtual clock: media of 150 to 1500 kbit/s with keyframes and frames of varying size, our pacer and probes,',
    'feedback every 50 to 70 ms, one-way delay 50 ms, jitter of 5 ms standard deviation, a tail-drop queue of 300 ms.',
    'This page is written by `npm run bench -- congestion --plots`; the tests run the same cases with five seeds. The constants',
    'were chosen on other seeds than those of this page.',
    '',
    'How it works: `packages/tswebrtc/src/congestion/`, one concept a file. What differs from libwebrtc, and why:',
    '',
    '- A path that is in use and quiet is probed every 3 to 4.5 s while nothing changes, since growth by 8 % a second finds a larger capacity too late.',
    '- The height of the queue is watched besides its trend: a full queue has none. It is drained within about a second.',
    '- Where decreases are in vain for five seconds a rival keeps the queue full; then losses alone are heeded (Copa’s idea).',
    '- A decrease may follow an increase at once, and takes the throughput of the last half second where that is lower. Right',
    '  after a probe raised the rate, the first decrease takes back what the probe gave and no more.',
    '- Probes of a path in use follow one another only as the media takes the room they found (0.7 s), and beyond a known capacity',
    '  each raises the rate by a fifth at most: a token bucket lets short trains through that the path does not carry.',
    '- A probe of the start that a busy machine could not send or receive at its rate says nothing, and is sent again.',
    '- Two samples in a row far above the throughput known so far are believed at once: otherwise an overuse, as media come back from',
    '  a pause, would bring the rate down to that of the pause.',
    '- The balances of the loss-based estimator are twice as large: to a path that loses a tenth of everything they allow 3 Mbit/s.',
    '',
    `## All figures, ${seeds} seeds`,
    '',
    'The bar is held against the median; the last column says how many seeds meet it.',
    '',
    '| case | figure | median | worst | bar | seeds |',
    '| --- | --- | --- | --- | --- | --- |',
    ...cases.flatMap((one) => one.rows.map((row) => tableRow(one.id, row, seeds))),
    '',
  ];
  for (const one of cases) {
    lines.push(
      `## ${one.id} ${one.title}`,
      '',
      ABOUT[one.id] ?? '',
      '',
      `![Rates, queue and loss over time of case ${one.id}](congestion/${one.id}.svg)`,
      '',
    );
  }
  writeFileSync(`${folder}/congestion.md`, lines.join('\n'));
}

function tableRow(id: string, { name, unit, median, worst, bar, met }: SummaryRow, seeds: number): string {
  const cells = [id, name, `${show(median)} ${unit}`.trim(), bar ? show(worst) : '', bar ?? '', bar ? `${met}/${seeds}` : ''];
  return `| ${cells.join(' | ')} |`;
}

const show = (value: number): string => (Number.isFinite(value) ? `${Math.round(value * 100) / 100}` : 'never');
