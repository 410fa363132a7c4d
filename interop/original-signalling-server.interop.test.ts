/** The original signalling server, as its release on crates.io, does what the table of conformance says of it. `npm run interop`. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cases } from '../conformance/cases/index.ts';
import { type CaseResult, runCase } from '../conformance/run.ts';

/** ms; what the original does not answer is waited for, case by case. */
const TIMEOUT = 400_000;
const PROGRAM = 'gst-webrtc-signalling-server';
const isThere = spawnSync('which', [PROGRAM]).status === 0;

let server: ChildProcess | undefined;
let url: string;
beforeAll(async () => {
  if (!isThere) return;
  const port = await freePort();
  url = `ws://127.0.0.1:${port}`;
  const { stdout } = (server = spawn(PROGRAM, ['--host', '127.0.0.1', '--port', String(port)], {
    stdio: ['ignore', 'pipe', 'ignore'],
  }));
  // Its log, which has to be read on, says when it listens.
  await new Promise<void>((resolve) => stdout.on('data', (text) => String(text).includes('Listening on') && resolve()));
});
afterAll(() => server?.kill('SIGTERM'));

it(
  'behaves in every case as ours, as intended to differ, or as a release that is older than the reference',
  async (context) => {
    if (!isThere) return context.skip(`peer not available: ${PROGRAM}`);
    const results: CaseResult[] = [];
    for (const one of cases) results.push(await runCase(url, one));
    const count = (outcome: string): number => results.filter((result) => result.outcome === outcome).length;
    console.log(
      `${PROGRAM}: ${results.length} cases, ${count('ok')} ok, ${count('as the original')} as the original, ` +
        `${count('as release 0.15')} as release 0.15`,
    );
    const failed = results.filter(({ outcome }) => outcome === 'FAILED');
    expect(failed.map(({ case: { id, title }, difference }) => `${id} ${title}: ${difference}`)).toEqual([]);
    expect(count('ok')).toBeGreaterThan(200);
  },
  TIMEOUT,
);

/** A port that nobody listens on: the original cannot be asked to take any that is free. */
function freePort(): Promise<number> {
  const probe = createServer();
  return new Promise((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
