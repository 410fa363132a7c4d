/**
 * What the reference's server does, one test each (reference §1.10), and its refusals (§1.6), over real sockets and with
 * whole messages.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SignallingServer } from './server.ts';
import { type Json, TestClient } from './test-client.testing.ts';

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const offer = { type: 'offer', sdp: 'v=0\r\ns=-\r\n' };
const answer = { type: 'answer', sdp: 'v=0\r\ns=b\r\n' };

let server: SignallingServer;
let url: string;
const clients: TestClient[] = [];

beforeEach(async () => {
  server = await SignallingServer.listen({ port: 0 });
  url = server.urls[0]!;
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.terminate();
  await server.close();
});

async function open(status?: Json): Promise<TestClient> {
  const client = await TestClient.open(url, status);
  clients.push(client);
  return client;
}

async function open11(status?: Json): Promise<TestClient> {
  const client = await TestClient.open11(url, status);
  clients.push(client);
  return client;
}

const openProducer = (meta: unknown = null): Promise<TestClient> => open({ roles: ['producer'], meta });
const openListener = (): Promise<TestClient> => open({ roles: ['listener'] });

/** Starts a session of `consumer` with `producer`; its id. */
async function startSession(consumer: TestClient, producer: TestClient, passive = false): Promise<string> {
  const [starter, target] = passive ? [producer, consumer] : [consumer, producer];
  starter.send({ type: 'startSession', peerId: target.id });
  const sessionId = String((await consumer.next()).sessionId);
  await producer.next();
  return sessionId;
}

