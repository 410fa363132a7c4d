/** Sessions (reference §1.5): who may start one with whom, who may send what in it, and every way in which it ends. */
import { type Case, numbered, type Rule } from '../case.ts';
import type { Json, Peer } from '../peer.ts';
import {
  ANSWER,
  candidate,
  changed,
  ended,
  heardInAnyOrder,
  isGone,
  lives,
  OFFER,
  pair,
  passivePair,
  type Session,
  start,
  started,
} from '../setup.ts';
import type { World } from '../world.ts';

/** A starts a session with B; which of them is the producer. */
const startable = (a: readonly string[], b: readonly string[], producer: 'A' | 'B'): Rule => ({
  title: `${named(a)} starts a session with ${named(b)}: ${producer === 'A' ? 'the starter' : 'the other'} is the producer`,
  run: async (world) => {
    const starter = await world.open('the starter', a.length > 0 ? { roles: a } : {});
    const other = await world.open('the other', { roles: b });
    if (a.includes('listener')) await world.heard([starter, changed(other, b)]);
    starter.send({ type: 'startSession', peerId: other.id });
    const [consumer, its] = producer === 'A' ? [other, starter] : [starter, other];
    await lives(world, await started(world, consumer, its));
  },
});

const named = (roles: readonly string[]): string => (roles.length > 0 ? roles.join(' and ') : 'nobody in particular');

type Setup = (world: World) => Promise<Session>;
const ways: [string, Setup][] = [
  ['a session that its consumer started', pair],
  ['a session that its producer started', passivePair],
];

/** What a party may send in a session, whoever has started it. */
const mayForward = (who: 'producer' | 'consumer', what: string, payloads: readonly Json[]): Rule[] =>
  ways.map(([session, setup]) => ({
    title: `forwards ${what} of the ${who} in ${session}`,
    run: async (world) => {
      const { id, producer, consumer } = await setup(world);
      const [from, to] = who === 'producer' ? [producer, consumer] : [consumer, producer];
      const messages = payloads.map((payload) => ({ type: 'peer', sessionId: id, ...payload }));
      for (const message of messages) from.send(message);
      await world.heard([to, ...messages]);
    },
  }));

/** A peer that produces in one session and consumes in another, both with a listener that was told nothing yet. */
async function inBothRoles(world: World) {
  const other = await world.open('the other', { roles: ['producer', 'listener'] });
  const both = await world.open('the peer in both roles', { roles: ['producer'], meta: 'both' });
  await world.heard([other, changed(both, ['producer'], 'both')]);
  const consumed = await start(world, both, other);
  const produced = await start(world, other, both);
  return { other, both, consumed, produced };
}

/** Three sessions of the same two peers. */
async function threeSessions(world: World) {
  const first = await pair(world);
  const { producer, consumer } = first;
  const sessions = [first, await start(world, consumer, producer), await start(world, consumer, producer)];
  return { producer, consumer, ends: sessions.map(({ id }) => ended(id)) };
}

/** The end of several sessions at once. */
const severalEnds = (title: string, end: (producer: Peer) => unknown): Rule => ({
  title,
  run: async (world) => {
    const { producer, consumer, ends } = await threeSessions(world);
    await end(producer);
    await world.heard([consumer, ...ends]);
  },
  differs: {
    why: 'Sessions end in the order in which they started, so that the same events always have the same effect.',
    instead: 'tells of them in any order',
    original: async (world) => {
      const { producer, consumer, ends } = await threeSessions(world);
      await end(producer);
      await heardInAnyOrder(world, consumer, ...ends);
    },
  },
});

