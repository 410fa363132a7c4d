/** What clients send (reference §1.1): what is accepted, what it means, and what is dropped without a word. */
import { type Case, numbered, type Rule } from '../case.ts';
import { same } from '../difference.ts';
import { protocolVersions } from '../features.ts';
import type { Json } from '../peer.ts';
import { ANSWER, candidate, changed, ended, endedV11, lists, lives, OFFER, pair, start, started } from '../setup.ts';
import type { World } from '../world.ts';

/** A message that is to be dropped; JSON text where it matters how it is written. */
type Dropped = Json | string;

/** What a peer without a role sends is dropped, though there is somebody who would hear of its effect. */
const dropped = (what: string, message: Dropped): Rule => ({
  title: `drops ${what}`,
  run: async (world) => {
    const peer = await world.open('the sender');
    await world.open('the listener', { roles: ['listener'] });
    peer.send(message);
    await world.heard();
  },
});

/** A version that is none is dropped, and does not count as the peer's first message. */
const droppedVersion = (what: string, version: Json): Rule => ({
  title: `drops setProtocolVersion with ${what}`,
  needs: protocolVersions,
  run: async (world) => {
    const { id, producer, consumer } = await pair(world, { producer: { version: 'v1_1' } });
    producer.send({ type: 'endSession', sessionId: id });
    await world.heard([consumer, ended(id)]);
    const late = await world.open('the peer that is to choose');
    late.send({ type: 'setProtocolVersion', ...version });
    late.send({ type: 'setProtocolVersion', version: 'v1_1' });
    const session = await start(world, late, producer);
    producer.send({ type: 'endSessionV1_1', sessionId: session.id, error: 'x' });
    await world.heard([late, endedV11(session.id, 'x')]);
  },
});

const droppedStart = (what: string, fields: (producerId: string) => Json): Rule => ({
  title: `drops startSession with ${what}`,
  run: async (world) => {
    const producer = await world.open('the producer', { roles: ['producer'] });
    (await world.open('the sender')).send({ type: 'startSession', ...fields(producer.id) });
    await world.heard();
  },
});

/** What the producer sends into its session is dropped, and the session goes on. */
const droppedInSession = (what: string, message: (sessionId: string) => Dropped): Rule => ({
  title: `drops ${what}`,
  run: async (world) => {
    const session = await pair(world, { producer: { version: 'v1_1' }, consumer: { version: 'v1_1' } });
    session.producer.send(message(session.id));
    await world.heard();
    await lives(world, session);
  },
});

const droppedPayload = (what: string, payload: Json): Rule =>
  droppedInSession(what, (sessionId) => ({ type: 'peer', sessionId, ...payload }));

/** What the producer sends into its session arrives as `arrives`. */
const forwarded = (title: string, message: (sessionId: string) => Json | string, arrives: Json): Rule => ({
  title,
  run: async (world) => {
    const { id, producer, consumer } = await pair(world);
    producer.send(message(id));
    await world.heard([consumer, { type: 'peer', sessionId: id, ...arrives }]);
  },
});

/** A status with `fields` is announced with `meta`, whatever it is. */
const announced = (title: string, fields: (own: string) => Json, meta: unknown): Rule => ({
  title,
  run: async (world) => {
    const [peer, listener] = [await world.open('the sender'), await world.open('the listener', { roles: ['listener'] })];
    peer.send({ type: 'setPeerStatus', roles: ['producer'], ...fields(peer.id) });
    await world.heard([listener, changed(peer, ['producer'], meta)]);
    await lists(world, peer, [{ id: peer.id, meta }]);
  },
});

const startsWith = (title: string, fields: Json, offer: string | null): Rule => ({
  title,
  run: async (world) => {
    const producer = await world.open('the producer', { roles: ['producer'] });
    const consumer = await world.open('the consumer');
    consumer.send({ type: 'startSession', peerId: producer.id, ...fields });
    await started(world, consumer, producer, offer);
  },
});

