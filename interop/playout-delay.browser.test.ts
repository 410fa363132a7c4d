/** Chromium waits for as long as the sink tells it before it shows a frame. */
import { expect, it } from 'vitest';
import { figuresOf } from './player-page.ts';
import { playsOn, startSink, useChromium } from './use-chromium.ts';

const chromium = useChromium();

it('a playout delay of the sink holds frames back in Chromium', async () => {
  const sink = await startSink(['testsrc:width=320,height=180', '--video-codecs', 'VP8', '--playout-delay', '700-900']);
  const page = await chromium.watch(sink.signallingUri);
  await playsOn(page, 30);
  const before = (await figuresOf(page)).video!;
  await playsOn(page, 30);
  const after = (await figuresOf(page)).video!;
  const emitted = after.jitterBufferEmittedCount - before.jitterBufferEmittedCount;
  const delay = (after.jitterBufferDelay - before.jitterBufferDelay) / emitted;
  // Alone it waits for next to nothing on such a path. The decoder's and the screen's part is counted elsewhere.
  expect(delay).toBeGreaterThan(0.5);
  expect(delay).toBeLessThan(1.2);
});