export const sessionCases: readonly Case[] = numbered('S', '§1.5', [
  startable([], ['producer'], 'B'),
  startable(['listener'], ['producer', 'listener'], 'B'),
  startable(['consumer'], ['producer'], 'B'),
  startable(['producer'], ['producer'], 'B'),
  startable(['producer'], ['consumer'], 'A'),
  startable(['producer', 'listener'], ['consumer', 'listener'], 'A'),
  startable([], ['consumer'], 'A'),
  startable(['consumer'], ['consumer'], 'A'),
  {
    title: 'starts a session of a producer with itself, and tells it as consumer first',
    run: async (world) => {
      const peer = await world.open('the peer', { roles: ['producer'] });
      peer.send({ type: 'startSession', peerId: peer.id, offer: OFFER.sdp });
      await started(world, peer, peer, OFFER.sdp);
    },
  },
  {
    title: 'starts a session of a consumer with itself',
    run: async (world) => {
      const peer = await world.open('the peer', { roles: ['consumer'] });
      await start(world, peer, peer);
    },
  },
  {
    title: 'takes a peer in session with itself for the producer that it is',
    run: async (world) => {
      const peer = await world.open('the peer', { roles: ['producer'] });
      const { id } = await start(world, peer, peer);
      const message = { type: 'peer', sessionId: id, sdp: OFFER };
      peer.send(message);
      await world.heard([peer, message]);
    },
    differs: {
      why: 'Whoever is the producer of a session may make an offer in it.',
      instead: 'takes it for the consumer alone, and refuses its offer',
      original: async (world) => {
        const peer = await world.open('the peer', { roles: ['producer'] });
        const { id } = await start(world, peer, peer);
        peer.send({ type: 'peer', sessionId: id, sdp: OFFER });
        await world.refused(peer, peer.id);
      },
    },
  },
  {
    title: 'forwards candidates and answers to a peer in session with itself, and tells it of the end that it asked for',
    run: async (world) => {
      const peer = await world.open('the peer', { roles: ['producer'] });
      const { id } = await start(world, peer, peer);
      const messages = [{ ice: candidate(0) }, { sdp: ANSWER }].map((payload) => ({ type: 'peer', sessionId: id, ...payload }));
      for (const message of messages) peer.send(message);
      await world.heard([peer, ...messages]);
      peer.send({ type: 'endSession', sessionId: id });
      await world.heard([peer, ended(id)]);
    },
  },
  {
    title: 'gives an offer to the producer that started the session itself, as it does to others',
    run: async (world) => {
      const producer = await world.open('the producer', { roles: ['producer'] });
      const consumer = await world.open('the consumer', { roles: ['consumer'] });
      producer.send({ type: 'startSession', peerId: consumer.id, offer: OFFER.sdp });
      await started(world, consumer, producer, OFFER.sdp);
    },
  },
  {
    title: 'tells no listener of sessions',
    run: async (world) => {
      const producer = await world.open('the producer', { roles: ['producer'] });
      const consumer = await world.open('the consumer');
      await world.open('the listener', { roles: ['listener'] });
      const { id } = await start(world, consumer, producer);
      consumer.send({ type: 'endSession', sessionId: id });
      await world.heard([producer, ended(id)]);
    },
  },
  {
    title: 'lets one consumer have sessions with several producers, and one producer with several consumers',
    run: async (world) => {
      const first = await pair(world);
      const producer = await world.open('the second producer', { roles: ['producer'] });
      const consumer = await world.open('the second consumer');
      const sessions = [first, await start(world, first.consumer, producer), await start(world, consumer, first.producer)];
      for (const session of sessions) await lives(world, session);
    },
  },
  {
    title: 'ends one of two sessions of the same peers and keeps the other',
    run: async (world) => {
      const first = await pair(world);
      const second = await start(world, first.consumer, first.producer);
      first.consumer.send({ type: 'endSession', sessionId: first.id });
      await world.heard([first.producer, ended(first.id)]);
      await isGone(world, first);
      await lives(world, second);
    },
  },
  ...mayForward('producer', 'the offers and renewed offers', [{ sdp: OFFER }, { sdp: OFFER }]),
  ...mayForward('producer', 'the answer', [{ sdp: ANSWER }]),
  ...mayForward('producer', 'the candidates', [{ ice: candidate(0) }, { ice: candidate(1) }]),
  ...mayForward('consumer', 'the answer', [{ sdp: ANSWER }]),
  ...mayForward('consumer', 'the candidates', [{ ice: candidate(0) }, { ice: candidate(1) }]),
  ...ways.map(([session, setup]) => ({
    title: `refuses the consumer's offer in ${session}, and leaves the session alone`,
    run: async (world: World) => {
      const its = await setup(world);
      its.consumer.send({ type: 'peer', sessionId: its.id, sdp: OFFER });
      await world.refused(its.consumer, its.consumer.id, its.producer.id);
      await lives(world, its);
    },
  })),
  {
    title: "lets the producer answer the consumer's offer, and go on with offers of its own",
    run: async (world) => {
      const producer = await world.open('the producer', { roles: ['producer'] });
      const consumer = await world.open('the consumer');
      consumer.send({ type: 'startSession', peerId: producer.id, offer: OFFER.sdp });
      const { id } = await started(world, consumer, producer, OFFER.sdp);
      const messages = [ANSWER, OFFER].map((sdp) => ({ type: 'peer', sessionId: id, sdp }));
      for (const message of messages) producer.send(message);
      await world.heard([consumer, ...messages]);
    },
  },
  {
    title: 'keeps the order of messages of one session',
    run: async (world) => {
      const { id, producer, consumer } = await pair(world);
      const messages = Array.from({ length: 30 }, (_, index) => ({ type: 'peer', sessionId: id, ice: candidate(index) }));
      for (const message of messages) producer.send(message);
      await world.heard([consumer, ...messages]);
    },
  },
  {
    title: 'drops what is said in an unknown session without a reply',
    run: async (world) => {
      const peer = await world.open('the peer', { roles: ['producer'] });
      for (const payload of [{ sdp: OFFER }, { sdp: ANSWER }, { ice: candidate(0) }])
        peer.send({ type: 'peer', sessionId: 'none', ...payload });
      await world.heard();
    },
  },
  {
    title: 'drops the end of an unknown session without a reply',
    run: async (world) => {
      const peer = await world.open('the peer', { version: 'v1_1' });
      peer.send({ type: 'endSession', sessionId: 'none' });
      peer.send({ type: 'endSessionV1_1', sessionId: 'none', error: 'x' });
      await world.heard();
    },
  },
  {
    title: 'drops the end of an unknown session with an error from a peer at 1.0 too',
    run: async (world) => {
      const peer = await world.open('the peer');
      peer.send({ type: 'endSessionV1_1', sessionId: 'none', error: 'x' });
      await world.heard();
    },
  },
  {
    title: 'drops a second end of the same session',
    run: async (world) => {
      const { id, producer, consumer } = await pair(world);
      consumer.send({ type: 'endSession', sessionId: id });
      await world.heard([producer, ended(id)]);
      for (const peer of [producer, consumer]) peer.send({ type: 'endSession', sessionId: id });
      await world.heard();
    },
  },
  {
    title: 'ends a session in which a peer without the role produces, when it disconnects',
    run: async (world) => {
      const { id, producer, consumer } = await passivePair(world, { producer: { roles: [] } });
      await producer.leave(1000);
      await world.heard([consumer, ended(id)]);
    },
  },
  {
    title: 'tells of a departure: what the peer produced ends, then what it consumed, then its status goes',
    run: async (world) => {
      const { other, both, consumed, produced } = await inBothRoles(world);
      await both.leave(1000);
      await world.heard([other, ended(produced.id), ended(consumed.id), changed(both, [], 'both')]);
    },
  },
  {
    title: 'tells of a peer that vanishes without a word likewise',
    run: async (world) => {
      const { other, both, consumed, produced } = await inBothRoles(world);
      await both.vanish();
      await world.heard([other, ended(produced.id), ended(consumed.id), changed(both, [], 'both')]);
    },
  },
  {
    title: 'tells of the departure of a peer that never had a role',
    run: async (world) => {
      const listener = await world.open('the listener', { roles: ['listener'] });
      const peer = await world.open('the peer');
      await peer.leave(1000);
      await world.heard([listener, changed(peer, [])]);
    },
  },
  {
    title: 'tells of the departure of a peer without a role with its last meta',
    run: async (world) => {
      const listener = await world.open('the listener', { roles: ['listener'] });
      const peer = await world.open('the peer', { roles: [], meta: { last: true } });
      await world.heard([listener, changed(peer, [], { last: true })]);
      await peer.leave(1000);
      await world.heard([listener, changed(peer, [], { last: true })]);
    },
  },
  {
    title: 'takes a peer that has left off the lists',
    run: async (world) => {
      const { producer, consumer, id } = await passivePair(world);
      await producer.leave(1000);
      await world.heard([consumer, ended(id)]);
      consumer.send({ type: 'list' });
      await world.heard([consumer, { type: 'list', producers: [] }]);
    },
  },
  severalEnds('ends the sessions of a producer that leaves in the order in which they started', (producer) =>
    producer.leave(1000),
  ),
  severalEnds('ends the sessions of a peer that stops producing in the order in which they started', (producer) =>
    producer.send({ type: 'setPeerStatus', roles: [] }),
  ),
]);