const endsWith = (title: string, message: Json, error: string | null): Rule => ({
  title,
  needs: protocolVersions,
  run: async (world) => {
    const { id, producer, consumer } = await pair(world, { producer: { version: 'v1_1' }, consumer: { version: 'v1_1' } });
    producer.send({ sessionId: id, ...message });
    await world.heard([consumer, endedV11(id, error)]);
  },
});

/** The answer to `text` as to `{"type":"list"}`. */
const listed = (title: string, text: string): Rule => ({
  title,
  run: async (world) => {
    const peer = await world.open('the producer', { roles: ['producer'] });
    peer.send(text);
    await world.heard([peer, { type: 'list', producers: [{ id: peer.id, meta: null }] }]);
  },
});

const ICE = candidate(0);

/** Has a peer send a status with `meta`, JSON text, and checks what the listener hears of it. */
async function announce(world: World, meta: string, heard: unknown): Promise<void> {
  const [peer, listener] = [await world.open('the sender'), await world.open('the listener', { roles: ['listener'] })];
  peer.send(`{"type":"setPeerStatus","roles":[],"meta":${meta}}`);
  await world.heard([listener, changed(peer, [], heard)]);
}

async function lastOfDuplicates(world: World, heard: readonly unknown[] = [2]): Promise<void> {
  const [peer, listener] = [await world.open('the sender'), await world.open('the listener', { roles: ['listener'] })];
  peer.send('{"type":"setPeerStatus","roles":["producer"],"meta":1,"roles":[],"meta":2}');
  await world.heard([listener, ...heard.map((meta) => changed(peer, [], meta))]);
}

const nestedText = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

