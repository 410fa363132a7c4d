/** ICE restarts while a real Chromium plays: the picture goes on, and so do data channels. */
import { SignallingServer } from '@tswebrtc/signalling-server';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freeUdpPort } from '../packages/signalling-server/src/free-port.testing.ts';
import { testVideo } from '../packages/tswebrtc/src/webrtcsink/tracks.ts';
import { WebRTCSink } from '../packages/tswebrtc/src/webrtcsink/webrtcsink.ts';
import { useChromium } from './use-chromium.ts';

/** Longest time without a picture, ms. */
const LONGEST_GAP = 1000;

const chromium = useChromium();

describe.each(['sockets of their own', 'one port for all'])('an ICE restart of sessions with %s', (kind) => {
  it('while Chromium plays costs no second of the picture, and no data channel', async () => {
    const iceUdpMux = kind === 'one port for all' ? await freeUdpPort() : 0;
    const server = await SignallingServer.listen({ host: '127.0.0.1', port: 0 });
    onTestFinished(() => server.close());
    const uri = `ws://127.0.0.1:${server.port}`;
    const sink = new WebRTCSink({ signaller: { uri }, stunServer: null, videoCodecs: ['VP8'], iceUdpMux });
    onTestFinished(() => sink.close());
    sink.addTrack(testVideo({ width: 320, height: 240, framerate: 30 }));
    await sink.start();
    const page = await chromium.watch(uri);
    await page.evaluate(() => window.player.echo());
    const [session] = sink.sessions;
    const channel = session!.createDataChannel('across');
    const echoes: string[] = [];
    channel.on('message', (message) => echoes.push(String(message)));
    await expect.poll(() => channel.readyState, { timeout: 10_000 }).toBe('open');
    await channel.send('before');
    await expect.poll(() => echoes).toEqual(['echo before']);
    const before = await page.evaluate(() => window.player.path());

    const watching = page.evaluate(() => window.player.watchGaps(5000));
    await session!.restartIce();
    await expect
      .poll(async () => (await page.evaluate(() => window.player.path())).changes, { timeout: 10_000 })
      .toBeGreaterThan(before.changes);
    const after = await page.evaluate(() => window.player.path());
    expect(after.producer).not.toBe(before.producer);
    if (iceUdpMux > 0) expect([before.remote.port, after.remote.port]).toEqual([iceUdpMux, iceUdpMux]);
    else expect(after.remote.port).not.toBe(before.remote.port);
    await channel.send('after');
    await expect.poll(() => echoes, { timeout: 5000 }).toEqual(['echo before', 'echo after']);
    const { longest, frames } = await watching;
    console.log(`an ICE restart with ${kind}: ${Math.round(longest)} ms without a picture at the longest, of ${frames} pictures`);
    expect(frames).toBeGreaterThan(60);
    expect(longest).toBeLessThan(LONGEST_GAP);
    expect((await page.evaluate(() => window.player.figures())).errors).toEqual([]);
  }, 60_000);
});
