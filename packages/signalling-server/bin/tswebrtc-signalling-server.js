#!/usr/bin/env node
// The command itself is built (dist/main.js); this file is committed so that npm can link it right after `npm ci`.
import { existsSync } from 'node:fs';

const built = new URL('../dist/main.js', import.meta.url);
if (existsSync(built)) {
  const { main } = await import(built.href);
  process.exitCode = await main(process.argv.slice(2));
} else {
  console.error('tswebrtc-signalling-server is not built yet: run "npm run build" in the directory of the project.');
  process.exitCode = 1;
}
