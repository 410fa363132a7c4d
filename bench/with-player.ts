/** A producer in a process of its own and a page in headless Chromium that is connected to its signalling server. */
import type { Page } from 'playwright-core';
import { launchChromium } from '../interop/chromium.ts';
import { CommandProcess } from '../interop/command-process.ts';
import { firstProducer, servePlayerPage } from '../interop/player-page.ts';

export async function withPlayer(
  input: readonly string[],
  run: (page: Page, producerId: string, sink: CommandProcess) => Promise<void>,
): Promise<void> {
  const sink = await CommandProcess.startSink(input);
  const browser = await launchChromium();
  const served = await servePlayerPage();
  try {
    const page = await browser.newPage();
    await page.goto(served.url);
    const { id } = await firstProducer(page, sink.signallingUri);
    await run(page, id, sink);
  } finally {
    await browser.close();
    await served.close();
    await sink.stop();
  }
}
