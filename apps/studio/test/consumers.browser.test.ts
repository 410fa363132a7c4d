import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { chromiumMissing } from '../../../interop/chromium.ts';
import { encoding, ScriptedSink, session } from './scripted-sink.ts';
import { StudioBench } from './studio-bench.ts';

const missing = chromiumMissing();

/** The view of the consumers, told by the sink's own web server what a script says. */
describe('the consumers in Chromium', { timeout: 60_000 }, () => {
  let bench: StudioBench;
  let sink: ScriptedSink;
  beforeAll(async () => {
    if (!missing) bench = await StudioBench.start();
  }, 60_000);
  beforeEach(async (context) => {
    if (missing) return context.skip(missing);
    sink = new ScriptedSink(bench.directory, () => bench.config ?? {});
    await sink.start();
  });
  afterEach(async () => {
    await sink?.stop();
    await bench?.clear();
  });
  afterAll(() => bench?.close());

  const view = (): Promise<{ page: Page; complaints: string[] }> => bench.open(`${sink.url}?view=consumers`);
  const row = (page: Page, id: string): Locator => page.locator(`[data-testid=consumer][data-session-id="${id}"]`);
  const cell = (page: Page, id: string, column: string): Locator => row(page, id).locator(`[data-testid=consumer-${column}]`);
  /** Sessions of each encoding, as they stand on the page. */
  const layout = (page: Page): Promise<[string, string[]][]> =>
    page
      .locator('[data-testid=encoding]')
      .evaluateAll((groups) =>
        groups.map((group) => [
          (group as HTMLElement).dataset.encodingId ?? '',
          [...group.querySelectorAll<HTMLElement>('[data-session-id]')].map((each) => each.dataset.sessionId ?? ''),
        ]),
      );

  it('shows what each gets and why, and moves as the figures do', async () => {
    sink.sessions = [
      session('a', { sharedWith: ['b-peer'], encodingReason: 'shared' }),
      session('b', {
        sharedWith: ['a-peer'],
        encodingReason: 'shared',
        packetLoss: 0.034,
        retransmittedPackets: 7,
        fecPercentage: 20,
      }),
    ];
    sink.encodings = [encoding('high', 2e6), encoding('sound', 96_000, { codec: 'opus', sessions: ['a', 'b'] })];
    const { page, complaints } = await view();
    await row(page, 'b').waitFor();
    expect(await layout(page)).toEqual([['high', ['a', 'b']]]);
    const texts: Record<string, string> = {};
    for (const column of ['network', 'target', 'sent', 'loss', 'rtt', 'fec', 'encoding']) {
      texts[column] = (await cell(page, 'b', column).innerText()).replaceAll('\n', ' ');
    }
    expect(texts).toEqual({
      network: 'Normal',
      target: '2.30 Mbit/s',
      sent: '2.01 Mbit/s',
      loss: '3.4 % 7 resent',
      rtt: '24 ms',
      fec: '20 %',
      encoding: 'Shared with a-peer',
    });
    expect(await page.textContent('[data-testid=consumers-summary]')).toBe('1 encoding · 4.02 Mbit/s sent in all');
    expect(await page.locator('.encoding-shared').textContent()).toBe('shared by 2 consumers');
    expect(await page.locator('.consumers-others').textContent()).toBe('opus at 96 kbit/s for 2 consumers');

    // The very row moves to another encoding: it is not made anew.
    await row(page, 'b').evaluate((node) => node.setAttribute('data-mark', ''));
    sink.change('a', { sharedWith: [], encodingReason: 'alone' });
    sink.change('b', {
      targetBitrate: 300_000,
      sentBitrate: 280_000,
      networkState: 'overuse',
      encodingId: 'low',
      sharedWith: [],
      encodingReason: 'limited',
      framesSkipped: 9,
    });
    sink.encodings = [encoding('high', 2e6), encoding('low', 450_000)];
    await expect.poll(() => cell(page, 'b', 'sent').getAttribute('data-value')).toBe('280000');
    expect(await row(page, 'b').getAttribute('data-mark')).toBe('');
    expect(await layout(page)).toEqual([
      ['high', ['a']],
      ['low', ['b']],
    ]);
    expect(await cell(page, 'b', 'network').innerText()).toBe('Overuse');
    expect(await cell(page, 'b', 'encoding').innerText()).toContain('9 frames left out');
    expect(await page.textContent('[data-testid=consumers-news]')).toBe('one consumer moved to another encoding');
    await expect.poll(() => row(page, 'b').locator('.spark-line').getAttribute('d')).toMatch(/^M.*L/);

    // A better encoding that comes later stands first.
    sink.sessions = [...sink.sessions, session('c', { encodingId: 'best' })];
    sink.encodings = [...sink.encodings, encoding('best', 4e6)];
    await row(page, 'c').waitFor();
    expect(await layout(page)).toEqual([
      ['best', ['c']],
      ['high', ['a']],
      ['low', ['b']],
    ]);

    // Places change where the difference is clear, and only there.
    sink.encodings = [encoding('high', 4.4e6), encoding('low', 7e6), encoding('best', 4e6)];
    await expect
      .poll(() => layout(page))
      .toEqual([
        ['low', ['b']],
        ['best', ['c']],
        ['high', ['a']],
      ]);

    sink.sessions = [];
    sink.encodings = [];
    await page.getByText('Nobody is watching').waitFor();
    expect(await row(page, 'a').count()).toBe(0);
    expect(await page.textContent('[data-testid=consumers-news]')).toBe('3 consumers left');
    expect(complaints).toEqual([]);
  });

  it('says that the figures have stopped, and goes on when they come back', async () => {
    sink.sessions = [session('a')];
    const { page } = await view();
    await row(page, 'a').waitFor();
    await sink.stop();
    await page.waitForSelector('[data-testid=consumers][data-state=lost]');
    expect(await page.textContent('[data-testid=consumers-alert]')).toMatch(/^The figures have stopped.*Trying again…$/);
    expect(await row(page, 'a').isVisible()).toBe(true);
    sink.change('a', { sentBitrate: 640_000 });
    await sink.start();
    await page.waitForSelector('[data-testid=consumers][data-state=live]', { timeout: 15_000 });
    await expect.poll(() => cell(page, 'a', 'sent').innerText()).toBe('640 kbit/s');
    expect(await page.isVisible('[data-testid=consumers-alert]')).toBe(false);
  });

  it('is reached by keyboard and by address, and listens only while it is seen', async () => {
    sink.sessions = [session('a')];
    const { page } = await bench.open(sink.url);
    await page.waitForSelector('[data-testid=empty]');
    expect(sink.asked).toBe(0);
    const link = page.getByRole('link', { name: 'Consumers' });
    await link.focus();
    await page.keyboard.press('Enter');
    await row(page, 'a').waitFor();
    expect(new URL(page.url()).search).toBe('?view=consumers');
    expect(await link.getAttribute('aria-current')).toBe('page');
    expect(await page.title()).toBe('Consumers – tswebrtc studio');
    await page.goBack();
    await page.waitForSelector('[data-testid=empty]');
    expect(await page.isVisible('[data-testid=consumers]')).toBe(false);
    // Nobody asks any more: two looks, longer apart than the figures come, find the same count.
    let before = -1;
    await expect.poll(() => before === (before = sink.asked), { interval: 1500, timeout: 10_000 }).toBe(true);
  });

  it('is a table for those who hear it and fits a telephone', async () => {
    sink.sessions = [
      session('a', { peerId: 'x'.repeat(300), state: 'connecting' }),
      session('b', { encodingId: null, codec: null }),
    ];
    const { page } = await bench.open(`${sink.url}?view=consumers`, { width: 360, height: 740 });
    const table = page.getByRole('table', { name: 'Consumers by encoding' });
    await table.waitFor();
    expect(await table.getByRole('columnheader').allTextContents()).toEqual(
      expect.arrayContaining(['Consumer', 'Network', 'Target', 'Sent', 'Loss', 'Round trip', 'FEC', 'Encoding']),
    );
    expect(await table.getByRole('rowheader').count()).toBe(4);
    expect(await cell(page, 'a', 'network').innerText()).toBe('Connecting');
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  });

  it('is not offered where the server has no figures', async () => {
    const { page } = await bench.open('?view=consumers');
    await page.waitForSelector('[data-testid=empty]');
    expect(await page.locator('[data-testid=view-consumers]').count()).toBe(0);
  });
});
