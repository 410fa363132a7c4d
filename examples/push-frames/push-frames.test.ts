import { expect, it } from 'vitest';
import { ExampleProcess } from '../../interop/example-process.ts';
import { playsOn, useChromium } from '../../interop/use-chromium.ts';

const chromium = useChromium();

/** In the page: the colours in a corner and in the middle row, most red one there. */
function colours(): { corner: number[]; reddest: number[] } {
  const video = document.querySelector('video')!;
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  const context = canvas.getContext('2d')!;
  context.drawImage(video, 0, 0);
  const corner = [...context.getImageData(20, 20, 1, 1).data.subarray(0, 3)];
  const row = context.getImageData(0, Math.round(canvas.height / 2), canvas.width, 1).data;
  let reddest = [0, 0, 0];
  for (let i = 0; i < row.length; i += 4) if (row[i]! > reddest[0]!) reddest = [...row.subarray(i, i + 3)];
  return { corner, reddest };
}

it('shows in Chromium what it draws, in its colours, sounds its tone, and ends on Ctrl-C', async () => {
  const example = new ExampleProcess(new URL('main.js', import.meta.url), ['0']);
  const signalling = /(ws:\S+)/.exec(await example.line())![1]!;

  const { page, producer } = await chromium.openPlayer(signalling);
  const first = await page.evaluate((id) => window.player.watch(id), producer.id);
  expect(first).toMatchObject({ width: 640, height: 360 });
  const heard = await page.evaluate(() => window.player.listen(2000));
  expect(Math.abs(heard.frequency - 440)).toBeLessThan(15);
  const seen = await page.evaluate(colours);
  for (const [colour, wanted] of [
    [seen.corner, [32, 64, 192]],
    [seen.reddest, [224, 32, 32]],
  ] as const) {
    for (const [i, value] of colour.entries()) expect(Math.abs(value - wanted[i]!)).toBeLessThan(20);
  }
  await playsOn(page);

  expect(await example.interrupt()).toBe(0);
});
