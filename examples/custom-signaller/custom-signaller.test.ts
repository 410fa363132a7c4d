import { expect, it } from 'vitest';
import { ExampleProcess } from '../../interop/example-process.ts';
import { useChromium } from '../../interop/use-chromium.ts';

const chromium = useChromium();

it('plays in Chromium, hears that the page has gone, and ends on Ctrl-C', async () => {
  const example = new ExampleProcess(new URL('main.js', import.meta.url), ['0']);
  const url = /^open (\S+)$/.exec(await example.line())![1]!;

  const page = await chromium.newPage();
  await page.goto(url);
  await expect.poll(() => page.evaluate(() => document.querySelector('video')!.videoWidth), { timeout: 15_000 }).toBe(640);
  await page.close({ runBeforeUnload: true });
  expect(await example.line()).toMatch(/ left: ended$/);

  expect(await example.interrupt()).toBe(0);
});
