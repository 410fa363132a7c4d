// `npm run docs`: writes what the documentation takes from the code. With --check it only says whether that is up to date.
import { readFileSync, writeFileSync } from 'node:fs';
import { describeProperties } from '../packages/tswebrtc/dist/webrtcsink/properties.js';
import { describeSrcProperties } from '../packages/tswebrtc/dist/webrtcsrc/properties.js';

const path = 'docs/command-line.md';
const tables = { webrtcsink: describeProperties, webrtcsrc: describeSrcProperties };
const text = readFileSync(path, 'utf8');
let fresh = text;
for (const [element, describe] of Object.entries(tables)) {
  const [begin, end] = [`<!-- properties of ${element}: written by \`npm run docs\` -->`, `<!-- end of ${element} -->`];
  const [before, rest] = fresh.split(begin);
  fresh = `${before}${begin}\n\n${describe()}\n${end}${rest.split(end)[1]}`;
}
if (process.argv.includes('--check')) {
  if (fresh !== text) {
    console.error(`${path} is out of date: run "npm run docs".`);
    process.exitCode = 1;
  }
} else writeFileSync(path, fresh);
