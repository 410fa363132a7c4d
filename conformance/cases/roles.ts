/** Roles and `setPeerStatus` (reference §1.4): its rules 2 to 8, and the shortcut for a status that is equal. */
import { type Case, numbered, type Rule } from '../case.ts';
import type { Json } from '../peer.ts';
import { changed, ended, isGone, lists, listsConsumers, lives, pair, passivePair, start } from '../setup.ts';

const status = (roles: readonly string[], more: Json = {}): Json => ({ type: 'setPeerStatus', roles, ...more });

/** A status sent behind another of the same peer, as a listener hears of it: not at all, or as `announces` says. */
const second = (title: string, first: Json | undefined, then: (own: string) => Json, announces: Json | undefined): Rule => ({
  title,
  run: async (world) => {
    const listener = await world.open('the listener', { roles: ['listener'] });
    const peer = await world.open('the peer');
    if (first) {
      peer.send(first);
      await world.heard([listener, { ...changed(peer, []), roles: first.roles, meta: first.meta ?? null }]);
    }
    peer.send(then(peer.id));
    await world.heard(...(announces ? [[listener, { ...changed(peer, []), ...announces }] as const] : []));
  },
});

/** Two roles that go together. */
const together = (title: string, roles: string[]): Rule => ({
  title,
  run: async (world) => {
    const peer = await world.open('the peer', { roles });
    const entries = (role: string): Json[] => (roles.includes(role) ? [{ id: peer.id, meta: null }] : []);
    await lists(world, peer, entries('producer'));
    await listsConsumers(world, peer, entries('consumer'));
  },
});

const META = { b: [2], a: 1 };

