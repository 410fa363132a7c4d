// `npm run docs`: writes what the documentation takes from the code. With --check it only says whether that is up to date.
import { readFileSync, writeFileSync } from 'node:fs';
import { flagGroups } from '../packages/signalling-server/dist/command-options.js';
import { Metrics } from '../packages/signalling-server/dist/metrics.js';
import { describeProperties } from '../packages/tswebrtc/dist/webrtcsink/properties.js';
import { describeSrcProperties } from '../packages/tswebrtc/dist/webrtcsrc/properties.js';

/** By document, what stands between the markers of which name. */
const documents = {
  'docs/command-line.md': {
    'properties of webrtcsink': describeProperties(),
    'properties of webrtcsrc': describeSrcProperties(),
  },
  'docs/signalling-server.md': { flags: describeFlags(), metrics: await describeMetrics() },
};

for (const [path, tables] of Object.entries(documents)) {
  const text = readFileSync(path, 'utf8');
  let fresh = text;
  for (const [name, table] of Object.entries(tables)) fresh = replaceBetweenMarkers(fresh, name, table);
  if (fresh === text) continue;
  if (process.argv.includes('--check')) {
    console.error(`${path} is out of date: run "npm run docs".`);
    process.exitCode = 1;
  } else writeFileSync(path, fresh);
}

function replaceBetweenMarkers(text, name, table) {
  const [begin, end] = [`<!-- ${name}: written by \`npm run docs\` -->`, `<!-- end of ${name} -->`];
  const [before, rest] = text.split(begin);
  return `${before}${begin}\n\n${table}\n${end}${rest.split(end)[1]}`;
}

/** The flags of the signalling server, a table for each group. */
function describeFlags() {
  const row = ({ flags, help, default: value, many }) => {
    // Where the default is in words, the help ends with them.
    const [, what, words = ''] = /^(.*?)(?: \(default: (.*)\))?$/.exec(help);
    return `| \`${flags}\` | ${value ?? words} | ${what}${many ? ' May be given several times.' : ''} |\n`;
  };
  return flagGroups
    .map(
      ({ title, flags }) => `### ${title}\n\n| flag | default | what it does |\n| --- | --- | --- |\n${flags.map(row).join('')}`,
    )
    .join('\n');
}

/** The metrics of the signalling server, as it tells them itself. */
async function describeMetrics() {
  const metrics = new Metrics({ peers: () => 0, sessions: () => 0, isReady: () => true, clusterMembers: () => 0 });
  const text = await metrics.text();
  metrics.close();
  const rows = [...text.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)$/gm)].map(
    ([, name, help, type]) => `| \`${name}\` | ${type} | ${help} |\n`,
  );
  return `| metric | type | what it says |\n| --- | --- | --- |\n${rows.join('')}`;
}
