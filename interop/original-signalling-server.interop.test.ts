/** The original signalling server, as its release on crates.io, does what the table of conformance says of it. `npm run interop`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { original, type ServerUnderTest } from '../bench/signalling/server-under-test.ts';
import { cases } from '../conformance/cases/index.ts';
import { type CaseResult, runCase } from '../conformance/run.ts';
import { CommandProcess } from './command-process.ts';
import { playsOn, useChromium } from './use-chromium.ts';

/** ms; what the original does not answer is waited for, case by case. */
const TIMEOUT = 400_000;
const contender = original();
const missing = contender ? undefined : 'peer not available: gst-webrtc-signalling-server';

const chromium = useChromium();
let server: ServerUnderTest | undefined;
let url: string;
beforeAll(async () => {
  server = await contender?.start();
  url = server?.url ?? '';
});
afterAll(() => server?.close());

it(
  'behaves in every case as ours, as intended to differ, or as a release that is older than the reference',
  async (context) => {
    if (missing) return context.skip(missing);
    const results: CaseResult[] = [];
    for (const one of cases) results.push(await runCase(url, one));
    const count = (outcome: string): number => results.filter((result) => result.outcome === outcome).length;
    console.log(
      `${contender!.name}: ${results.length} cases, ${count('ok')} ok, ${count('as the original')} as the original, ` +
        `${count('as release 0.15')} as release 0.15`,
    );
    const failed = results.filter(({ outcome }) => outcome === 'FAILED');
    expect(failed.map(({ case: { id, title }, difference }) => `${id} ${title}: ${difference}`)).toEqual([]);
    expect(count('ok')).toBeGreaterThan(200);
  },
  TIMEOUT,
);

it('lets our sink, the published browser library and our source meet', async (context) => {
  if (missing) return context.skip(missing);
  const sink = new CommandProcess([
    'sink',
    'testsrc:width=640,height=360,framerate=30',
    'tone',
    '--json',
    '--stun-server',
    'none',
    '--signaller-uri',
    url,
  ]);
  const folder = await mkdtemp(join(tmpdir(), 'tswebrtc-original-'));
  try {
    await sink.event('registered');
    const page = await chromium.watch(url);
    await playsOn(page, 60);

    const source = new CommandProcess(['src', url, '--json', '--stun-server', 'none', '--snapshot', join(folder, 'picture.png')]);
    expect(await source.event('snapshot')).toMatchObject({ width: 640, height: 360 });
    expect((await source.exit).code).toBe(0);
    await sink.event('consumer-removed');
    // A session that is ended is ended for the sink, too, in the words that this server understands.
    await page.evaluate(() => window.player.stop());
    await expect.poll(() => sink.events.filter(({ event }) => event === 'consumer-removed').length).toBe(2);
  } finally {
    await Promise.all([sink.stop(), rm(folder, { recursive: true })]);
  }
});
