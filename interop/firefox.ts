/** A real Firefox, with fake devices and without questions, for interoperability tests. */
import { existsSync } from 'node:fs';
import type { Browser } from 'puppeteer-core';

const candidates = [process.env.FIREFOX_PATH, '/usr/bin/firefox-esr', '/usr/bin/firefox'];

const path = (): string | undefined => candidates.find((candidate) => candidate !== undefined && existsSync(candidate));

/** Why tests with Firefox cannot run here; undefined where they can. */
export function firefoxMissing(): string | undefined {
  return path() === undefined ? 'Firefox not found: run `npm run setup -- --peers`' : undefined;
}

export async function launchFirefox(): Promise<Browser> {
  const { default: puppeteer } = await import('puppeteer-core');
  return puppeteer.launch({
    browser: 'firefox',
    executablePath: path()!,
    headless: true,
    extraPrefsFirefox: {
      'media.navigator.streams.fake': true,
      'media.navigator.permission.disabled': true,
      'media.autoplay.default': 0,
      'media.autoplay.blocking_policy': 0,
      'media.autoplay.block-webaudio': false,
      'media.peerconnection.ice.obfuscate_host_addresses': false,
      'media.peerconnection.ice.loopback': true,
      'media.gmp-manager.updateEnabled': false,
    },
  });
}
