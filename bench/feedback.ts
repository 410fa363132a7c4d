/**
 * What one packet of transport-wide feedback costs the sender, from the socket to the estimate: read, unprotected, parsed,
 * and given to the viewer's congestion control. With hundreds of viewers thousands of them come each second.
 */
import { parseArgs } from 'node:util';
import { Child, sharedClock } from './child.ts';
import type { FeedbackFigures } from './feedback-sender.ts';
import { atMost, info, report } from './report.ts';

const BAR = 40;

export async function feedback(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      viewers: { type: 'string', default: '300' },
      seconds: { type: 'string', default: '2' },
      windows: { type: 'string', default: '5' },
    },
  });
  const count = Number(values.viewers);
  const sender = new Child('feedback-sender.js');
  const viewers = new Child('feedback-viewers.js');
  const windows: FeedbackFigures[] = [];
  try {
    const ports = await sender.ask<number[]>('open', count);
    const start = sharedClock() + 300;
    await sender.ask('start', start);
    await viewers.ask('start', { ports, start });
    await sender.ask('observe', 1.5);
    for (let i = 0; i < Number(values.windows); i++) windows.push(await sender.ask('observe', Number(values.seconds)));
    await viewers.ask('stop');
    await sender.ask('stop');
  } finally {
    await Promise.all([sender.close(), viewers.close()]);
  }
  const cost = ({ cpu, messages }: FeedbackFigures): number => (1e6 * cpu) / messages;
  // Others on this machine disturb; nothing makes a window better than it is.
  const best = windows.reduce((a, b) => (cost(b) < cost(a) ? b : a));
  report('feedback', [
    atMost('feedback.us_per_packet', cost(best), 'µs', BAR),
    info('feedback.us_worst_window', Math.max(...windows.map(cost)), 'µs', `the worst of ${windows.length} windows`),
    info('feedback.per_second', best.messages / best.duration, 'packets/s', `from ${count} viewers`),
    info('feedback.per_core', best.messages / best.cpu, 'packets/s', 'at this cost'),
    info('feedback.lost', best.expected - best.messages, 'packets', 'a few are on their way when a window ends'),
    info('feedback.estimate', best.estimate, 'bit/s', 'of the first viewer'),
  ]);
}
