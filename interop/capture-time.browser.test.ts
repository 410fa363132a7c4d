/** Chromium knows when each frame was captured. */
import { expect, it } from 'vitest';
import { startSink, useChromium } from './use-chromium.ts';

const chromium = useChromium();

it.each([true, false])('a sink tells Chromium when frames were captured, sound too, where that is wanted: %s', async (wanted) => {
  const options = wanted ? ['--abs-capture-time'] : [];
  const sink = await startSink(['testsrc:width=320,height=180', 'tone', '--video-codecs', 'VP8', ...options]);
  const page = await chromium.watch(sink.signallingUri, (page) =>
    page.addInitScript(() => {
      const Connection = window.RTCPeerConnection;
      window.RTCPeerConnection = class extends Connection {
        constructor(configuration?: RTCConfiguration) {
          super(configuration);
          Object.assign(window, { connection: this });
        }
      };
    }),
  );
  const sources = () =>
    page.evaluate(() => {
      const { connection } = window as unknown as { connection: RTCPeerConnection };
      return connection.getReceivers().map((receiver) => {
        // What the DOM's types do not know: ms since 1900.
        const [source] = receiver.getSynchronizationSources() as (RTCRtpSynchronizationSource & {
          captureTimestamp?: number;
        })[];
        return {
          heard: source !== undefined,
          age: source?.captureTimestamp && Date.now() + 2_208_988_800_000 - source.captureTimestamp,
        };
      });
    });
  await expect.poll(async () => (await sources()).filter(({ heard }) => heard).length, { timeout: 20_000 }).toBe(2);
  if (!wanted) return expect((await sources()).map(({ age }) => age)).toEqual([undefined, undefined]);
  await expect.poll(async () => (await sources()).every(({ age }) => age !== undefined), { timeout: 20_000 }).toBe(true);
  // Of this very machine's clock: what is heard and seen now was captured a moment ago.
  for (const { age } of await sources()) {
    expect(age).toBeGreaterThan(-50);
    expect(age).toBeLessThan(2000);
  }
});
