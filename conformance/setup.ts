/** The situations that most cases begin with, and the messages they speak of. */
import { Difference, same } from './difference.ts';
import type { Json, Peer } from './peer.ts';
import type { PeerOptions, World } from './world.ts';

export interface Session {
  readonly id: string;
  readonly producer: Peer;
  readonly consumer: Peer;
}

export const OFFER = { type: 'offer', sdp: 'v=0\r\ns=-\r\n' };
export const ANSWER = { type: 'answer', sdp: 'v=0\r\ns=b\r\n' };

/** Checks that an id is the text of a random UUID. */
export function isUuid(id: string, subject: string): void {
  if (!UUID_V4.test(id)) throw new Difference(`${subject} is "${id}", which is not a UUID of version 4`);
}

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export const candidate = (sdpMLineIndex: number): { candidate: string; sdpMLineIndex: number } => ({
  candidate: 'candidate:1 1 UDP 2015363327 192.0.2.7 40000 typ host',
  sdpMLineIndex,
});

export const changed = ({ id }: { readonly id: string }, roles: readonly string[], meta: unknown = null): Json => ({
  type: 'peerStatusChanged',
  roles,
  meta,
  peerId: id,
});

export const ended = (sessionId: string): Json => ({ type: 'endSession', sessionId });

export const endedV11 = (sessionId: string, error: string | null): Json => ({ type: 'endSessionV1_1', sessionId, error });

/** A session that its consumer has started. */
export async function pair(world: World, of: { producer?: PeerOptions; consumer?: PeerOptions } = {}): Promise<Session> {
  const producer = await world.open('the producer', { roles: ['producer'], ...of.producer });
  const consumer = await world.open('the consumer', of.consumer);
  return start(world, consumer, producer);
}

/** A session that its producer has started towards a passive consumer. */
export async function passivePair(world: World, of: { producer?: PeerOptions; consumer?: PeerOptions } = {}): Promise<Session> {
  const consumer = await world.open('the consumer', { roles: ['consumer'], ...of.consumer });
  const producer = await world.open('the producer', { roles: ['producer'], ...of.producer });
  producer.send({ type: 'startSession', peerId: consumer.id });
  return started(world, consumer, producer);
}

/** Has `consumer` start a session with `producer`. */
export async function start(world: World, consumer: Peer, producer: Peer): Promise<Session> {
  consumer.send({ type: 'startSession', peerId: producer.id });
  return started(world, consumer, producer);
}

/** Checks that both parties, and nobody else, were told of a session that somebody has just asked for. */
export async function started(world: World, consumer: Peer, producer: Peer, offer: string | null = null): Promise<Session> {
  await consumer.untilHeard(1);
  const id = String(consumer.heard[0]?.sessionId);
  await world.heard(
    [consumer, { type: 'sessionStarted', peerId: producer.id, sessionId: id }],
    [producer, { type: 'startSession', peerId: consumer.id, sessionId: id, offer }],
  );
  isUuid(id, 'The id of the session');
  return { id, producer, consumer };
}

/** Checks that what one party of the session says reaches the other. */
export async function lives(world: World, { id, producer, consumer }: Session): Promise<void> {
  const fromProducer = { type: 'peer', sessionId: id, ice: candidate(1) };
  const fromConsumer = { type: 'peer', sessionId: id, ice: candidate(2) };
  producer.send(fromProducer);
  consumer.send(fromConsumer);
  await world.heard([consumer, fromProducer], [producer, fromConsumer]);
}

/** Checks that the server does not know the session any more: what its parties say in it is dropped. */
export async function isGone(world: World, { id, producer, consumer }: Session): Promise<void> {
  for (const peer of [producer, consumer]) if (peer.isOpen) peer.send({ type: 'peer', sessionId: id, ice: candidate(3) });
  await world.heard();
}

/** Checks what `list` answers `peer`. */
export async function lists(world: World, peer: Peer, producers: readonly Json[]): Promise<void> {
  peer.send({ type: 'list' });
  await world.heard([peer, { type: 'list', producers }]);
}

/** Checks what `listConsumers` answers `peer`. */
export async function listsConsumers(world: World, peer: Peer, consumers: readonly Json[]): Promise<void> {
  peer.send({ type: 'listConsumers' });
  await world.heard([peer, { type: 'listConsumers', consumers }]);
}

/** As `world.heard` of one peer, in any order of the sessions that the messages are about. */
export async function heardInAnyOrder(world: World, peer: Peer, ...expected: readonly Json[]): Promise<void> {
  const bySession = (a: Json, b: Json): number => String(a.sessionId).localeCompare(String(b.sessionId));
  const heard = await world.take(peer, expected.length);
  same(heard.sort(bySession), [...expected].sort(bySession), `${peer.name} heard, in the order of sessions,`);
}
