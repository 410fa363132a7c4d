/** How much a real Chromium dares to send on our transport-wide feedback. `npm run interop`. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launchChromium } from './chromium.ts';
import { produce } from './producing-page.ts';

const MAX_BITRATE = 2_500_000;
/** s to get there, and then to be measured. */
const RISE = 10;
const MEASURED = 5;

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser?.close());

it('Chromium reaches nine tenths of its 2.5 Mbit/s within ten seconds', async () => {
  const producing = await produce(browser, { codec: 'VP8', noise: true, maxBitrate: MAX_BITRATE });
  try {
    const sent = () =>
      producing.page.evaluate(async () => {
        const entries = [...(await producer.getStats()).values()];
        const video = entries.find(({ type, kind }) => type === 'outbound-rtp' && kind === 'video');
        const pair = entries.find(({ availableOutgoingBitrate }) => availableOutgoingBitrate !== undefined);
        const { bytesSent, headerBytesSent, timestamp } = video as Record<string, number>;
        return {
          bytes: bytesSent! + headerBytesSent!,
          timestamp: timestamp!,
          available: pair?.availableOutgoingBitrate as number | undefined,
        };
      });
    await new Promise((resolve) => setTimeout(resolve, RISE * 1000));
    const before = await sent();
    await new Promise((resolve) => setTimeout(resolve, MEASURED * 1000));
    const after = await sent();
    const bitrate = (8000 * (after.bytes - before.bytes)) / (after.timestamp - before.timestamp);
    const { packetsLost, gaps, framesReceived } = producing.picture.receiver!.stream!.stats();
    console.log(
      `Chromium sends ${(bitrate / 1e6).toFixed(2)} Mbit/s and believes in ${((after.available ?? 0) / 1e6).toFixed(2)}; ` +
        `${framesReceived} frames, ${packetsLost} packets lost, ${gaps} gaps`,
    );
    expect(bitrate).toBeGreaterThan(0.9 * MAX_BITRATE);
    expect(after.available).toBeGreaterThan(0.9 * MAX_BITRATE);
    expect(packetsLost).toBe(0);
  } finally {
    await producing.close();
  }
});
