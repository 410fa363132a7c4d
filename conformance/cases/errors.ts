/** The refusals of the server (reference §1.6), under their numbers: each to the requester alone, and none changes anything. */
import type { Case } from '../case.ts';
import { protocolVersions } from '../features.ts';
import { candidate, endedV11, isGone, lists, lives, OFFER, pair, passivePair } from '../setup.ts';
import type { World } from '../world.ts';

const reference = '§1.6';

/** A peer that does not belong to a session of others tries to end it. */
async function endByStranger(world: World, message: { type: string; error?: string }) {
  const session = await pair(world);
  const stranger = await world.open('the stranger', { version: 'v1_1' });
  stranger.send({ ...message, sessionId: session.id });
  await world.refused(stranger, stranger.id, session.id);
  return session;
}

const onlyMembers = {
  why: 'Whoever learns of an id must not be able to end the session of others (S2).',
  instead: 'deletes the session, then refuses; neither member is told',
};

export const errors: readonly Case[] = [
  {
    id: 'E1a',
    title: 'refuses the status of a peer it never welcomed',
    reference,
    unreachable: 'Whoever is connected has been welcomed.',
    coveredBy: 'E1: status',
  },
  {
    id: 'E1b',
    title: 'refuses the version of a peer it never welcomed',
    reference,
    unreachable: 'Whoever is connected has been welcomed.',
    coveredBy: 'E1: version',
  },
  {
    id: 'E2',
    title: 'refuses the version behind another message, naming the peer',
    reference,
    needs: protocolVersions,
    run: async (world) => {
      const { id, producer, consumer } = await pair(world, { producer: { version: 'v1_1' } });
      consumer.send({ type: 'setProtocolVersion', version: 'v1_1' });
      await world.refused(consumer, consumer.id);
      producer.send({ type: 'endSessionV1_1', sessionId: id, error: 'x' });
      await world.heard([consumer, { type: 'endSession', sessionId: id }]);
    },
  },
  {
    id: 'E3',
    title: 'refuses the roles of producer and consumer at once, naming the peer',
    reference,
    run: async (world) => {
      const session = await pair(world, { producer: { meta: { name: 'cam' } } });
      await world.open('the listener', { roles: ['listener'] });
      const { producer } = session;
      producer.send({ type: 'setPeerStatus', roles: ['producer', 'consumer'], meta: null });
      await world.refused(producer, producer.id);
      await lists(world, producer, [{ id: producer.id, meta: { name: 'cam' } }]);
      await lives(world, session);
    },
  },
  {
    id: 'E4a',
    title: 'refuses a session of a requester it does not know, naming it and not the target',
    reference,
    unreachable: 'Whoever is connected is known.',
    coveredBy: 'E4: session, both unknown, names the requester',
  },
  {
    id: 'E4b',
    title: 'refuses a session with a peer that has left, naming it',
    reference,
    run: async (world) => {
      const { consumer, producer, id } = await pair(world);
      await producer.leave(1000);
      await world.heard([consumer, { type: 'endSession', sessionId: id }]);
      consumer.send({ type: 'startSession', peerId: producer.id });
      await world.refused(consumer, producer.id);
    },
  },
  {
    id: 'E5a',
    title: 'refuses a session with a peer without a role, naming both',
    reference,
    run: async (world) => {
      const [requester, target] = [await world.open('the requester'), await world.open('the target')];
      requester.send({ type: 'startSession', peerId: target.id });
      await world.refused(requester, requester.id, target.id);
    },
  },
  {
    id: 'E5b',
    title: 'refuses a session with a mere listener, naming both and their roles',
    reference,
    run: async (world) => {
      const target = await world.open('the target', { roles: ['listener'] });
      const requester = await world.open('the requester', { roles: ['producer'] });
      await world.heard([target, { type: 'peerStatusChanged', roles: ['producer'], meta: null, peerId: requester.id }]);
      requester.send({ type: 'startSession', peerId: target.id });
      // The original writes roles with a capital.
      await world.refused(requester, requester.id, target.id, 'istener', 'roducer');
    },
  },
  {
    id: 'E6',
    title: 'refuses an offer from a passive consumer, naming both parties',
    reference,
    run: async (world) => {
      const { id, producer, consumer } = await passivePair(world);
      consumer.send({ type: 'peer', sessionId: id, sdp: OFFER });
      await world.refused(consumer, consumer.id, producer.id);
    },
  },
  {
    id: 'E7a',
    title: 'refuses what a stranger forwards into a session, naming the stranger and the session',
    reference,
    run: async (world) => {
      const session = await pair(world);
      const stranger = await world.open('the stranger');
      for (const payload of [{ sdp: OFFER }, { ice: candidate(0) }]) {
        stranger.send({ type: 'peer', sessionId: session.id, ...payload });
        await world.refused(stranger, stranger.id, session.id);
      }
      await lives(world, session);
    },
  },
  {
    id: 'E7b',
    title: 'refuses a stranger that ends a session, and leaves the session alone',
    reference,
    run: async (world) => lives(world, await endByStranger(world, { type: 'endSession' })),
    differs: {
      ...onlyMembers,
      original: async (world) => isGone(world, await endByStranger(world, { type: 'endSession' })),
    },
  },
  {
    id: 'E7c',
    title: 'refuses a stranger that ends a session with an error, and leaves the session alone',
    reference,
    needs: protocolVersions,
    run: async (world) => lives(world, await endByStranger(world, { type: 'endSessionV1_1', error: 'x' })),
    differs: {
      ...onlyMembers,
      original: async (world) => isGone(world, await endByStranger(world, { type: 'endSessionV1_1', error: 'x' })),
    },
  },
  {
    id: 'E8',
    title: 'refuses an end with an error from a peer that has chosen 1.0, naming it and the version it takes',
    reference,
    needs: protocolVersions,
    run: async (world) => {
      const { id, producer, consumer } = await pair(world, { producer: { version: 'v1_0' }, consumer: { version: 'v1_1' } });
      producer.send({ type: 'endSessionV1_1', sessionId: id, error: '' });
      await world.refused(producer, producer.id, '1.1');
      producer.send({ type: 'endSessionV1_1', sessionId: id, error: null });
      await world.heard([consumer, endedV11(id, null)]);
    },
    differs: {
      why: 'A refused request must change nothing: otherwise the other party waits for a session that is gone (S3).',
      instead: 'deletes the session and does not tell the other party',
      original: async (world) => {
        const session = await pair(world, { producer: { version: 'v1_0' }, consumer: { version: 'v1_1' } });
        session.producer.send({ type: 'endSessionV1_1', sessionId: session.id, error: '' });
        await world.refused(session.producer, session.producer.id, '1.1');
        await isGone(world, session);
      },
    },
  },
];
