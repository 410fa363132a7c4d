/**
 * What the reference describes and the last release of the original (0.15) does not have: the reference is of the version
 * after it. A case that needs such a feature is no failure of a server that plainly lacks all of it.
 */
import { RawClient } from '../packages/signalling-server/src/test-client.testing.ts';
import { same } from './difference.ts';
import { serverFrames } from './frames.ts';
import { changed, ended, isGone, lives, pair } from './setup.ts';
import type { World } from './world.ts';

export interface Feature {
  readonly name: string;
  /** What a server does that lacks the feature, in one sentence. */
  readonly without: string;
  /** Throws a `Difference` unless the server of `world` lacks the feature. */
  readonly lacks: (world: World) => Promise<void>;
}

export const protocolVersions: Feature = {
  name: 'protocol 1.1',
  without: 'It drops `setProtocolVersion` and `endSessionV1_1` as it drops all unknown messages.',
  lacks: async (world) => {
    const session = await pair(world, { producer: { version: 'v1_1' }, consumer: { version: 'v1_1' } });
    const { id, producer, consumer } = session;
    producer.send({ type: 'setProtocolVersion', version: 'v1_1' });
    for (const error of ['x', null]) producer.send({ type: 'endSessionV1_1', sessionId: id, error });
    await world.heard();
    await lives(world, session);
    producer.send({ type: 'endSession', sessionId: id });
    await world.heard([consumer, ended(id)]);
    await isGone(world, session);
  },
};

export const closingHandshake: Feature = {
  name: 'the closing handshake',
  without: 'It ends the connection of a peer that sends a Close without a Close of its own, and tells the others.',
  lacks: async (world) => {
    const listener = await world.open('the listener', { roles: ['listener'] });
    const raw = await world.openRaw();
    raw.tcp.write(RawClient.closeFrame(1000));
    await raw.ended;
    same(serverFrames(raw.received), [], 'The server answered');
    await world.heard([listener, changed(raw, [])]);
  },
};
