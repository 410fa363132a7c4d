/** A page puts itself on air, and `tswebrtc src` records it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { chromiumMissing } from '../../../interop/chromium.ts';
import { CommandProcess } from '../../../interop/command-process.ts';
import { readFile } from '../../../packages/tswebrtc/src/media/read-file.testing.ts';
import { StudioBench } from './studio-bench.ts';

const missing = chromiumMissing();

describe('capture', { timeout: 60_000 }, () => {
  let bench: StudioBench;
  let directory: string;
  const commands: CommandProcess[] = [];
  beforeAll(async () => {
    if (!missing) bench = await StudioBench.start();
    directory = await mkdtemp(join(tmpdir(), 'tswebrtc-capture-'));
  }, 60_000);
  beforeEach((context) => {
    if (missing) context.skip(missing);
  });
  afterEach(async () => {
    for (const command of commands.splice(0)) command.child.kill('SIGKILL');
    await bench?.clear();
  });
  afterAll(async () => {
    await bench?.close();
    await rm(directory, { recursive: true });
  });

  const run = (...args: string[]): CommandProcess => {
    const command = new CommandProcess(['src', '--json', '--stun-server', 'none', ...args]);
    commands.push(command);
    return command;
  };

  it.each(['camera', 'test'])('of the %s goes on air under the id that the page shows, and is recorded', async (source) => {
    const { page, complaints } = await bench.open();
    await page.waitForSelector('[data-testid=capture]:not([disabled])');
    await page.selectOption('.capture-source', source);
    await page.click('[data-testid=capture]');
    await page.waitForSelector('[data-testid=capture-panel][data-state=live]');
    const id = (await page.textContent('[data-testid=client-id]'))!;
    expect(await page.textContent('.command-line code')).toContain(`?peer-id=${id}`);
    expect(await page.textContent('[data-testid=capture-message]')).toBe('On air; nobody watches yet.');

    const file = join(directory, `${source}.mkv`);
    const recording = run(`${bench.signallingUrl}?peer-id=${id}`, '--record', file, '--duration', '3');
    await page.waitForSelector('[data-testid=capture-message]:text-is("On air; one watches.")');
    expect((await recording.exit).code, recording.stderr).toBe(0);
    const { duration, streams } = await readFile(file);
    expect(duration).toBeGreaterThan(2.7);
    expect(streams.map(({ kind, errors }) => [kind, errors])).toEqual([
      ['video', 0],
      ['audio', 0],
    ]);
    expect(streams[0]!.decoded.length).toBeGreaterThan(30);
    await page.waitForSelector('[data-testid=capture-message]:text-is("On air; nobody watches yet.")');

    await page.click('[data-testid=capture]');
    await page.waitForSelector('[data-testid=capture-panel][data-state=idle]');
    expect(complaints).toEqual([]);
  });

  it('begins with a passive consumer that waits for a stream', async () => {
    const { page } = await bench.open();
    const file = join(directory, 'passive.mkv');
    const waiting = run(bench.signallingUrl, '--no-connect-to-first-producer', '--record', file, '--duration', '2');
    await page.waitForSelector('[data-testid=capture]:not([disabled])');
    await page.selectOption('.capture-source', 'test');
    await page.click('[data-testid=capture-for]');
    const started = await waiting.event('session-started');
    expect(started.producerId).toBe(await page.textContent('[data-testid=client-id]'));
    expect((await waiting.exit).code, waiting.stderr).toBe(0);
    expect((await readFile(file)).streams.map(({ kind }) => kind)).toEqual(['video', 'audio']);
  });

  it('ends for its consumers when it is stopped', async () => {
    const { page } = await bench.open();
    await page.waitForSelector('[data-testid=capture]:not([disabled])');
    await page.selectOption('.capture-source', 'test');
    await page.click('[data-testid=capture]');
    await page.waitForSelector('[data-testid=capture-panel][data-state=live]');
    const watching = run(bench.signallingUrl);
    await watching.event('track');
    await page.click('[data-testid=capture]');
    expect(await watching.event('session-ended')).toMatchObject({ reason: 'ended' });
    expect((await watching.exit).code).toBe(0);
  });
});
