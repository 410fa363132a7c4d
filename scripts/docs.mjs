// `npm run docs`: writes what the documentation takes from the code. With --check it only says whether that is up to date.
import { readFileSync, writeFileSync } from 'node:fs';
import { describeProperties } from '../packages/tswebrtc/dist/webrtcsink/properties.js';

const path = 'docs/command-line.md';
const [begin, end] = ['<!-- properties: written by `npm run docs` -->', '<!-- end of properties -->'];
const text = readFileSync(path, 'utf8');
const [before, rest] = text.split(begin);
const after = rest.split(end)[1];
const fresh = `${before}${begin}\n\n${describeProperties()}\n${end}${after}`;
if (process.argv.includes('--check')) {
  if (fresh !== text) {
    console.error(`${path} is out of date: run "npm run docs".`);
    process.exitCode = 1;
  }
} else writeFileSync(path, fresh);