describe('the behaviours of the reference', () => {
  it('1. registers a welcomed peer as producer without any reply', async () => {
    const producer = await open();
    producer.send({ type: 'setPeerStatus', roles: ['producer'] });
    expect(await producer.others()).toEqual([]);
  });

  it('2. lists the producers with their meta intact', async () => {
    const meta = { name: 'cam', nested: { a: [1, 2.5, null, 'ä'] } };
    const producer = await openProducer(meta);
    const client = await open();
    client.send({ type: 'list' });
    expect(await client.next()).toEqual({ type: 'list', producers: [{ id: producer.id, meta }] });
  });

  it("3. welcomes with the connection's own id", async () => {
    const client = new TestClient(url);
    clients.push(client);
    expect(await client.next()).toEqual({ type: 'welcome', peerId: expect.stringMatching(UUID_V4) });
    expect((await open()).id).not.toBe((await open()).id);
  });

  it('4. tells a listener when another peer becomes a producer', async () => {
    const listener = await openListener();
    const producer = await openProducer({ name: 'cam' });
    expect(await listener.next()).toEqual({
      type: 'peerStatusChanged',
      roles: ['producer'],
      meta: { name: 'cam' },
      peerId: producer.id,
    });
  });

  it('5. starts a session: sessionStarted to the consumer, startSession with a null offer to the producer', async () => {
    const producer = await openProducer();
    const consumer = await open();
    consumer.send({ type: 'startSession', peerId: producer.id });
    const started = await consumer.next();
    expect(started).toEqual({ type: 'sessionStarted', peerId: producer.id, sessionId: expect.stringMatching(UUID_V4) });
    expect(await producer.next()).toEqual({
      type: 'startSession',
      peerId: consumer.id,
      sessionId: started.sessionId,
      offer: null,
    });
  });

  it('5a. sends sessionStarted first, as a peer in session with itself sees', async () => {
    const peer = await openProducer();
    peer.send({ type: 'startSession', peerId: peer.id, offer: 'v=0' });
    const types = [(await peer.next()).type, (await peer.next()).type];
    expect(types).toEqual(['sessionStarted', 'startSession']);
  });

  it('6. ends the sessions of a producer that goes, then tells the listeners', async () => {
    const producer = await openProducer({ name: 'cam' });
    const consumer = await openListener();
    const sessionId = await startSession(consumer, producer);
    await producer.close();
    expect(await consumer.next()).toEqual({ type: 'endSession', sessionId });
    expect(await consumer.next()).toEqual({
      type: 'peerStatusChanged',
      roles: [],
      meta: { name: 'cam' },
      peerId: producer.id,
    });
  });

  it('7. tells the producer that the consumer has ended the session', async () => {
    const [producer, consumer] = [await openProducer(), await open()];
    const sessionId = await startSession(consumer, producer);
    consumer.send({ type: 'endSession', sessionId });
    expect(await producer.next()).toEqual({ type: 'endSession', sessionId });
    expect(await consumer.others()).toEqual([]);
    expect(server.sessionCount).toBe(0);
  });

  it('8. tells the producer when the consumer disconnects', async () => {
    const [producer, consumer] = [await openProducer(), await open()];
    const sessionId = await startSession(consumer, producer);
    await consumer.close();
    expect(await producer.next()).toEqual({ type: 'endSession', sessionId });
  });

  it('9. tells the consumer that the producer has ended the session', async () => {
    const [producer, consumer] = [await openProducer(), await open()];
    const sessionId = await startSession(consumer, producer);
    producer.send({ type: 'endSession', sessionId });
    expect(await consumer.next()).toEqual({ type: 'endSession', sessionId });
  });

  it('10. refuses an end with an error from a peer at 1.0, and leaves its session alone (E8)', async () => {
    const [producer, consumer] = [await openProducer(), await open()];
    const sessionId = await startSession(consumer, producer);
    consumer.send({ type: 'endSessionV1_1', sessionId, error: 'x' });
    expect(await consumer.next()).toEqual({ type: 'error', details: expect.stringContaining('1.1') });
    producer.send({ type: 'peer', sessionId, sdp: offer });
    expect(await consumer.next()).toEqual({ type: 'peer', sessionId, sdp: offer });
    consumer.send({ type: 'endSessionV1_1', sessionId, error: null });
    expect(await producer.next()).toEqual({ type: 'endSession', sessionId });
  });

  it('11. drops the error towards a consumer at 1.0', async () => {
    const [producer, consumer] = [await open11({ roles: ['producer'] }), await open()];
    const sessionId = await startSession(consumer, producer);
    producer.send({ type: 'endSessionV1_1', sessionId, error: 'out of film' });
    expect(await consumer.next()).toEqual({ type: 'endSession', sessionId });
  });

  it('12. passes the error on between two peers at 1.1', async () => {
    const [producer, consumer] = [await open11({ roles: ['producer'] }), await open11()];
    const sessionId = await startSession(consumer, producer);
    producer.send({ type: 'endSessionV1_1', sessionId, error: 'out of film' });
    expect(await consumer.next()).toEqual({ type: 'endSessionV1_1', sessionId, error: 'out of film' });
  });

  it('12a. adds a null error towards a peer at 1.1', async () => {
    const [producer, consumer] = [await open11({ roles: ['producer'] }), await open()];
    const sessionId = await startSession(consumer, producer);
    consumer.send({ type: 'endSession', sessionId });
    expect(await producer.next()).toEqual({ type: 'endSessionV1_1', sessionId, error: null });
  });

  it('12b. tells a party at 1.1 of the departure of the other with a null error', async () => {
    const [producer, consumer] = [await openProducer(), await open11()];
    const sessionId = await startSession(consumer, producer);
    producer.socket.terminate();
    expect(await consumer.next()).toEqual({ type: 'endSessionV1_1', sessionId, error: null });
  });

  it("13. forwards the producer's offer unchanged", async () => {
    const [producer, consumer] = [await openProducer(), await open()];
    const sessionId = await startSession(consumer, producer);
    producer.send({ type: 'peer', sessionId, sdp: offer });
    expect(await consumer.next()).toEqual({ type: 'peer', sessionId, sdp: offer });
    consumer.send({ type: 'peer', sessionId, sdp: answer });
    expect(await producer.next()).toEqual({ type: 'peer', sessionId, sdp: answer });
  });

  it("14. forwards candidates both ways with their index, without the browser's extra keys", async () => {
    const [producer, consumer] = [await openProducer(), await open()];
    const sessionId = await startSession(consumer, producer);
    const ice = { candidate: 'candidate:1 1 UDP 2015363327 192.0.2.7 40000 typ host', sdpMLineIndex: 1 };
    producer.send({ type: 'peer', sessionId, ice });
    expect(await consumer.next()).toEqual({ type: 'peer', sessionId, ice });
    const last = { candidate: '', sdpMLineIndex: 0 };
    consumer.send({ type: 'peer', sessionId, ice: { ...last, sdpMid: '0', usernameFragment: 'ab' } });
    expect(await producer.next()).toEqual({ type: 'peer', sessionId, ice: last });
  });

  it('15. refuses an offer from the consumer, and leaves the session alone (E6)', async () => {
    const [producer, consumer] = [await openProducer(), await open()];
    const sessionId = await startSession(consumer, producer);
    consumer.send({ type: 'peer', sessionId, sdp: offer });
    const error = await consumer.next();
    expect(error).toEqual({ type: 'error', details: expect.stringContaining(consumer.id) });
    expect(error.details).toContain(producer.id);
    expect(await producer.others()).toEqual([]);
    consumer.send({ type: 'peer', sessionId, sdp: answer });
    expect(await producer.next()).toEqual({ type: 'peer', sessionId, sdp: answer });
  });

  it('16. refuses a session with an unknown target (E4)', async () => {
    const consumer = await open();
    consumer.send({ type: 'startSession', peerId: 'nobody' });
    expect(await consumer.next()).toEqual({ type: 'error', details: expect.stringContaining('nobody') });
  });

  it('17. ends the sessions of a producer that sets empty roles', async () => {
    const [producer, consumer] = [await openProducer(), await open()];
    const sessionId = await startSession(consumer, producer);
    producer.send({ type: 'setPeerStatus', roles: [] });
    expect(await consumer.next()).toEqual({ type: 'endSession', sessionId });
    expect(await producer.others()).toEqual([]);
  });

  it("18. tells the consumer of the session's end before the listener of the status", async () => {
    const producer = await openProducer();
    const consumer = await openListener();
    const sessionId = await startSession(consumer, producer);
    producer.send({ type: 'setPeerStatus', roles: [] });
    expect(await consumer.next()).toEqual({ type: 'endSession', sessionId });
    expect(await consumer.next()).toEqual({ type: 'peerStatusChanged', roles: [], meta: null, peerId: producer.id });
  });

  // 19 (a requester the server does not know) cannot happen over a socket: see hub.test.ts.

  it('20. gives two sessions of the same two peers two ids', async () => {
    const [producer, consumer] = [await openProducer(), await open()];
    const first = await startSession(consumer, producer);
    const second = await startSession(consumer, producer);
    expect(first).not.toBe(second);
    expect(server.sessionCount).toBe(2);
  });

  it('21. refuses a second choice of the version, and keeps the first (E2)', async () => {
    const [producer, consumer] = [await open11({ roles: ['producer'] }), await open11()];
    producer.send({ type: 'setProtocolVersion', version: 'v1_0' });
    expect(await producer.next()).toEqual({ type: 'error', details: expect.stringContaining(producer.id) });
    const sessionId = await startSession(consumer, producer);
    producer.send({ type: 'endSessionV1_1', sessionId, error: 'x' });
    expect(await consumer.next()).toEqual({ type: 'endSessionV1_1', sessionId, error: 'x' });
  });

  it('22. keeps the consumer session of a peer that stops producing', async () => {
    const [other, viewer] = [await openProducer(), await open()];
    const both = await openProducer();
    const consumed = await startSession(both, other);
    const produced = await startSession(viewer, both);
    both.send({ type: 'setPeerStatus', roles: [] });
    expect(await viewer.next()).toEqual({ type: 'endSession', sessionId: produced });
    other.send({ type: 'peer', sessionId: consumed, sdp: offer });
    expect(await both.next()).toEqual({ type: 'peer', sessionId: consumed, sdp: offer });
  });

  it('23. lets a producer start a session towards a passive consumer', async () => {
    const producer = await openProducer();
    const consumer = await open({ roles: ['consumer'], meta: { screen: 1 } });
    producer.send({ type: 'listConsumers' });
    expect(await producer.next()).toEqual({ type: 'listConsumers', consumers: [{ id: consumer.id, meta: { screen: 1 } }] });
    producer.send({ type: 'startSession', peerId: consumer.id });
    const started = await consumer.next();
    expect(started).toEqual({ type: 'sessionStarted', peerId: producer.id, sessionId: expect.any(String) });
    expect(await producer.next()).toEqual({
      type: 'startSession',
      peerId: consumer.id,
      sessionId: started.sessionId,
      offer: null,
    });
    const { sessionId } = started;
    producer.send({ type: 'peer', sessionId, sdp: offer });
    expect(await consumer.next()).toEqual({ type: 'peer', sessionId, sdp: offer });
    consumer.send({ type: 'setPeerStatus', roles: [] });
    expect(await producer.next()).toEqual({ type: 'endSession', sessionId });
  });
});

