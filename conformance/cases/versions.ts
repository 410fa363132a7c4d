/** Protocol versions (reference §1.3): how a peer chooses, and in whose words a session's end is told. */
import { type Case, numbered, type Rule } from '../case.ts';
import { protocolVersions } from '../features.ts';
import type { Json, Peer } from '../peer.ts';
import { ended, endedV11, pair, passivePair, type Session, start } from '../setup.ts';
import type { World } from '../world.ts';

type Version = 'v1_0' | 'v1_1';
const versions: readonly Version[] = ['v1_0', 'v1_1'];
const spelt = (version: Version): string => version.slice(1).replace('_', '.');

/** The end of a session as a peer at `version` hears it. */
const toldOf = (version: Version, { id }: Session, error: string | null): Json =>
  version === 'v1_0' ? ended(id) : endedV11(id, error);

/** Every message that ends a session, of a party at `from`, as the other at `to` hears it. */
const translations = (ender: 'producer' | 'consumer', from: Version, to: Version): Rule[] => {
  const other = ender === 'producer' ? 'consumer' : 'producer';
  const ways: [what: string, message: Json, error: string | null][] = [
    ['endSession', { type: 'endSession' }, null],
    ['endSessionV1_1 without an error', { type: 'endSessionV1_1', error: null }, null],
  ];
  if (from === 'v1_1') ways.push(['endSessionV1_1 with an error', { type: 'endSessionV1_1', error: 'x' }, 'x']);
  return ways.map(([what, message, error]) => ({
    title: `tells a ${other} at ${spelt(to)} of the ${what} of a ${ender} at ${spelt(from)}`,
    run: async (world) => {
      const session = await pair(world, { [ender]: { version: from }, [other]: { version: to } });
      session[ender].send({ ...message, sessionId: session.id });
      await world.heard([session[other], toldOf(to, session, error)]);
    },
  }));
};

/** Ends that nobody asked for, as a party at `version` hears them: never with an error. */
const silentEnds = (version: Version): Rule[] => {
  const told = `tells a party at ${spelt(version)}`;
  return [
    {
      title: `${told} that the producer has left`,
      run: async (world) => {
        const session = await pair(world, { producer: { version: 'v1_1' }, consumer: { version } });
        await session.producer.leave(1000);
        await world.heard([session.consumer, toldOf(version, session, null)]);
      },
    },
    {
      title: `${told} that the consumer has left`,
      run: async (world) => {
        const session = await pair(world, { producer: { version }, consumer: { version: 'v1_1' } });
        await session.consumer.leave(1000);
        await world.heard([session.producer, toldOf(version, session, null)]);
      },
    },
    {
      title: `${told} that the producer has stopped producing`,
      run: async (world) => {
        const session = await pair(world, { producer: { version: 'v1_1' }, consumer: { version } });
        session.producer.send({ type: 'setPeerStatus', roles: [] });
        await world.heard([session.consumer, toldOf(version, session, null)]);
      },
    },
    {
      title: `${told} that the consumer has stopped consuming`,
      run: async (world) => {
        const session = await passivePair(world, { producer: { version }, consumer: { version: 'v1_1' } });
        session.consumer.send({ type: 'setPeerStatus', roles: [] });
        await world.heard([session.producer, toldOf(version, session, null)]);
      },
    },
  ];
};

/** A peer that has done something first may not choose any more, and stays at 1.0. */
const tooLate = (what: string, first: (world: World, peer: Peer) => Promise<void>): Rule => ({
  title: `refuses the choice of a version behind ${what}, and leaves the version as it was`,
  run: async (world) => {
    const peer = await world.open('the peer that is late');
    await first(world, peer);
    peer.send({ type: 'setProtocolVersion', version: 'v1_1' });
    await world.refused(peer, peer.id);
    const producer = await world.open('the producer', { version: 'v1_1', roles: ['producer'] });
    const { id } = await start(world, peer, producer);
    producer.send({ type: 'endSessionV1_1', sessionId: id, error: 'x' });
    await world.heard([peer, ended(id)]);
  },
});

/** A peer that has sent what is no message may still choose. */
const inTime = (what: string, first: (peer: Peer) => void): Rule => ({
  title: `takes the choice of a version behind ${what}`,
  run: async (world) => {
    const producer = await world.open('the producer', { version: 'v1_1', roles: ['producer'] });
    const peer = await world.open('the peer that chooses');
    first(peer);
    peer.send({ type: 'setProtocolVersion', version: 'v1_1' });
    const { id } = await start(world, peer, producer);
    producer.send({ type: 'endSessionV1_1', sessionId: id, error: 'x' });
    await world.heard([peer, endedV11(id, 'x')]);
  },
});

const rules: Rule[] = [
  ...(['producer', 'consumer'] as const).flatMap((ender) =>
    versions.flatMap((from) => versions.flatMap((to) => translations(ender, from, to))),
  ),
  ...versions.flatMap(silentEnds),
  {
    title: 'keeps a peer that never chooses at 1.0',
    run: async (world) => {
      const { id, producer, consumer } = await pair(world, { producer: { version: 'v1_1' } });
      producer.send({ type: 'endSessionV1_1', sessionId: id, error: 'x' });
      await world.heard([consumer, ended(id)]);
    },
  },
  inTime('the welcome', () => {}),
  inTime('text that is no message', (peer) => peer.send('{"type":')),
  inTime('a message of an unknown type', (peer) => peer.send({ type: 'nonsense' })),
  inTime('a binary frame', (peer) => peer.sendBinary(Buffer.from('{"type":"list"}'))),
  inTime('a ping', (peer) => peer.socket.ping()),
  tooLate('list', async (world, peer) => {
    peer.send({ type: 'list' });
    await world.heard([peer, { type: 'list', producers: [] }]);
  }),
  tooLate('an empty status, which changes nothing', async (_, peer) => peer.send({ type: 'setPeerStatus', roles: [] })),
  tooLate('a request that was refused', async (world, peer) => {
    peer.send({ type: 'setPeerStatus', roles: ['producer', 'consumer'] });
    await world.refused(peer, peer.id);
  }),
  tooLate('a message that was dropped because its session is unknown', async (_, peer) =>
    peer.send({ type: 'endSession', sessionId: 'none' }),
  ),
  tooLate('the choice of 1.0', async (_, peer) => peer.send({ type: 'setProtocolVersion', version: 'v1_0' })),
];

export const versionCases: readonly Case[] = numbered(
  'V',
  '§1.3',
  rules.map((rule) => ({ ...rule, needs: protocolVersions })),
);
