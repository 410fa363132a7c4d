/**
 * What a signalling server takes: sessions set up per second, the latency of relaying with a thousand pairs, memory of idle peers,
 * the return of thousands at once, and what one peer that does not read does to the others. The same load runs against two
 * servers in turn, for each figure a fresh process: ours and the original's, or any two that are running. What a busy machine can
 * spoil is measured in several rounds, of which the median counts.
 */
import { parseArgs } from 'node:util';
import { report } from './report.ts';
import { comparison, figures, type Measure, medians, sideBySide } from './signalling/measure.ts';
import { FULL, QUICK, ROUNDS, scenarios } from './signalling/scenarios.ts';
import { type Contender, original, ours, running } from './signalling/server-under-test.ts';

type Name = keyof typeof scenarios;

export async function signalling(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      url: { type: 'string' },
      pid: { type: 'string' },
      vs: { type: 'string' },
      'vs-pid': { type: 'string' },
      only: { type: 'string', default: Object.keys(scenarios).join(',') },
      quick: { type: 'boolean', default: false },
    },
  });
  const names = values.only.split(',');
  const unknown = names.find((name) => !Object.hasOwn(scenarios, name));
  if (unknown !== undefined) throw new Error(`There is no figure ${unknown}: use ${Object.keys(scenarios).join(', ')}.`);
  const first = values.url === undefined ? ours : running(values.url, pid(values.pid));
  const second = values.vs === undefined ? original() : running(values.vs, pid(values['vs-pid']));
  if (!second) console.log('gst-webrtc-signalling-server: peer not available, our figures alone.');

  const scale = values.quick ? QUICK : FULL;
  const measure = async (contender: Contender, name: Name): Promise<Measure[]> => {
    console.log(`${name}: ${contender.name} …`);
    const server = await contender.start();
    try {
      return await scenarios[name](server, scale);
    } finally {
      await server.close();
    }
  };
  const own: Measure[] = [];
  const others: Measure[] = [];
  for (const name of names as Name[]) {
    const rounds: { own: Measure[][]; others: Measure[][] } = { own: [], others: [] };
    for (let round = 0; round < (values.quick ? 1 : ROUNDS[name]); round++) {
      rounds.own.push(await measure(first, name));
      if (second) rounds.others.push(await measure(second, name));
    }
    own.push(...medians(rounds.own));
    if (second) others.push(...medians(rounds.others));
  }
  if (!second) return report('signalling', figures(own, undefined, ''));
  console.log(`\n${sideBySide({ name: first.name, measures: own }, { name: second.name, measures: others })}`);
  report('signalling', [...figures(own, others, second.name), ...comparison(own, others, second.name)]);
}

function pid(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
