/** Chromium watches over TCP where no candidate for UDP reaches either side. */
import { expect, it } from 'vitest';
import { freePort } from '../packages/signalling-server/src/free-port.testing.ts';
import { playsOn, startSink, useChromium } from './use-chromium.ts';

const chromium = useChromium();

it('a sink with a TCP port is watched over it', async () => {
  const port = await freePort();
  const sink = await startSink(['testsrc:width=640,height=360,framerate=30', '--ice-tcp-port', String(port)]);
  const page = await chromium.watch(sink.signallingUri, (page) =>
    page.addInitScript(() => {
      const { send } = WebSocket.prototype;
      WebSocket.prototype.send = function (data) {
        if (!/candidate:\S+ \d+ udp /i.test(String(data))) send.call(this, data);
      };
      const connections: RTCPeerConnection[] = [];
      Object.assign(window, { connections });
      const Original = RTCPeerConnection;
      window.RTCPeerConnection = class extends Original {
        constructor(configuration?: RTCConfiguration) {
          super(configuration);
          connections.push(this);
        }
        override async addIceCandidate(candidate?: RTCIceCandidateInit | null): Promise<void> {
          if (!/ udp /i.test(candidate?.candidate ?? '')) await super.addIceCandidate(candidate ?? undefined);
        }
      };
    }),
  );
  await playsOn(page, 60);
  const remote = await page.evaluate(async () => {
    const [connection] = (window as unknown as { connections: RTCPeerConnection[] }).connections;
    const stats = [...(await connection!.getStats()).values()] as Record<string, unknown>[];
    const transport = stats.find(({ type }) => type === 'transport');
    const pair = stats.find(({ id }) => id === transport?.selectedCandidatePairId);
    return stats.find(({ id }) => id === pair?.remoteCandidateId);
  });
  expect(remote).toMatchObject({ protocol: 'tcp', port });
});
