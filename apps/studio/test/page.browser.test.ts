import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { chromiumMissing } from '../../../interop/chromium.ts';
import { onAir, StudioBench } from './studio-bench.ts';

const missing = chromiumMissing();

/** Real Chromium plays what the published gstwebrtc-api produces, in the page as it is built. */
describe('the page in Chromium', { timeout: 60_000 }, () => {
  let bench: StudioBench;
  beforeAll(async () => {
    if (!missing) bench = await StudioBench.start();
  }, 60_000);
  beforeEach((context) => {
    if (missing) context.skip(missing);
  });
  afterEach(() => bench?.clear());
  afterAll(() => bench?.close());

  const playing = (page: Page, title: string) =>
    page.waitForSelector(`[data-testid=player][aria-label="${title}"][data-state=playing]`);
  const stream = (id: string): string => `[data-testid=stream][data-producer-id="${id}"]`;
  const figure = (page: Page, name: string) => page.locator(`[data-testid=figure-${name}]`).getAttribute('data-value');

  it('lists a stream as it comes, plays it with live figures, and sees it go and return', async () => {
    const { page, complaints } = await bench.open();
    await page.waitForSelector('[data-testid=empty][data-state=no-streams]');
    const producer = await bench.produce({ name: 'Front <i>door</i>', place: 'Street' });
    const item = page.locator(stream(producer.id));
    await item.waitFor();
    expect(await item.locator('.stream-name').textContent()).toBe('Front <i>door</i>');
    expect(await page.locator('.stream-list i').count()).toBe(0);

    await item.locator('button').first().click();
    await playing(page, 'Front <i>door</i>');
    expect(new URL(page.url()).hash).toBe('#Front%20%3Ci%3Edoor%3C%2Fi%3E');
    await expect.poll(async () => Number(await figure(page, 'fps')), { timeout: 15_000 }).toBeGreaterThan(10);
    await expect.poll(async () => Number(await figure(page, 'bitrate')), { timeout: 15_000 }).toBeGreaterThan(50_000);
    expect(await figure(page, 'size')).toMatch(/^\d{3,4}x\d{3}$/);
    expect(await figure(page, 'codec')).toMatch(/^(VP8|VP9|H264|AV1) · opus$/);
    expect(Number(await figure(page, 'first-frame'))).toBeGreaterThan(0);

    const muted = (): Promise<boolean> =>
      page.locator('[data-testid=player-video]').evaluate((video: HTMLVideoElement) => video.muted);
    expect(await muted()).toBe(true);
    await page.click('[data-testid=unmute]');
    expect(await muted()).toBe(false);
    expect(await page.locator('[data-testid=unmute]').isVisible()).toBe(false);

    await producer.page.evaluate(() => (window as unknown as { goOffAir(): void }).goOffAir());
    await page.waitForSelector('[data-testid=player][data-state=waiting]');
    expect(await page.textContent('[data-testid=player-message]')).toMatch(/has gone off air\. This plays again/);
    await bench.produce({ name: 'Front <i>door</i>' });
    await playing(page, 'Front <i>door</i>');

    await page.click('[data-testid=stop]');
    await page.waitForSelector('[data-testid=empty][data-state=choose]');
    expect(new URL(page.url()).hash).toBe('');
    expect(complaints).toEqual([]);
  });

  it('plays what the address names, also when it comes on air later, and several at once', async () => {
    const { page, complaints } = await bench.open('#gate,door');
    await page.waitForSelector('[data-testid=player][data-state=waiting]');
    const door = await bench.produce({ name: 'door' }, { sound: false });
    await playing(page, 'door');
    await bench.produce({ name: 'gate' }, { sound: false });
    await playing(page, 'gate');

    await page.evaluate((id) => {
      location.hash = id;
    }, door.id);
    await expect.poll(() => page.locator('[data-testid=player]').count()).toBe(1);
    await playing(page, 'door');
    expect(complaints).toEqual([]);
  });

  it('says that the signalling server is away, reconnects and plays on', async () => {
    const producer = await bench.produce({ name: 'door' }, { sound: false });
    const { page } = await bench.open('#door');
    await playing(page, 'door');
    const outage = await bench.stopSignalling();
    await page.waitForSelector('[data-testid=status][data-state=reconnecting]');
    expect(await page.textContent('[data-testid=status]')).toContain('Signalling server unreachable');
    await page.waitForSelector('[data-testid=player][data-state=waiting]');
    await outage.start();
    await onAir(producer.page);
    await page.waitForSelector('[data-testid=status][data-state=connected]');
    await playing(page, 'door');
  });

  it('does not blame a server that is back for a stream that came back under another id', async () => {
    const nameless = await bench.produce({}, { sound: false });
    const { page } = await bench.open(`#${nameless.id}`);
    await page.waitForSelector('[data-testid=player][data-state=playing]');
    const outage = await bench.stopSignalling();
    await page.waitForSelector('[data-testid=status][data-state=reconnecting]');
    await outage.start();
    await page.locator(`[data-testid=stream]:not([data-producer-id="${nameless.id}"])`).waitFor();
    expect(await page.textContent('[data-testid=player-message]')).toMatch(
      /^Waiting for Stream .* in the list under a new id\.$/,
    );
  });

  it('finds its server by the address when config.json says nothing', async () => {
    bench.config = undefined;
    try {
      const { page } = await bench.open(`?signalling=${encodeURIComponent(bench.signallingUrl)}`);
      await page.waitForSelector('[data-testid=status][data-state=connected]');
    } finally {
      bench.announceSignalling();
    }
  });

  it('is used by keyboard alone', async () => {
    const first = await bench.produce({ name: 'a' }, { sound: true });
    const second = await bench.produce({ name: 'b' }, { sound: true });
    const { page } = await bench.open();
    await page.waitForSelector(stream(first.id));
    await page.waitForSelector(stream(second.id));
    await page.keyboard.press('Tab');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    const chosen = await page.textContent('.stream-list li:nth-child(2) .stream-name');
    await playing(page, chosen ?? '');
    await page.waitForSelector('[data-testid=unmute]');
    await page.keyboard.press('m');
    await expect.poll(() => page.locator('[data-testid=unmute]').isVisible()).toBe(false);
    await page.keyboard.press('Delete');
    await page.waitForSelector('[data-testid=empty]');
  });
});
