/** Our server against the whole table: one server for all cases, which shows too that they leave nothing behind. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SignallingServer } from '../packages/signalling-server/src/index.ts';
import { cases } from './cases/index.ts';
import { differencesTable } from './differences.ts';
import { Peer } from './peer.ts';
import { runCase, runInWorld } from './run.ts';

const hubTests = new URL('../packages/signalling-server/src/hub.test.ts', import.meta.url);
const documentation = new URL('../docs/conformance.md', import.meta.url);

let server: SignallingServer;
let url: string;
beforeAll(async () => {
  server = await SignallingServer.listen({ port: 0 });
  url = server.urls[0]!;
});
afterAll(() => server.close());

describe('our server', () => {
  for (const one of cases)
    if ('run' in one)
      it(`${one.id} ${one.title}`, async () => {
        await runInWorld(url, one.run);
        await expect.poll(() => [server.peerCount, server.sessionCount], { interval: 2 }).toEqual([0, 0]);
      });

  it('leaves to the tests of its state machine what no peer can bring about', async () => {
    const tests = await readFile(hubTests, 'utf8');
    const unreachable = cases.flatMap((one) => ('unreachable' in one ? [one.coveredBy] : []));
    expect(unreachable).toHaveLength(4);
    for (const title of unreachable) expect(tests).toContain(title);
  });

  it('passes while other peers come, go and speak', async () => {
    const noisy: Peer[] = [];
    let isOver = false;
    const noise = (async () => {
      const listener = new Peer('a bystander', url, [{ type: 'setPeerStatus', roles: ['listener'] }], () => undefined);
      noisy.push(listener);
      for (let meta = 0; !isOver; meta++) {
        const roles = [meta % 2 ? 'producer' : 'consumer'];
        const peer = new Peer('a passer-by', url, [{ type: 'setPeerStatus', roles, meta }], (message) => message);
        noisy.push(peer);
        await peer.untilHeard(1);
        if (meta % 3) await peer.vanish();
      }
    })();
    const some = cases.filter(({ id }) => /^(R|W|S1|B)/.test(id));
    const results = [];
    for (const one of some) results.push(await runCase(url, one));
    isOver = true;
    await noise;
    for (const peer of noisy) await peer.vanish();
    expect(noisy.length).toBeGreaterThan(10);
    expect(results.filter(({ outcome }) => outcome !== 'ok' && outcome !== 'not over a socket')).toEqual([]);
  });
});

describe('the table', () => {
  it('has each id once, each behaviour and each error of the reference', () => {
    const ids = cases.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (let number = 1; number <= 23; number++) expect(ids).toContain(`B${number}`);
    for (let number = 1; number <= 8; number++) expect(ids.some((id) => id.startsWith(`E${number}`))).toBe(true);
  });

  it('has each title once in its section', () => {
    const titles = cases.map(({ reference, title }) => `${reference} ${title}`);
    expect(titles.filter((title, index) => titles.indexOf(title) !== index)).toEqual([]);
  });

  it('is what the documentation says of the differences', async () => {
    expect(await readFile(documentation, 'utf8')).toContain(differencesTable(cases));
  });
});