export const clientMessages: readonly Case[] = numbered('M', '§1.1', [
  // setProtocolVersion
  droppedVersion('"1.1"', { version: '1.1' }),
  droppedVersion('"V1_1"', { version: 'V1_1' }),
  droppedVersion('a version that does not exist', { version: 'v1_2' }),
  droppedVersion('a number', { version: 1.1 }),
  droppedVersion('null', { version: null }),
  droppedVersion('no version', {}),
  // setPeerStatus
  dropped('setPeerStatus without roles', { type: 'setPeerStatus', meta: 1 }),
  dropped('setPeerStatus with null as roles', { type: 'setPeerStatus', roles: null, meta: 1 }),
  dropped('setPeerStatus with a role in place of roles', { type: 'setPeerStatus', roles: 'producer' }),
  dropped('setPeerStatus with an unknown role', { type: 'setPeerStatus', roles: ['producer', 'viewer'] }),
  dropped('setPeerStatus with a role in capitals', { type: 'setPeerStatus', roles: ['Producer'] }),
  dropped('setPeerStatus with a number as peerId', { type: 'setPeerStatus', roles: ['producer'], peerId: 7 }),
  dropped('setPeerStatus spelt otherwise', { type: 'setpeerstatus', roles: ['producer'] }),
  announced('takes an absent meta as null', () => ({}), null),
  announced('takes an object as meta', () => ({ meta: { a: { b: [1, -2.5, true, null, ''] } } }), {
    a: { b: [1, -2.5, true, null, ''] },
  }),
  announced('takes an array as meta', () => ({ meta: [1, 'x', {}] }), [1, 'x', {}]),
  announced('takes text as meta', () => ({ meta: 'ä€😀\u0000"\\' }), 'ä€😀\u0000"\\'),
  announced('takes a number as meta', () => ({ meta: 0 }), 0),
  announced('takes false as meta', () => ({ meta: false }), false),
  announced('takes a meta with a "type" of its own', () => ({ meta: { type: 'list', peerId: 1 } }), { type: 'list', peerId: 1 }),
  announced("takes the peer's own id as peerId", (peerId) => ({ meta: 1, peerId }), 1),
  announced('takes null as peerId', () => ({ meta: 1, peerId: null }), 1),
  announced("overwrites another peer's id", () => ({ meta: 1, peerId: 'somebody else' }), 1),
  announced('ignores unknown keys of a status', () => ({ meta: 1, role: 'consumer', x: { y: [] } }), 1),
  {
    title: 'takes an empty array as roles',
    run: async (world) => {
      const [peer, listener] = [await world.open('the sender'), await world.open('the listener', { roles: ['listener'] })];
      peer.send({ type: 'setPeerStatus', roles: [], meta: 1 });
      await world.heard([listener, changed(peer, [], 1)]);
      await lists(world, peer, []);
    },
  },
  {
    title: 'takes a meta that nests 64 levels deep',
    run: (world) => announce(world, nestedText(64), JSON.parse(nestedText(64))),
  },
  {
    title: 'drops a meta that nests deeper than 64 levels',
    run: dropped('', `{"type":"setPeerStatus","roles":[],"meta":${nestedText(65)}}`).run,
    differs: {
      why: 'What is forwarded must be readable by every peer, inside a list too, and readers of JSON bound the depth.',
      instead: 'takes 124 levels',
      original: (world) => announce(world, nestedText(124), JSON.parse(nestedText(124))),
    },
  },
  dropped('a meta whose text is no Unicode', '{"type":"setPeerStatus","roles":[],"meta":"\\ud800"}'),
  announced('takes numbers of all sizes in a meta', () => ({ meta: [0.1, 1e-7, 1e21, -(2 ** 53 - 1)] }), [
    0.1,
    1e-7,
    1e21,
    -(2 ** 53 - 1),
  ]),
  {
    title: 'takes a number that no double can hold as null in a meta',
    run: (world) => announce(world, '[1e400]', [null]),
    differs: {
      why: 'JavaScript reads such a number as infinity, for which JSON has no word; nobody means it.',
      instead: 'drops the message',
      original: dropped('', '{"type":"setPeerStatus","roles":[],"meta":[1e400]}').run,
    },
  },
  // startSession
  droppedStart('no peerId', () => ({})),
  droppedStart('null as peerId', () => ({ peerId: null })),
  droppedStart('a number as peerId', () => ({ peerId: 7 })),
  droppedStart('an object as offer', (peerId) => ({ peerId, offer: OFFER })),
  droppedStart('a number as offer', (peerId) => ({ peerId, offer: 0 })),
  startsWith('starts a session with an offer', { offer: OFFER.sdp }, OFFER.sdp),
  startsWith('starts a session with an empty offer', { offer: '' }, ''),
  startsWith('takes null as no offer', { offer: null }, null),
  startsWith('takes an absent offer as none', {}, null),
  startsWith('ignores unknown keys of startSession', { sessionId: 's-1', meta: 1 }, null),
  // endSession, endSessionV1_1
  droppedInSession('endSession without a sessionId', () => ({ type: 'endSession' })),
  droppedInSession('endSession with the session under another key', (session) => ({ type: 'endSession', session })),
  droppedInSession('endSession with an array as sessionId', (id) => ({ type: 'endSession', sessionId: [id] })),
  droppedInSession('endSessionV1_1 without a sessionId', () => ({ type: 'endSessionV1_1', error: null })),
  droppedInSession('endSessionV1_1 with a number as error', (sessionId) => ({ type: 'endSessionV1_1', sessionId, error: 1 })),
  droppedInSession('endSessionV11', (sessionId) => ({ type: 'endSessionV11', sessionId, error: null })),
  endsWith('ends a session by endSession', { type: 'endSession' }, null),
  endsWith('ignores an error in endSession', { type: 'endSession', error: 'x' }, null),
  endsWith('ends a session with an error', { type: 'endSessionV1_1', error: 'out of film' }, 'out of film'),
  endsWith('ends a session with an empty error', { type: 'endSessionV1_1', error: '' }, ''),
  endsWith('takes null as no error', { type: 'endSessionV1_1', error: null }, null),
  endsWith('takes an absent error as none', { type: 'endSessionV1_1' }, null),
  // peer
  forwarded('forwards an answer', (sessionId) => ({ type: 'peer', sessionId, sdp: ANSWER }), { sdp: ANSWER }),
  forwarded(
    'forwards a description without text',
    (sessionId) => ({ type: 'peer', sessionId, sdp: { type: 'offer', sdp: '' } }),
    { sdp: { type: 'offer', sdp: '' } },
  ),
  forwarded('strips unknown keys of a description', (sessionId) => ({ type: 'peer', sessionId, sdp: { ...OFFER, x: 1 }, y: 2 }), {
    sdp: OFFER,
  }),
  forwarded(
    "strips the browser's sdpMid and usernameFragment",
    (sessionId) => ({ type: 'peer', sessionId, ice: { ...candidate(1), sdpMid: '1', usernameFragment: 'ab' } }),
    { ice: candidate(1) },
  ),
  forwarded(
    'forwards the empty candidate that says that no more will come',
    (sessionId) => ({ type: 'peer', sessionId, ice: { candidate: '', sdpMLineIndex: 0 } }),
    { ice: { candidate: '', sdpMLineIndex: 0 } },
  ),
  forwarded('forwards the greatest sdpMLineIndex', (sessionId) => ({ type: 'peer', sessionId, ice: candidate(0xffff_ffff) }), {
    ice: candidate(0xffff_ffff),
  }),
  forwarded('takes sdp and drops ice where sdp comes first', (sessionId) => ({ type: 'peer', sessionId, sdp: OFFER, ice: ICE }), {
    sdp: OFFER,
  }),
  forwarded('takes ice and drops sdp where ice comes first', (sessionId) => ({ ice: ICE, type: 'peer', sdp: OFFER, sessionId }), {
    ice: ICE,
  }),
  forwarded(
    'does not look at the second of sdp and ice',
    (sessionId) => ({ type: 'peer', sessionId, sdp: OFFER, ice: { candidate: null } }),
    { sdp: OFFER },
  ),
  forwarded(
    'takes the keys of a message in any order',
    (sessionId) => ({ sdp: { sdp: OFFER.sdp, type: 'offer' }, sessionId, type: 'peer' }),
    { sdp: OFFER },
  ),
  droppedPayload('a peer message with neither sdp nor ice', {}),
  droppedPayload('a peer message with a null sdp, though ice follows', { sdp: null, ice: ICE }),
  droppedPayload('a peer message with a bare text as sdp', { sdp: OFFER.sdp }),
  droppedPayload('a description without its sdp', { sdp: { type: 'offer' } }),
  droppedPayload('a description without its type', { sdp: { sdp: OFFER.sdp } }),
  droppedPayload('a pranswer', { sdp: { type: 'pranswer', sdp: OFFER.sdp } }),
  droppedPayload('a rollback', { sdp: { type: 'rollback', sdp: '' } }),
  droppedPayload('an Offer with a capital', { sdp: { ...OFFER, type: 'Offer' } }),
  droppedPayload('a candidate without sdpMLineIndex', { ice: { candidate: ICE.candidate } }),
  droppedPayload('a candidate with sdpMlineIndex', { ice: { candidate: ICE.candidate, sdpMlineIndex: 0 } }),
  droppedPayload('a candidate with sdpMid in place of sdpMLineIndex', { ice: { candidate: ICE.candidate, sdpMid: '0' } }),
  droppedPayload('a candidate with null as sdpMLineIndex', { ice: { ...ICE, sdpMLineIndex: null } }),
  droppedPayload('a candidate with a negative sdpMLineIndex', { ice: candidate(-1) }),
  droppedPayload('a candidate with half an sdpMLineIndex', { ice: candidate(1.5) }),
  droppedPayload('a candidate with an sdpMLineIndex beyond 32 bits', { ice: candidate(2 ** 32) }),
  droppedPayload('a candidate with text as sdpMLineIndex', { ice: { ...ICE, sdpMLineIndex: '0' } }),
  droppedPayload('a candidate without text', { ice: { sdpMLineIndex: 0 } }),
  droppedPayload('a candidate with null as text', { ice: { ...ICE, candidate: null } }),
  droppedInSession('a peer message without a sessionId', () => ({ type: 'peer', sdp: OFFER })),
  droppedInSession('a peer message with a null sessionId', () => ({ type: 'peer', sessionId: null, sdp: OFFER })),
  // list, listConsumers, newPeer, and what is none of all these
  listed('answers list', '{"type":"list"}'),
  listed('ignores unknown keys of list', '{"type":"list","roles":7,"x":{"type":"listConsumers"}}'),
  listed('takes the type where it is not the first key', '{"x":1,"type":"list"}'),
  listed('takes white space around and in a message', ' \r\n{\t"type" : "list"\n} '),
  listed('takes escapes in keys and values', '{"\\u0074ype":"l\\u0069st"}'),
  dropped('a duplicate type', '{"type":"list","type":"list"}'),
  dropped('a duplicate type that is another', '{"type":"listConsumers","x":1,"type":"list"}'),
  {
    title: 'takes the last of a duplicate key that is not the type',
    run: lastOfDuplicates,
    differs: {
      why: 'RFC 8259 leaves it to the reader, and JavaScript takes the last; only a second type would change what is read.',
      instead: 'drops the message',
      original: (world) => lastOfDuplicates(world, []),
    },
  },
  ...[
    ['text that is no Unicode', '"\\ud800"'],
    ['a number that no double can hold', '1e400'],
    ['what nests very deep', nestedText(200)],
  ].map(([what, value]) => ({
    ...listed(`ignores unknown keys whatever they hold: ${what}`, `{"type":"list","x":${value}}`),
    differs: {
      why: 'What is ignored reaches nobody, so it need not be readable by everybody.',
      instead: 'drops the message',
      original: dropped('', `{"type":"list","x":${value}}`).run,
    },
  })),
  dropped('List with a capital', { type: 'List' }),
  dropped('an unknown type', { type: 'nonsense' }),
  dropped('an empty type', { type: '' }),
  dropped('a number as type', { type: 7 }),
  dropped('null as type', { type: null }),
  dropped('an object without a type', { list: true }),
  dropped('the welcome, which is not for clients to send', { type: 'welcome', peerId: 'x' }),
  dropped('sessionStarted, which is not for clients to send', { type: 'sessionStarted', peerId: 'x', sessionId: 'y' }),
  dropped('peerStatusChanged, which is not for clients to send', { type: 'peerStatusChanged', roles: ['producer'], meta: null }),
  dropped('an error, which is not for clients to send', { type: 'error', details: 'x' }),
  {
    title: 'drops newPeer, which is not for clients to send',
    run: async (world) => {
      const session = await pair(world, { producer: { version: 'v1_1', meta: 1 }, consumer: { version: 'v1_1' } });
      const { id, producer, consumer } = session;
      producer.send({ type: 'newPeer' });
      await lists(world, producer, [{ id: producer.id, meta: 1 }]);
      producer.send({ type: 'endSessionV1_1', sessionId: id, error: 'x' });
      await world.heard([consumer, endedV11(id, 'x')]);
    },
    differs: {
      why: 'Only the server knows who is new: from the network the message would reset a peer under its sessions (S4).',
      instead: 'welcomes the peer again and forgets its status, though its sessions go on',
      original: async (world) => {
        const session = await pair(world, { producer: { meta: 1 } });
        const { producer } = session;
        producer.send({ type: 'newPeer' });
        await world.heard([producer, { type: 'welcome', peerId: producer.id }]);
        await lists(world, producer, []);
        await lives(world, session);
      },
    },
  },
  {
    title: 'answers iceServers with the servers that it knows',
    run: async (world) => {
      const peer = await world.open('the peer');
      peer.send({ type: 'iceServers' });
      const [answer] = await world.take(peer, 1);
      same(Object.keys(answer ?? {}).sort(), ['iceServers', 'ttl', 'type'], 'The answer has the keys');
      same([answer?.type, Array.isArray(answer?.iceServers)], ['iceServers', true], 'The answer is');
    },
    differs: {
      why: 'An addition: credentials of TURN servers expire, so that clients need a way to ask for new ones.',
      instead: 'drops the message, as it drops all unknown ones',
      original: dropped('', { type: 'iceServers' }).run,
    },
  },
  {
    title: 'drops the array ["list"]',
    run: dropped('', '["list"]').run,
    differs: {
      why: "A message is an object; that an array passes is an accident of the original's parser.",
      instead: 'answers as to {"type":"list"}',
      original: listed('', '["list"]').run,
    },
  },
]);
