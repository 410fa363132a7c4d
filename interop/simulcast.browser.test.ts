/** Chromium, which receives no simulcast, gets one stream of a sink that offers several. */
import { expect, it } from 'vitest';
import { playsOn, startSink, useChromium } from './use-chromium.ts';

const chromium = useChromium();

it('Chromium plays a sink that offers simulcast, in full size', async () => {
  const sink = await startSink(['testsrc:width=640,height=360', '--video-codecs', 'VP8', '--simulcast', '3']);
  const page = await chromium.watch(sink.signallingUri);
  await playsOn(page, 30);
  await expect.poll(() => page.evaluate(() => document.querySelector('video')?.videoHeight)).toBe(360);
});
