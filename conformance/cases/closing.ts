/** The closing handshake (reference §1.9): one clean close, with the code that was given, and nothing behind it. */
import { RawClient } from '../../packages/signalling-server/src/test-client.testing.ts';
import { type Case, numbered, type Rule } from '../case.ts';
import { same } from '../difference.ts';
import { closingHandshake } from '../features.ts';
import { serverFrames } from '../frames.ts';
import { changed, ended, pair } from '../setup.ts';
import type { World } from '../world.ts';

const CLOSE = 8;

/** What the server has sent, each frame as its kind and its text, or the code of a Close. */
const sent = (raw: RawClient): unknown[] =>
  serverFrames(raw.received).map(({ opcode, payload, bytes }) => [
    opcode,
    opcode === CLOSE ? (bytes.length >= 2 ? bytes.readUInt16BE(0) : 0) : payload,
  ]);

/** A peer whose Close carries `code` sees a clean end. */
const clean = (code: number | undefined, seen: number): Rule => ({
  title: `answers a Close ${code ? `with code ${code}` : 'without a code'} likewise, and the peer sees a clean end`,
  needs: closingHandshake,
  run: async (world) => {
    const peer = await world.open('the peer');
    same((await peer.leave(code)).code, seen, 'The connection was closed with code');
    same(peer.errors, [], 'The peer saw the errors');
  },
});

/** Sends `bytes` on a raw connection and checks all that comes until the server has ended its side. */
async function answers(world: World, bytes: readonly Uint8Array[], expected: readonly unknown[]): Promise<RawClient> {
  const raw = await world.openRaw();
  raw.tcp.write(Buffer.concat(bytes));
  await raw.ended;
  same(sent(raw), expected, 'Until the end of its stream the server sent');
  same(raw.errors, [], 'The connection saw the errors');
  return raw;
}

export const closingCases: readonly Case[] = numbered('C', '§1.9', [
  clean(1000, 1000),
  clean(1001, 1001),
  clean(3000, 3000),
  clean(4999, 4999),
  clean(undefined, 1005),
  {
    title: 'answers a Close with one Close of the same code, then ends the stream',
    needs: closingHandshake,
    run: async (world) => {
      const raw = await answers(world, [RawClient.closeFrame(1000)], [[CLOSE, 1000]]);
      raw.tcp.end();
      await raw.closed;
      same(raw.errors, [], 'The connection saw the errors');
    },
  },
  {
    title: 'answers an empty Close with one Close',
    needs: closingHandshake,
    run: async (world) => {
      await answers(world, [RawClient.frame(CLOSE, '')], [[CLOSE, 0]]);
    },
  },
  {
    title: 'answers a Close with a reason with one Close of the same code',
    needs: closingHandshake,
    run: async (world) => {
      const withReason = RawClient.frame(CLOSE, Buffer.concat([Buffer.from([0x0b, 0xb8]), Buffer.from('that is all')]));
      await answers(world, [withReason], [[CLOSE, 3000]]);
    },
  },
  {
    title: 'handles a message that came with the Close, in the same packet',
    needs: closingHandshake,
    run: async (world) => {
      const listener = await world.open('the listener', { roles: ['listener'] });
      const status = RawClient.frame(1, '{"type":"setPeerStatus","roles":["producer"],"meta":1}');
      const raw = await answers(world, [status, RawClient.closeFrame(1000)], [[CLOSE, 1000]]);
      await world.heard([listener, changed(raw, ['producer'], 1), changed(raw, [], 1)]);
    },
  },
  {
    title: 'answers a request that came with the Close, before its own Close',
    needs: closingHandshake,
    run: async (world) => {
      const request = RawClient.frame(1, '{"type":"startSession","peerId":"nobody"}');
      const raw = await world.openRaw();
      raw.tcp.write(Buffer.concat([request, RawClient.closeFrame(1000)]));
      await raw.ended;
      const [reply, ...rest] = serverFrames(raw.received);
      same([reply?.opcode, reply?.payload.includes('nobody')], [1, true], 'The reply is');
      same(
        rest.map(({ opcode }) => opcode),
        [CLOSE],
        'Behind the reply came',
      );
    },
  },
  {
    title: 'reads nothing behind a Close',
    needs: closingHandshake,
    run: async (world) => {
      const listener = await world.open('the listener', { roles: ['listener'] });
      const late = RawClient.frame(1, '{"type":"setPeerStatus","roles":["producer"],"meta":"late"}');
      const raw = await answers(world, [RawClient.closeFrame(1000), late], [[CLOSE, 1000]]);
      await world.heard([listener, changed(raw, [])]);
    },
  },
  {
    title: 'sends nothing behind its Close, though there is news for the peer',
    needs: closingHandshake,
    run: async (world) => {
      const raw = await world.openRaw();
      raw.tcp.write(RawClient.frame(1, '{"type":"setPeerStatus","roles":["listener"]}'));
      await raw.until(() => raw.received.includes('peerStatusChanged'));
      raw.received = Buffer.alloc(0);
      const peer = await world.open('the peer');
      raw.tcp.write(RawClient.closeFrame(1000));
      peer.send({ type: 'setPeerStatus', roles: ['producer'] });
      await raw.ended;
      await world.heard();
      same(sent(raw).at(-1), [CLOSE, 1000], 'The last that came is');
      same(sent(raw).filter((frame) => (frame as unknown[])[0] === CLOSE).length, 1, 'The number of Close frames is');
    },
  },
  {
    title: 'tells the others of a peer that has said goodbye, though it does not end its stream',
    needs: closingHandshake,
    run: async (world) => {
      const listener = await world.open('the listener', { roles: ['listener'] });
      const raw = await answers(world, [RawClient.closeFrame(1000)], [[CLOSE, 1000]]);
      await world.heard([listener, changed(raw, [])]);
    },
  },
  {
    title: 'tells the others of a peer that ends its stream without a Close',
    run: async (world) => {
      const listener = await world.open('the listener', { roles: ['listener'] });
      const raw = await world.openRaw();
      raw.tcp.end();
      await world.heard([listener, changed(raw, [])]);
    },
  },
  {
    title: 'ends the sessions of a peer that says goodbye, whatever the code',
    run: async (world) => {
      const { id, producer, consumer } = await pair(world);
      await consumer.leave(4001);
      await world.heard([producer, ended(id)]);
    },
  },
  {
    title: 'drops what is forwarded to a peer that has left, without a reply',
    run: async (world) => {
      const { id, producer, consumer } = await pair(world);
      await consumer.leave(1000);
      producer.send({ type: 'peer', sessionId: id, ice: { candidate: '', sdpMLineIndex: 0 } });
      await world.heard([producer, ended(id)]);
    },
  },
]);
