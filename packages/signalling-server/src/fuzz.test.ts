/** Thousands of malformed frames, seeded; the long run is `npm run soak -- signalling-fuzz`. */
import { afterEach, expect, it } from 'vitest';
import { attack } from './attackers.testing.ts';
import { type Json, LightPeer } from './light-peer.testing.ts';
import { MalformedFrames } from './malformed-frames.testing.ts';
import { SignallingServer } from './server.ts';

const FRAMES = 5_000;
/** Of the bystanders, ms: well within what a peer may send. */
const RELAY_EVERY = 40;

let server: SignallingServer;
const bystanders: LightPeer[] = [];
afterEach(async () => {
  for (const peer of bystanders.splice(0)) peer.reset();
  await server.close();
});

it('garbage of any kind breaks neither the server nor a session of others', { timeout: 120_000 }, async () => {
  const maxMessageSize = 32 * 1024;
  server = await SignallingServer.listen({ port: 0, maxMessageSize });
  const target = { url: server.urls[0]! };
  const [producer, consumer] = [await LightPeer.open(target), await LightPeer.open(target)];
  bystanders.push(producer, consumer);
  await producer.register(['producer'], { name: 'bystander' });
  consumer.send({ type: 'startSession', peerId: producer.id });
  const sessionId = String((await consumer.next('sessionStarted')).sessionId);

  const sent: Json[] = [];
  const received: Json[] = [];
  consumer.onMessage = (message) => received.push(message);
  const relaying = setInterval(() => {
    const message = { type: 'peer', sessionId, ice: { candidate: `candidate:${sent.length}`, sdpMLineIndex: 0 } };
    sent.push(message);
    producer.send(message);
  }, RELAY_EVERY);
  const victims = { sessionId, producerId: producer.id, maxMessageSize };
  const report = await attack(target, new MalformedFrames(5, victims), FRAMES);
  clearInterval(relaying);

  expect(report.unanswered).toBe(0);
  expect(Object.keys(report.closed)).toEqual(expect.arrayContaining(['1002', '1007', '1009']));
  await producer.register(['producer'], { name: 'still there' });
  await consumer.register([]);
  expect(received).toEqual(sent);
  await expect.poll(() => server.peerCount).toBe(bystanders.length);
  expect(server.sessionCount).toBe(1);
});