export const roleCases: readonly Case[] = numbered('R', '§1.4', [
  second('ignores an empty first status', undefined, () => status([]), undefined),
  second(
    'ignores an empty first status with null in place of what is absent',
    undefined,
    () => status([], { meta: null }),
    undefined,
  ),
  second('announces an empty first status that names its peer', undefined, (peerId) => status([], { peerId }), {}),
  second(
    'ignores a status that names its peer and changes nothing',
    status(['producer'], { meta: META }),
    (peerId) => status(['producer'], { meta: META, peerId }),
    undefined,
  ),
  second(
    'ignores another order of the keys of the meta',
    status(['producer'], { meta: META }),
    (peerId) => status(['producer'], { meta: { a: 1, b: [2] }, peerId }),
    undefined,
  ),
  second(
    'announces the same status again where it does not name its peer',
    status(['producer'], { meta: META }),
    () => status(['producer'], { meta: META }),
    { roles: ['producer'], meta: META },
  ),
  second(
    "announces the same status again where it names another peer, under the peer's own id",
    status(['producer'], { meta: META }),
    () => status(['producer'], { meta: META, peerId: 'somebody else' }),
    { roles: ['producer'], meta: META },
  ),
  second(
    'announces a change of the meta alone',
    status(['producer'], { meta: META }),
    (peerId) => status(['producer'], { meta: { ...META, a: 2 }, peerId }),
    { roles: ['producer'], meta: { ...META, a: 2 } },
  ),
  second('announces that the meta is gone', status(['producer'], { meta: META }), (peerId) => status(['producer'], { peerId }), {
    roles: ['producer'],
    meta: null,
  }),
  together('takes producer and listener together', ['producer', 'listener']),
  together('takes consumer and listener together', ['listener', 'consumer']),
  {
    title: 'refuses all three roles together, and announces nothing',
    run: async (world) => {
      await world.open('the listener', { roles: ['listener'] });
      const peer = await world.open('the peer');
      peer.send(status(['listener', 'consumer', 'producer'], { meta: 1 }));
      await world.refused(peer, peer.id);
      await lists(world, peer, []);
      await listsConsumers(world, peer, []);
    },
  },
  {
    title: 'ends the sessions of a peer that stops producing, then tells the listeners',
    run: async (world) => {
      const session = await pair(world, { producer: { meta: 1 }, consumer: { roles: ['listener'] } });
      const { id, producer, consumer } = session;
      producer.send(status(['listener'], { meta: 2 }));
      await world.heard(
        [consumer, ended(id), changed(producer, ['listener'], 2)],
        [producer, changed(producer, ['listener'], 2)],
      );
      await isGone(world, session);
    },
  },
  {
    title: 'ends the sessions of a producer that becomes a consumer',
    run: async (world) => {
      const session = await pair(world);
      session.producer.send(status(['consumer']));
      await world.heard([session.consumer, ended(session.id)]);
      await isGone(world, session);
    },
  },
  {
    title: 'ends the sessions of a peer that stops consuming, then tells the listeners',
    run: async (world) => {
      const session = await passivePair(world, { producer: { roles: ['producer', 'listener'] } });
      const { id, producer, consumer } = session;
      consumer.send(status([]));
      await world.heard([producer, ended(id), changed(consumer, [])]);
      await isGone(world, session);
    },
  },
  {
    title: 'ends the sessions of a consumer that becomes a producer',
    run: async (world) => {
      const session = await passivePair(world);
      session.consumer.send(status(['producer']));
      await world.heard([session.producer, ended(session.id)]);
      await isGone(world, session);
    },
  },
  {
    title: 'ends the sessions too that a consumer started itself, when it stops consuming',
    run: async (world) => {
      const session = await pair(world, { consumer: { roles: ['consumer'] } });
      session.consumer.send(status([]));
      await world.heard([session.producer, ended(session.id)]);
      await isGone(world, session);
    },
  },
  {
    title: 'keeps the sessions of a peer that consumes without the role, whatever roles it takes and gives up',
    run: async (world) => {
      const session = await pair(world);
      for (const roles of [['listener'], [], ['producer'], []]) {
        session.consumer.send(status(roles));
        const echo = changed(session.consumer, roles);
        await world.heard(...(roles.includes('listener') ? [[session.consumer, echo] as const] : []));
      }
      await lives(world, session);
    },
  },
  {
    title: 'keeps the session that a peer produces without the role, whatever roles it takes but the one of a producer',
    run: async (world) => {
      const session = await passivePair(world, { producer: { roles: [] } });
      session.producer.send(status(['consumer']));
      session.producer.send(status([]));
      await lives(world, session);
    },
  },
  {
    title: 'keeps the sessions of a producer that changes its meta or becomes a listener too',
    run: async (world) => {
      const session = await pair(world);
      session.producer.send(status(['producer'], { meta: 1 }));
      session.producer.send(status(['producer', 'listener'], { meta: 1 }));
      await world.heard([session.producer, changed(session.producer, ['producer', 'listener'], 1)]);
      await lives(world, session);
    },
  },
  {
    title: 'ends the produced sessions of a peer that stops producing, and keeps those in which it consumes',
    run: async (world) => {
      const produced = await pair(world);
      const other = await world.open('the other producer', { roles: ['producer'] });
      const consumed = await start(world, produced.producer, other);
      produced.producer.send(status(['consumer']));
      await world.heard([produced.consumer, ended(produced.id)]);
      await isGone(world, produced);
      await lives(world, consumed);
    },
  },
  {
    title: 'tells a peer that becomes a listener of its own status first',
    run: async (world) => {
      const peer = await world.open('the peer');
      await world.open('the producer', { roles: ['producer'] });
      peer.send(status(['listener'], { meta: 'me' }));
      await world.heard([peer, changed(peer, ['listener'], 'me')]);
    },
  },
  {
    title: 'tells every listener, and nobody else',
    run: async (world) => {
      const listeners = [
        await world.open('the first listener', { roles: ['listener'] }),
        await world.open('the second listener', { version: 'v1_1' }),
      ];
      listeners[1]!.send(status(['listener']));
      await world.heard(...listeners.map((listener) => [listener, changed(listeners[1]!, ['listener'])] as const));
      await world.open('a peer without a role');
      const producer = await world.open('the producer', { roles: ['producer'] });
      await world.heard(...listeners.map((listener) => [listener, changed(producer, ['producer'])] as const));
    },
  },
  {
    title: 'tells a peer that stops listening nothing more, not even that',
    run: async (world) => {
      const peer = await world.open('the peer', { roles: ['listener'] });
      const listener = await world.open('the listener', { roles: ['listener'] });
      await world.heard([peer, changed(listener, ['listener'])]);
      peer.send(status([]));
      await world.heard([listener, changed(peer, [])]);
      const producer = await world.open('the producer', { roles: ['producer'] });
      await world.heard([listener, changed(producer, ['producer'])]);
    },
  },
  {
    title: 'lets a peer change its roles as often as it likes',
    run: async (world) => {
      const listener = await world.open('the listener', { roles: ['listener'] });
      const peer = await world.open('the peer');
      const entry = [{ id: peer.id, meta: null }];
      for (const role of ['producer', 'consumer', 'producer', 'consumer']) {
        peer.send(status([role]));
        await world.heard([listener, changed(peer, [role])]);
        await lists(world, listener, role === 'producer' ? entry : []);
        await listsConsumers(world, listener, role === 'consumer' ? entry : []);
      }
    },
  },
  {
    title: 'lets a peer without any role ask and start sessions',
    run: async (world) => {
      const producer = await world.open('the producer', { roles: ['producer'] });
      const peer = await world.open('the peer');
      await lists(world, peer, [{ id: producer.id, meta: null }]);
      await lives(world, await start(world, peer, producer));
    },
  },
]);
