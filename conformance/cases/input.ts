/** Malformed and unusual input (reference §1.7), and the transport of it all (§1): what a connection survives. */
import { WebSocket } from 'ws';
import { RawClient } from '../../packages/signalling-server/src/test-client.testing.ts';
import { type Case, numbered, type Rule } from '../case.ts';
import { same } from '../difference.ts';
import { serverFrames } from '../frames.ts';
import type { Peer } from '../peer.ts';
import { changed, lists, lives, pair } from '../setup.ts';
import type { World } from '../world.ts';

/** Text that is no message: no reply, and everything goes on. */
const dropped = (what: string, text: string): Rule => ({
  title: `drops ${what} without a reply, and keeps the connection`,
  run: async (world) => {
    const session = await pair(world);
    session.consumer.send(text);
    await world.heard();
    await lives(world, session);
  },
});

/** Nothing follows from what `act` does, and the connection goes on. */
const ignored = (what: string, act: (peer: Peer) => void): Rule => ({
  title: `ignores ${what}`,
  run: async (world) => {
    const session = await pair(world);
    act(session.consumer);
    await world.heard();
    await lives(world, session);
  },
});

/** What is wrong below the messages ends its own connection, and the others are told of a departure. */
const ends = (what: string, bytes: Buffer): Rule => ({
  title: `ends the connection of a peer that sends ${what}, and tells the others`,
  run: async (world) => {
    const listener = await world.open('the listener', { roles: ['listener'] });
    const raw = await world.openRaw();
    raw.tcp.write(bytes);
    await raw.ended;
    await world.heard([listener, changed(raw, [])]);
  },
});

const withFirstByte = (first: number, payload: Uint8Array | string): Buffer => {
  const frame = RawClient.frame(1, payload);
  frame[0] = first;
  return frame;
};

/** A session whose producer has sent `bytes` bytes in one message. */
async function large(world: World, bytes: number) {
  const session = await pair(world);
  const message = { type: 'peer', sessionId: session.id, sdp: { type: 'offer', sdp: '' } };
  message.sdp.sdp = 'x'.repeat(bytes - JSON.stringify(message).length);
  session.producer.send(message);
  return { session, message };
}

/** The headers of the answer to a WebSocket handshake. */
async function handshake(url: string, protocols: string[], origin?: string): Promise<Record<string, unknown>> {
  const socket = new WebSocket(url, protocols, origin === undefined ? {} : { origin });
  const answer = new Promise<Record<string, unknown>>((resolve, reject) => {
    socket.on('upgrade', ({ headers }) => resolve(headers));
    // With a sub-protocol that the server does not take the client gives up, but has had its answer.
    socket.on('error', reject);
  });
  return answer.finally(() => socket.terminate());
}