describe('roles and status', () => {
  it("a listener's first message about itself is its own registration", async () => {
    const listener = await open();
    listener.send({ type: 'setPeerStatus', roles: ['listener', 'producer'], meta: { a: 1 } });
    expect(await listener.next()).toEqual({
      type: 'peerStatusChanged',
      roles: ['listener', 'producer'],
      meta: { a: 1 },
      peerId: listener.id,
    });
  });

  it('announces a change of meta alone, but not a status that names its peer and changes nothing', async () => {
    const listener = await openListener();
    const producer = await openProducer({ a: 1, b: 2 });
    await listener.next();
    producer.send({ type: 'setPeerStatus', roles: ['producer'], meta: { b: 2, a: 1 }, peerId: producer.id });
    producer.send({ type: 'setPeerStatus', roles: ['producer'], meta: 7, peerId: producer.id });
    const changed = { type: 'peerStatusChanged', roles: ['producer'], meta: 7, peerId: producer.id };
    expect(await listener.next()).toEqual(changed);
    // Without the id it does not equal the stored status, which has one.
    producer.send({ type: 'setPeerStatus', roles: ['producer'], meta: 7 });
    expect(await listener.next()).toEqual(changed);
  });

  it('ignores an empty first status', async () => {
    const listener = await openListener();
    const peer = await open();
    peer.send({ type: 'setPeerStatus', roles: [], meta: null });
    expect(await peer.others()).toEqual([]);
    expect(await listener.others()).toEqual([]);
  });

  it('ends the sessions of a passive consumer that stops consuming, then tells the listeners', async () => {
    const producer = await open({ roles: ['producer', 'listener'] });
    const consumer = await open({ roles: ['consumer'] });
    await producer.next();
    const sessionId = await startSession(consumer, producer, true);
    consumer.send({ type: 'setPeerStatus', roles: [], meta: null });
    expect(await producer.next()).toEqual({ type: 'endSession', sessionId });
    expect(await producer.next()).toEqual({ type: 'peerStatusChanged', roles: [], meta: null, peerId: consumer.id });
    expect(await consumer.others()).toEqual([]);
    expect(server.sessionCount).toBe(0);
  });

  it('lets a peer change its roles as often as it likes; whoever stops listening is told nothing more', async () => {
    const [listener, peer] = [await openListener(), await open()];
    const list = async (type: string): Promise<unknown> => {
      peer.send({ type });
      return peer.next();
    };
    const entry = [{ id: peer.id, meta: null }];
    for (const role of ['producer', 'consumer', 'producer']) {
      peer.send({ type: 'setPeerStatus', roles: [role] });
      expect(await listener.next()).toMatchObject({ roles: [role] });
      expect(await list('list')).toEqual({ type: 'list', producers: role === 'producer' ? entry : [] });
      expect(await list('listConsumers')).toEqual({ type: 'listConsumers', consumers: role === 'consumer' ? entry : [] });
    }
    listener.send({ type: 'setPeerStatus', roles: [] });
    expect(await listener.others()).toEqual([]);
    peer.send({ type: 'setPeerStatus', roles: [] });
    await peer.others();
    expect(await listener.others()).toEqual([]);
  });

  it('announces the departure of a peer that never had a role', async () => {
    const listener = await openListener();
    const peer = await open();
    await peer.close();
    expect(await listener.next()).toEqual({ type: 'peerStatusChanged', roles: [], meta: null, peerId: peer.id });
  });
});

