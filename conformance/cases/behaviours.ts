/** What the original's own tests of its server cover (reference §1.10), under their numbers. */
import type { Case } from '../case.ts';
import { Difference } from '../difference.ts';
import { protocolVersions } from '../features.ts';
import {
  ANSWER,
  candidate,
  changed,
  ended,
  endedV11,
  isGone,
  isUuid,
  lists,
  listsConsumers,
  lives,
  OFFER,
  pair,
  passivePair,
  start,
} from '../setup.ts';
import type { World } from '../world.ts';

const reference = '§1.10';

/** The consumer, at 1.0, tries to end its session with an error. */
async function endWithErrorAt10(world: World) {
  const session = await pair(world);
  session.consumer.send({ type: 'endSessionV1_1', sessionId: session.id, error: 'x' });
  await world.refused(session.consumer, session.consumer.id, '1.1');
  return session;
}

export const behaviours: readonly Case[] = [
  {
    id: 'B1',
    title: 'registers a welcomed peer as producer without any reply',
    reference,
    run: async (world) => {
      const peer = await world.open('the producer');
      peer.send({ type: 'setPeerStatus', roles: ['producer'] });
      await world.heard();
      await lists(world, peer, [{ id: peer.id, meta: null }]);
    },
  },
  {
    id: 'B2',
    title: 'lists the producers to anybody, with their meta intact',
    reference,
    run: async (world) => {
      const meta = { name: 'cam', nested: { a: [1, 2.5, null, 'ä'] } };
      const producer = await world.open('the producer', { roles: ['producer'], meta });
      await lists(world, await world.open('a peer without a role'), [{ id: producer.id, meta }]);
    },
  },
  {
    id: 'B3',
    title: 'welcomes each connection with an id of its own',
    reference,
    run: async (world) => {
      const [first, second] = [await world.open('the first'), await world.open('the second')];
      for (const { id, name } of [first, second]) isUuid(id, `The id of ${name}`);
      if (first.id === second.id) throw new Difference(`Both peers have the id ${first.id}`);
    },
  },
  {
    id: 'B4',
    title: 'tells a listener that another peer has become a producer',
    reference,
    run: async (world) => {
      const listener = await world.open('the listener', { roles: ['listener'] });
      const producer = await world.open('the producer', { roles: ['producer'], meta: { name: 'cam' } });
      await world.heard([listener, changed(producer, ['producer'], { name: 'cam' })]);
    },
  },
  {
    id: 'B5',
    title: 'starts a session: sessionStarted to the consumer first, then startSession to the producer, with the same id',
    reference,
    run: async (world) => {
      await pair(world);
      // Only a peer in session with itself sees the order.
      const both = await world.open('the peer in session with itself', { roles: ['producer'] });
      await start(world, both, both);
    },
  },
  {
    id: 'B6',
    title: 'ends the sessions of a producer that goes, then tells the listeners',
    reference,
    run: async (world) => {
      const { id, producer, consumer } = await pair(world, {
        producer: { meta: { name: 'cam' } },
        consumer: { roles: ['listener'] },
      });
      await producer.leave(1000);
      await world.heard([consumer, ended(id), changed(producer, [], { name: 'cam' })]);
    },
  },
  {
    id: 'B7',
    title: 'tells the producer that the consumer has ended the session',
    reference,
    run: async (world) => {
      const session = await pair(world);
      session.consumer.send({ type: 'endSession', sessionId: session.id });
      await world.heard([session.producer, ended(session.id)]);
      await isGone(world, session);
    },
  },
  {
    id: 'B8',
    title: 'tells the producer that the consumer has disconnected',
    reference,
    run: async (world) => {
      const { id, producer, consumer } = await pair(world);
      await consumer.leave(1000);
      await world.heard([producer, ended(id)]);
    },
  },
  {
    id: 'B9',
    title: 'tells the consumer that the producer has ended the session',
    reference,
    run: async (world) => {
      const session = await pair(world);
      session.producer.send({ type: 'endSession', sessionId: session.id });
      await world.heard([session.consumer, ended(session.id)]);
      await isGone(world, session);
    },
  },
  {
    id: 'B10',
    title: 'refuses an end with an error from a peer at 1.0, and leaves its session alone',
    reference,
    needs: protocolVersions,
    run: async (world) => lives(world, await endWithErrorAt10(world)),
    differs: {
      why: 'A refused request must change nothing: otherwise the other party waits for a session that is gone (S3).',
      instead: 'deletes the session and does not tell the other party',
      original: async (world) => isGone(world, await endWithErrorAt10(world)),
    },
  },
  {
    id: 'B11',
    title: 'drops the error of an end towards a consumer at 1.0',
    reference,
    needs: protocolVersions,
    run: async (world) => {
      const { id, producer, consumer } = await pair(world, { producer: { version: 'v1_1' } });
      producer.send({ type: 'endSessionV1_1', sessionId: id, error: 'out of film' });
      await world.heard([consumer, ended(id)]);
    },
  },
  {
    id: 'B12',
    title: 'passes the error of an end on between two peers at 1.1',
    reference,
    needs: protocolVersions,
    run: async (world) => {
      const { id, producer, consumer } = await pair(world, { producer: { version: 'v1_1' }, consumer: { version: 'v1_1' } });
      producer.send({ type: 'endSessionV1_1', sessionId: id, error: 'out of film' });
      await world.heard([consumer, endedV11(id, 'out of film')]);
    },
  },
  {
    id: 'B13',
    title: "forwards the producer's offer unchanged",
    reference,
    run: async (world) => {
      const { id, producer, consumer } = await pair(world);
      producer.send({ type: 'peer', sessionId: id, sdp: OFFER });
      await world.heard([consumer, { type: 'peer', sessionId: id, sdp: OFFER }]);
    },
  },
  {
    id: 'B14',
    title: 'forwards candidates both ways with their index',
    reference,
    run: async (world) => {
      const { id, producer, consumer } = await pair(world);
      producer.send({ type: 'peer', sessionId: id, ice: candidate(1) });
      await world.heard([consumer, { type: 'peer', sessionId: id, ice: candidate(1) }]);
      consumer.send({ type: 'peer', sessionId: id, ice: candidate(0) });
      await world.heard([producer, { type: 'peer', sessionId: id, ice: candidate(0) }]);
    },
  },
  {
    id: 'B15',
    title: 'refuses an offer from the consumer, and leaves the session alone',
    reference,
    run: async (world) => {
      const session = await pair(world);
      session.consumer.send({ type: 'peer', sessionId: session.id, sdp: OFFER });
      await world.refused(session.consumer, session.consumer.id, session.producer.id);
      session.consumer.send({ type: 'peer', sessionId: session.id, sdp: ANSWER });
      await world.heard([session.producer, { type: 'peer', sessionId: session.id, sdp: ANSWER }]);
    },
  },
  {
    id: 'B16',
    title: 'refuses a session with an unknown target, naming it',
    reference,
    run: async (world) => {
      const peer = await world.open('the consumer');
      peer.send({ type: 'startSession', peerId: 'nobody of this name' });
      await world.refused(peer, 'nobody of this name');
    },
  },
  {
    id: 'B17',
    title: 'ends the sessions of a producer that sets empty roles',
    reference,
    run: async (world) => {
      const session = await pair(world);
      session.producer.send({ type: 'setPeerStatus', roles: [] });
      await world.heard([session.consumer, ended(session.id)]);
      await isGone(world, session);
    },
  },
  {
    id: 'B18',
    title: "tells the consumer of the session's end before it tells the listener of the producer's empty roles",
    reference,
    run: async (world) => {
      // One peer is both: the order between two connections cannot be seen.
      const { id, producer, consumer } = await pair(world, { consumer: { roles: ['listener'] } });
      producer.send({ type: 'setPeerStatus', roles: [] });
      await world.heard([consumer, ended(id), changed(producer, [])]);
    },
  },
  {
    id: 'B19',
    title: 'refuses a session of an unknown requester, naming it',
    reference,
    unreachable: 'Whoever is connected is known.',
    coveredBy: 'E4 (behaviour 19): session',
  },
  {
    id: 'B20',
    title: 'gives two sessions of the same two peers two ids',
    reference,
    run: async (world) => {
      const first = await pair(world);
      const second = await start(world, first.consumer, first.producer);
      if (first.id === second.id) throw new Difference(`Both sessions have the id ${first.id}`);
      await lives(world, first);
      await lives(world, second);
    },
  },
  {
    id: 'B21',
    title: 'refuses a second choice of the version, and keeps the first',
    reference,
    needs: protocolVersions,
    run: async (world) => {
      const { id, producer, consumer } = await pair(world, { producer: { version: 'v1_1' }, consumer: { version: 'v1_1' } });
      consumer.send({ type: 'setProtocolVersion', version: 'v1_0' });
      await world.refused(consumer, consumer.id);
      producer.send({ type: 'endSessionV1_1', sessionId: id, error: 'x' });
      await world.heard([consumer, endedV11(id, 'x')]);
    },
  },
  {
    id: 'B22',
    title: 'keeps the consumer session of a peer that stops producing',
    reference,
    run: async (world) => {
      const other = await world.open('the other producer', { roles: ['producer'] });
      const produced = await pair(world);
      const consumed = await start(world, produced.producer, other);
      produced.producer.send({ type: 'setPeerStatus', roles: [] });
      await world.heard([produced.consumer, ended(produced.id)]);
      await lives(world, consumed);
    },
  },
  {
    id: 'B23',
    title: 'lets a producer start a session towards a passive consumer',
    reference,
    run: async (world) => {
      const session = await passivePair(world, { consumer: { meta: { screen: 1 } } });
      await listsConsumers(world, session.producer, [{ id: session.consumer.id, meta: { screen: 1 } }]);
      session.producer.send({ type: 'peer', sessionId: session.id, sdp: OFFER });
      await world.heard([session.consumer, { type: 'peer', sessionId: session.id, sdp: OFFER }]);
    },
  },
];
