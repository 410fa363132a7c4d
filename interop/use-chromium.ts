/** One Chromium for the tests of a file, which are skipped where there is none; what a test opens through it ends with the test. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished } from 'vitest';
import { chromiumMissing, launchChromium } from './chromium.ts';
import { CommandProcess } from './command-process.ts';
import { figuresOf, firstProducer, type ListedProducer, type PlayerPage, servePlayerPage } from './player-page.ts';

/** ms for a picture on a machine that does other things, too. */
const PATIENCE = 20_000;

export class TestChromium {
  #browser: Browser | undefined;
  #served: PlayerPage | undefined;

  get browser(): Browser {
    return this.#browser!;
  }

  /** Where the page with the published gstwebrtc-api is served. */
  get playerUrl(): string {
    return this.#served!.url;
  }

  async open(): Promise<void> {
    [this.#browser, this.#served] = await Promise.all([launchChromium(), servePlayerPage()]);
  }

  async close(): Promise<void> {
    await Promise.all([this.#browser?.close(), this.#served?.close()]);
  }

  async newPage(): Promise<Page> {
    const page = await this.browser.newPage();
    onTestFinished(() => page.close());
    return page;
  }

  /** A page with the player, and the first producer that the signalling server lists. `prepare`: before the page is loaded. */
  async openPlayer(
    signallingUri: string,
    prepare: (page: Page) => Promise<unknown> = async () => {},
  ): Promise<{ page: Page; producer: ListedProducer }> {
    const page = await this.newPage();
    await prepare(page);
    await page.goto(this.playerUrl);
    return { page, producer: await firstProducer(page, signallingUri) };
  }

  /** The same, playing. */
  async watch(signallingUri: string, prepare?: (page: Page) => Promise<unknown>): Promise<Page> {
    const { page, producer } = await this.openPlayer(signallingUri, prepare);
    await page.evaluate((id) => window.player.watch(id), producer.id);
    return page;
  }
}

/** To be called where hooks are: at the top of a file or of a `describe`. */
export function useChromium(): TestChromium {
  const missing = chromiumMissing();
  const chromium = new TestChromium();
  beforeAll(() => (missing ? undefined : chromium.open()));
  beforeEach((context) => {
    if (missing) context.skip(missing);
  });
  afterAll(() => chromium.close());
  return chromium;
}

/** The command as a process of its own, until the end of the test. */
export async function startSink(args: readonly string[]): Promise<CommandProcess> {
  const sink = await CommandProcess.startSink(args);
  onTestFinished(async () => {
    await sink.stop();
  });
  return sink;
}

/** Resolves when the page that plays has decoded so many frames more. */
export async function playsOn(page: Page, frames = 20): Promise<void> {
  const decoded = async (): Promise<number> => (await figuresOf(page)).video?.framesDecoded ?? 0;
  const before = await decoded();
  await expect.poll(decoded, { timeout: PATIENCE }).toBeGreaterThan(before + frames);
}
