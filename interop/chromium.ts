/**
 * The real Chromium of the browser tests: where it is, how it is started (headless, camera and microphone faked, no traffic of
 * its own) and what happens where there is none: tests are skipped and say how to get it, but in CI that is a failure.
 */
import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

const CANDIDATES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

export const CHROMIUM_FLAGS: readonly string[] = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
  '--use-fake-ui-for-media-stream',
  '--use-fake-device-for-media-stream',
];

/** The executable, undefined where there is none. `CHROMIUM_PATH` chooses another. */
export function findChromium(): string | undefined {
  const chosen = process.env.CHROMIUM_PATH;
  if (chosen) return existsSync(chosen) ? chosen : undefined;
  const bundled = chromium.executablePath();
  return [...CANDIDATES, bundled].find((path) => path && existsSync(path));
}

/**
 * Why tests that need Chromium cannot run here, or undefined where they can. Throws in CI, where they must:
 *
 *     describe.skipIf(missingChromium())('…')
 */
export function missingChromium(): string | undefined {
  if (findChromium()) return undefined;
  const reason = 'Chromium not found: run `npm run setup`';
  if (process.env.CI === 'true') throw new Error(reason);
  console.warn(`skipped: ${reason}`);
  return reason;
}

/** Starts Chromium. Close it with `browser.close()`. */
export async function launchChromium(extraFlags: readonly string[] = []): Promise<Browser> {
  const executablePath = findChromium();
  if (!executablePath) throw new Error('Chromium not found: run `npm run setup`');
  return chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS, ...extraFlags] });
}

/** An empty page whose errors are kept, for tests to look at. */
export async function openPage(browser: Browser, url = 'about:blank'): Promise<{ page: Page; errors: string[] }> {
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(url);
  return { page, errors };
}
