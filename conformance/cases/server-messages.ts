/** What the server sends (reference §1.2): every message whole, with null where a value is unset and no key beyond these. */
import { type Case, numbered } from '../case.ts';
import { same } from '../difference.ts';
import { protocolVersions } from '../features.ts';
import type { Json } from '../peer.ts';
import { changed, ended, endedV11, lists, listsConsumers, pair, passivePair } from '../setup.ts';
import type { World } from '../world.ts';

/** Three peers that registered one after the other with `role`, and what a list has to say of them, in that order. */
async function three(world: World, role: string): Promise<Json[]> {
  const entries: Json[] = [];
  for (const meta of [{ name: 'cam' }, null, [3]])
    entries.push({ id: (await world.open(`the ${role}`, { roles: [role], meta })).id, meta });
  return entries;
}

const byId = (a: Json, b: Json): number => String(a.id).localeCompare(String(b.id));

const order = {
  why: 'Peers are listed in the order in which they took the role, so that what is shown to people keeps its place.',
  instead: 'lists them in any order',
};

export const serverMessages: readonly Case[] = numbered('W', '§1.2', [
  {
    title: 'sends welcome with the id, and nothing else before anybody speaks',
    run: async (world) => {
      await world.open('the peer');
      await world.heard();
    },
  },
  {
    title: 'tells of a status with its roles in the order in which they were sent',
    run: async (world) => {
      const listener = await world.open('the listener', { roles: ['listener'] });
      const peer = await world.open('the peer', { roles: ['producer', 'listener'], meta: 1 });
      await world.heard([listener, changed(peer, ['producer', 'listener'], 1)]);
      peer.send({ type: 'setPeerStatus', roles: ['listener', 'producer'], meta: 1, peerId: peer.id });
      await world.heard(...[listener, peer].map((to) => [to, changed(peer, ['listener', 'producer'], 1)] as const));
    },
  },
  {
    title: 'writes an unset meta as null',
    run: async (world) => {
      const listener = await world.open('the listener', { roles: ['listener'] });
      const peer = await world.open('the peer');
      peer.send({ type: 'setPeerStatus', roles: ['producer'] });
      await world.heard([listener, changed(peer, ['producer'], null)]);
      await lists(world, peer, [{ id: peer.id, meta: null }]);
    },
  },
  {
    title: 'writes an unset offer as null, to the producer that starts a session itself too',
    run: async (world) => {
      await pair(world);
      await passivePair(world);
    },
  },
  {
    title: 'ends a session towards a party at 1.0 with its id alone',
    needs: protocolVersions,
    run: async (world) => {
      const { id, producer, consumer } = await pair(world, { producer: { version: 'v1_1' } });
      producer.send({ type: 'endSessionV1_1', sessionId: id, error: 'x' });
      await world.heard([consumer, ended(id)]);
    },
  },
  {
    title: 'writes an unset error as null',
    needs: protocolVersions,
    run: async (world) => {
      const { id, producer, consumer } = await pair(world, { consumer: { version: 'v1_1' } });
      producer.send({ type: 'endSession', sessionId: id });
      await world.heard([consumer, endedV11(id, null)]);
    },
  },
  {
    title: 'answers list and listConsumers with an empty array where there is nobody',
    run: async (world) => {
      const peer = await world.open('the peer', { roles: ['listener'] });
      await lists(world, peer, []);
      await listsConsumers(world, peer, []);
    },
  },
  {
    title: 'lists the asking producer too, and no consumer among the producers',
    run: async (world) => {
      const { producer, consumer } = await passivePair(world, { consumer: { meta: 2 } });
      for (const peer of [producer, consumer]) {
        await lists(world, peer, [{ id: producer.id, meta: null }]);
        await listsConsumers(world, peer, [{ id: consumer.id, meta: 2 }]);
      }
    },
  },
  {
    title: 'lists several producers, in the order in which they became that',
    run: async (world) => {
      const producers = await three(world, 'producer');
      await lists(world, await world.open('the peer'), producers);
    },
    differs: {
      ...order,
      original: async (world) => {
        const producers = await three(world, 'producer');
        const peer = await world.open('the peer');
        peer.send({ type: 'list' });
        const [list] = (await world.take(peer, 1)) as { producers?: Json[] }[];
        same({ ...list, producers: list?.producers?.sort(byId) }, { type: 'list', producers: producers.sort(byId) }, 'list is');
      },
    },
  },
  {
    title: 'lists several consumers, in the order in which they became that',
    run: async (world) => {
      const consumers = await three(world, 'consumer');
      await listsConsumers(world, await world.open('the peer'), consumers);
    },
    differs: {
      ...order,
      original: async (world) => {
        const consumers = await three(world, 'consumer');
        const peer = await world.open('the peer');
        peer.send({ type: 'listConsumers' });
        const [list] = (await world.take(peer, 1)) as { consumers?: Json[] }[];
        const sorted = { ...list, consumers: list?.consumers?.sort(byId) };
        same(sorted, { type: 'listConsumers', consumers: consumers.sort(byId) }, 'listConsumers is');
      },
    },
  },
]);