describe('refusals that leave everything as it is', () => {
  it('E2: the version after another message', async () => {
    const client = await open();
    client.send({ type: 'list' });
    await client.next();
    client.send({ type: 'setProtocolVersion', version: 'v1_1' });
    expect(await client.next()).toEqual({ type: 'error', details: expect.stringContaining(client.id) });
  });

  it('E3: producer and consumer at once', async () => {
    const client = await openProducer({ name: 'cam' });
    client.send({ type: 'setPeerStatus', roles: ['producer', 'consumer'], meta: null });
    expect(await client.next()).toEqual({ type: 'error', details: expect.stringContaining(client.id) });
    client.send({ type: 'list' });
    expect(await client.next()).toEqual({ type: 'list', producers: [{ id: client.id, meta: { name: 'cam' } }] });
  });

  it('E5: a session with a peer that is neither producer nor consumer', async () => {
    const [client, listener] = [await open(), await openListener()];
    client.send({ type: 'startSession', peerId: listener.id });
    const error = await client.next();
    expect(error).toEqual({ type: 'error', details: expect.stringContaining(client.id) });
    expect(error.details).toContain(listener.id);
    expect(error.details).toContain('listener');
  });

  it('E7: a stranger who forwards into a session or ends it', async () => {
    const [producer, consumer, stranger] = [await openProducer(), await open(), await open11()];
    const sessionId = await startSession(consumer, producer);
    for (const message of [
      { type: 'peer', sessionId, sdp: answer },
      { type: 'endSession', sessionId },
      { type: 'endSessionV1_1', sessionId, error: 'x' },
    ]) {
      stranger.send(message);
      const error = await stranger.next();
      expect(error).toEqual({ type: 'error', details: expect.stringContaining(stranger.id) });
      expect(error.details).toContain(sessionId);
    }
    producer.send({ type: 'peer', sessionId, sdp: offer });
    expect(await consumer.next()).toEqual({ type: 'peer', sessionId, sdp: offer });
    expect(await producer.others()).toEqual([]);
  });

  it('a "newPeer" from the network changes nothing', async () => {
    const [producer, consumer] = [await open11({ roles: ['producer'], meta: 1 }), await open11()];
    const sessionId = await startSession(consumer, producer);
    producer.send({ type: 'newPeer' });
    producer.send({ type: 'list' });
    expect(await producer.next()).toEqual({ type: 'list', producers: [{ id: producer.id, meta: 1 }] });
    producer.send({ type: 'endSessionV1_1', sessionId, error: 'x' });
    expect(await consumer.next()).toEqual({ type: 'endSessionV1_1', sessionId, error: 'x' });
  });

  it('messages for unknown sessions are dropped without a reply', async () => {
    const client = await open11();
    client.send({ type: 'peer', sessionId: 'none', sdp: offer });
    client.send({ type: 'endSession', sessionId: 'none' });
    client.send({ type: 'endSessionV1_1', sessionId: 'none', error: 'x' });
    expect(await client.others()).toEqual([]);
  });
});

describe('an offer of the consumer', () => {
  it('travels in startSession, and the producer answers it', async () => {
    const [producer, consumer] = [await openProducer(), await open()];
    consumer.send({ type: 'startSession', peerId: producer.id, offer: offer.sdp });
    const { sessionId } = await consumer.next();
    expect(await producer.next()).toEqual({ type: 'startSession', peerId: consumer.id, sessionId, offer: offer.sdp });
    producer.send({ type: 'peer', sessionId, sdp: answer });
    expect(await consumer.next()).toEqual({ type: 'peer', sessionId, sdp: answer });
  });
});
