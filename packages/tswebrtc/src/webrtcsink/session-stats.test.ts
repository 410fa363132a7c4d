/** The report of a session says all that the original's says, and what its encoders do. */
import { SignallingServer } from '@tswebrtc/signalling-server';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FakeEngine } from './fake-engine.testing.ts';
import { TestConsumer } from './test-consumer.testing.ts';
import { testAudio, testVideo } from './tracks.ts';
import { WebRTCSink } from './webrtcsink.ts';

let server: SignallingServer;
let sink: WebRTCSink;
let consumer: TestConsumer;

beforeEach(async () => {
  server = await SignallingServer.listen({ host: '127.0.0.1', port: 0 });
  const uri = `ws://127.0.0.1:${server.port}`;
  sink = new WebRTCSink({ engine: new FakeEngine(), signaller: { uri }, stunServer: null, videoCodecs: ['VP8'] });
  sink.addTrack(testVideo());
  sink.addTrack(testAudio());
  await sink.start();
  consumer = await TestConsumer.watch(uri);
  await consumer.until(() => consumer.packets.length > 40, 'packets arrive');
});

afterEach(async () => {
  await consumer.close();
  await sink.close();
  await server.close();
});

it('has the entries of the W3C, those of encoders and sources among them', async () => {
  const report = await sink.sessions[0]!.getStats();
  const one = (type: string, kind?: string) =>
    [...report.values()].find((entry) => entry.type === type && (!kind || entry.kind === kind))!;
  const types = new Set([...report.values()].map(({ type }) => type));
  for (const type of [
    'peer-connection',
    'transport',
    'candidate-pair',
    'local-candidate',
    'remote-candidate',
    'certificate',
    'codec',
    'outbound-rtp',
    'media-source',
  ]) {
    expect(types, type).toContain(type);
  }
  const outbound = one('outbound-rtp', 'video');
  const source = one('media-source', 'video');
  expect(outbound).toMatchObject({ mediaSourceId: source.id, frameWidth: 64, qualityLimitationReason: 'none', fecPercentage: 0 });
  expect(source).toMatchObject({ trackIdentifier: 'video_0', width: 64 });
  expect(report.get(String(one('transport').selectedCandidatePairId))).toMatchObject({
    availableOutgoingBitrate: expect.any(Number),
  });
  expect(report.get(String(outbound.codecId))).toMatchObject({ mimeType: 'video/VP8', codecType: 'encode' });
});

it('is told in the spelling of the original, by session', async () => {
  const stats = await sink.getGstStats();
  const session = stats[consumer.sessionId]!;
  expect(session['consumer-stats']).toEqual({
    'video-encoders': [
      { bitrate: expect.any(Number), 'mitigation-mode': expect.any(String), 'codec-name': 'video/x-vp8', 'fec-percentage': 0 },
    ],
  });
  const outbound = Object.values(session).find((entry) => (entry as { type?: string }).type === 'outbound-rtp');
  expect(outbound).toMatchObject({
    'packets-sent': expect.any(Number),
    'pli-count': 0,
    'nack-count': 0,
    'codec-id': expect.any(String),
  });
});
