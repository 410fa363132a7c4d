/**
 * Takes the picture of the page's consumers for the docs, with real sessions: the sink, two viewers beside it, and one behind a
 * link (`tbf`) that loses most of its capacity while they watch. As root on Linux, with Chromium:
 *
 *     npx tsc -b && npm run build --workspace @tswebrtc/studio
 *     node bench/dist/bench/consumers-screenshot.js [--out docs/consumers.png] [--rate 400000] [--seconds 28] [--codec VP8]
 *
 * `--rate` is the link's after half of the time, bit/s; before that it is 10 Mbit/s. `--seconds` is the length of either half.
 */
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { CommandProcess } from '../interop/command-process.ts';
import { openPageOn, type RemotePage } from './network/chromium-on.ts';
import type { Host } from './network/network-lab.ts';
import { requireNetwork, sleep, withLab } from './network/with-lab.ts';

/** bit/s */
const FULL_RATE = 10_000_000;
/** s of picture, which the sink plays in a loop. */
const PICTURE = 20;
const NAME = 'film';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'docs/consumers.png' },
    rate: { type: 'string', default: '400000' },
    seconds: { type: 'string', default: '28' },
    codec: { type: 'string', default: 'VP8' },
  },
});
requireNetwork('consumers-screenshot');
const half = Number(values.seconds) * 1000;

await withLab(PICTURE, async ({ lab, file }) => {
  lab.setRate(FULL_RATE);
  const { namespace, address } = lab.producer;
  const servers = ['--run-signalling-server', '--signalling-server-host', address, '--signalling-server-port', '0'];
  const page = ['--run-web-server', '--web-server-host-addr', `http://${address}:0`];
  const media = [file, 'tone', '--loop', '--meta', `name=${NAME}`, '--video-codecs', values.codec];
  const sink = new CommandProcess(
    ['sink', ...media, '--json', '--stun-server', 'none', ...servers, ...page],
    ['ip', 'netns', 'exec', namespace],
  );
  const browsers: RemotePage[] = [];
  try {
    await sink.event('registered');
    const near = await browserOn(lab.producer);
    browsers.push(near);
    const monitor = await another(near);
    await watch(near.page, sink.pageUrl);
    await watch(await another(near), sink.pageUrl);
    const far = await browserOn(lab.viewer);
    browsers.push(far);
    await watch(far.page, sink.pageUrl);

    await monitor.setViewportSize({ width: 1360, height: 560 });
    await monitor.goto(`${sink.pageUrl}?view=consumers`);
    await monitor.bringToFront();
    await monitor.waitForFunction(() => document.querySelectorAll('[data-testid=consumer]').length === 3);
    await sleep(half);
    await print(monitor, `at ${FULL_RATE / 1e6} Mbit/s`);
    lab.setRate(Number(values.rate));
    for (let i = 1; i <= 4; i++) {
      await sleep(half / 4);
      await print(monitor, `${(i * half) / 4000} s after the drop to ${Number(values.rate) / 1000} kbit/s`);
    }
    await monitor.screenshot({ path: values.out, fullPage: true });
    console.log(`\nThe picture is ${values.out}.`);
  } finally {
    for (const browser of browsers) await browser.close();
    await sink.stop();
  }
});

/** A browser whose requests go by its host's network, unlike those of the benchmarks: the page's server is in there, too. */
async function browserOn(host: Host): Promise<RemotePage> {
  const remote = await openPageOn(host, 'about:blank');
  await remote.page.unrouteAll();
  return remote;
}

/** Another page in the same browser. */
async function another({ page }: RemotePage): Promise<Page> {
  return page.context().browser()!.newPage();
}

async function watch(page: Page, url: string): Promise<void> {
  await page.goto(`${url}#${NAME}`);
  await page.waitForSelector('[data-testid=player][data-state=playing]', { timeout: 30_000 });
}

async function print(monitor: Page, when: string): Promise<void> {
  const rows = await monitor
    .locator('[data-testid=consumer]')
    .evaluateAll((all) => all.map((row) => (row as HTMLElement).innerText.replaceAll(/\s*\n\s*|\t/g, ' | ')));
  console.log(`\n${when}: ${await monitor.textContent('[data-testid=consumers-summary]')}\n${rows.join('\n')}`);
}
