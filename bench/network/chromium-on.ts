/** Headless Chromium on a host of the laboratory. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { chromiumArgs, chromiumPath } from '../../interop/chromium.ts';
import type { Host } from './network-lab.ts';
import { keepConnections } from './page.ts';

export interface RemotePage {
  readonly page: Page;
  close(): Promise<void>;
}

const disabledFeatures = [
  // The names that hide addresses are looked up by multicast, which ends at the router.
  'WebRtcHideLocalIpsWithMdns',
  // A page that comes by the driver's pipe counts as from far away, which may not reach into the laboratory's network.
  'LocalNetworkAccessChecks',
  'LocalNetworkAccessChecksWebSockets',
  'LocalNetworkAccessChecksWebRTC',
];

/**
 * Opens `url` there, a page served by this process: the browser's requests are answered here, over the driver's pipe, since
 * its host has no way to us. WebSockets and WebRTC go by the host's network.
 */
export async function openPageOn(host: Host, url: string): Promise<RemotePage> {
  const folder = mkdtempSync(join(tmpdir(), 'chromium-on-'));
  const executablePath = join(folder, 'chromium');
  writeFileSync(executablePath, `#!/bin/sh\nexec ip netns exec ${host.namespace} "${chromiumPath()}" "$@"\n`);
  chmodSync(executablePath, 0o755);
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
    process.removeListener('exit', remove);
  };
  process.once('exit', remove);
  try {
    const args = [...chromiumArgs, `--disable-features=${disabledFeatures.join(',')}`, '--mute-audio'];
    const browser = await chromium.launch({ executablePath, args, handleSIGINT: false, handleSIGTERM: false });
    const page = await browser.newPage();
    await page.addInitScript(keepConnections);
    await page.route('**/*', async (route) => route.fulfill({ response: await route.fetch() }));
    await page.goto(url);
    return {
      page,
      close: async () => {
        await browser.close();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}