export const inputCases: readonly Case[] = [
  ...numbered('I', '§1.7', [
    dropped('an empty text', ''),
    dropped('white space', ' \n'),
    dropped('half a message', '{"type":"list"'),
    dropped('a message with something behind it', '{"type":"list"} x'),
    dropped('two messages in one frame', '{"type":"list"}{"type":"list"}'),
    dropped('JSON with a comma too many', '{"type":"list",}'),
    dropped('JSON with single quotes', "{'type':'list'}"),
    dropped('a byte order mark', '\ufeff{"type":"list"}'),
    dropped('null', 'null'),
    dropped('true', 'true'),
    dropped('a number', '7'),
    dropped('a text', '"list"'),
    dropped('an empty array', '[]'),
    dropped('an array of messages', '[{"type":"list"}]'),
    dropped('an empty object', '{}'),
    dropped('plain words', 'GET / HTTP/1.1'),
    dropped('brackets without an end', '['.repeat(50_000)),
    dropped('an unknown type with a key that other messages need', '{"type":"hello","roles":["producer"]}'),
    dropped('the name of a property that all objects have, as type', '{"type":"constructor"}'),
    ignored('a binary frame', (peer) => peer.sendBinary(Buffer.from('{"type":"list"}'))),
    ignored('an empty binary frame', (peer) => peer.sendBinary(Buffer.alloc(0))),
    ignored('a pong that nobody asked for', (peer) => peer.socket.pong('x')),
    {
      title: 'answers a ping with a pong of the same content',
      run: async (world) => {
        const peer = await world.open('the peer');
        const pong = new Promise<string>((resolve) => peer.socket.once('pong', (data) => resolve(String(data))));
        peer.socket.ping('are you there');
        same(await pong, 'are you there', 'The pong says');
        await world.heard();
      },
    },
    {
      title: 'takes a message in fragments, with a ping among them',
      run: async (world) => {
        const raw = await world.openRaw();
        const parts = [
          withFirstByte(0x01, '{"ty'),
          RawClient.frame(9, 'x'),
          withFirstByte(0x00, 'pe":"list'),
          withFirstByte(0x80, 'X"}'),
        ];
        raw.tcp.write(Buffer.concat(parts));
        raw.tcp.write(RawClient.frame(1, '{"type":"setPeerStatus","roles":["listener"]}'));
        await raw.until(() => raw.received.includes('peerStatusChanged') && raw.received.at(-1) === 0x7d);
        const heard = serverFrames(raw.received).map(({ opcode, payload }) => [
          opcode,
          opcode === 1 ? JSON.parse(payload) : payload,
        ]);
        same(
          heard,
          [
            [10, 'x'],
            [1, changed(raw, ['listener'])],
          ],
          'The peer heard',
        );
      },
    },
    {
      title: 'takes a message of 64 KiB',
      run: async (world) => {
        const { session, message } = await large(world, 65_536);
        await world.heard([session.consumer, message]);
      },
    },
    {
      title: 'closes the connection of a peer that sends a larger message, with code 1009, and tells the others',
      run: async (world) => {
        const { session } = await large(world, 65_537);
        same((await session.producer.closed).code, 1009, 'The connection was closed with code');
        same(session.producer.errors, [], 'The producer saw the errors');
        await world.heard([session.consumer, { type: 'endSession', sessionId: session.id }]);
      },
      differs: {
        why: 'No description is as large, and what a peer may make the server hold has to be bounded; the limit is an option.',
        instead: 'takes messages of many megabytes',
        original: async (world) => {
          const { session, message } = await large(world, 4 << 20);
          await world.heard([session.consumer, message]);
        },
      },
    },
    ends('text that is not UTF-8', RawClient.frame(1, Buffer.from([0x7b, 0xff, 0xfe]))),
    ends('a frame of an unknown kind', RawClient.frame(3, '')),
    ends('a compressed frame, which was not agreed upon', withFirstByte(0xc1, '{"type":"list"}')),
    {
      title: 'tells the others of a peer whose connection is reset',
      run: async (world) => {
        const listener = await world.open('the listener', { roles: ['listener'] });
        const raw = await world.openRaw();
        raw.tcp.resetAndDestroy();
        await world.heard([listener, changed(raw, [])]);
      },
    },
  ]),
  ...numbered('T', '§1', [
    {
      title: 'accepts a connection under any path and with any query',
      run: async (world) => {
        const peer = await world.open('the peer', { roles: ['producer'], path: '/some/path?with=a&query' });
        await lists(world, peer, [{ id: peer.id, meta: null }]);
      },
    },
    {
      title: 'chooses no sub-protocol',
      run: async (world) => {
        same(
          (await handshake(world.url, ['chat', 'janus-protocol']))['sec-websocket-protocol'],
          undefined,
          'The sub-protocol is',
        );
      },
    },
    {
      title: 'accepts pages of any origin',
      run: async (world) => {
        const { upgrade } = await handshake(world.url, [], 'https://somewhere.example');
        same(String(upgrade).toLowerCase(), 'websocket', 'The connection was upgraded to');
      },
    },
    {
      title: 'sends messages as text frames',
      run: async (world) => {
        const raw = await world.openRaw();
        raw.tcp.write(RawClient.frame(1, '{"type":"list","x":1}'));
        await raw.until(() => raw.received.includes('"list"') && raw.received.at(-1) === 0x7d);
        same(
          serverFrames(raw.received).map(({ opcode }) => opcode),
          [1],
          'The kinds of frames are',
        );
      },
    },
  ]),
];
