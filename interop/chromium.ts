/** Finds and starts the Chromium that the tests use: Debian's, never one that a test tool downloads. */
import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

const candidates = [
  process.env.CHROMIUM_PATH,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** Headless, without a GPU, without calls to its maker's servers; media play and capture without a question. */
export const chromiumArgs = [
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

/** Where Chromium is, if it is. */
export function chromiumPath(): string | undefined {
  return candidates.find((path) => path !== undefined && existsSync(path));
}

/** Why browser tests cannot run here; undefined where they can. With `CI=true` they must: then they fail instead. */
export function chromiumMissing(): string | undefined {
  if (chromiumPath() !== undefined || process.env.CI === 'true') return undefined;
  return 'Chromium not found: run `npm run setup`';
}

export async function launchChromium(args: readonly string[] = []): Promise<Browser> {
  const executablePath = chromiumPath();
  if (executablePath === undefined) throw new Error('Chromium not found: run `npm run setup`, or name it in CHROMIUM_PATH.');
  return chromium.launch({ executablePath, args: [...chromiumArgs, ...args] });
}

/** An empty page and the errors it had so far, for tests to look at. */
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
