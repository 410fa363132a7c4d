import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ClientMessage,
  encodeClientMessage,
  encodeServerMessage,
  MAX_META_DEPTH,
  type PeerMessage,
  parseClientMessage,
  parseServerMessage,
  type ServerMessage,
} from './index.ts';

const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.uuid());
const nullable = fc.option(text, { nil: null });
// JSON cannot carry -0, and a key "__proto__" in an expectation would be an assignment of the prototype.
const meta = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);
const roles = fc.array(fc.constantFrom('producer' as const, 'consumer' as const, 'listener' as const), { maxLength: 3 });
const peers = fc.array(fc.record({ id: text, meta }), { maxLength: 3 });
const status = fc.oneof(fc.record({ roles, meta }), fc.record({ roles, meta, peerId: text }));
const peerMessage: fc.Arbitrary<PeerMessage> = fc.oneof(
  fc.record({
    type: fc.constant('peer' as const),
    sessionId: text,
    sdp: fc.record({ type: fc.constantFrom('offer' as const, 'answer' as const), sdp: text }),
  }),
  fc.record({
    type: fc.constant('peer' as const),
    sessionId: text,
    ice: fc.record({ candidate: text, sdpMLineIndex: fc.integer({ min: 0, max: 0xffff_ffff }) }),
  }),
);
const type = <T extends string>(name: T): fc.Arbitrary<T> => fc.constant(name);

const clientMessage: fc.Arbitrary<ClientMessage> = fc.oneof(
  peerMessage,
  fc.record({ type: type('setProtocolVersion'), version: fc.constantFrom('v1_0' as const, 'v1_1' as const) }),
  status.map((fields) => ({ type: 'setPeerStatus' as const, ...fields })),
  fc.record({ type: type('startSession'), peerId: text, offer: nullable }),
  fc.record({ type: type('endSession'), sessionId: text }),
  fc.record({ type: type('endSessionV1_1'), sessionId: text, error: nullable }),
  fc.record({ type: type('list') }),
  fc.record({ type: type('listConsumers') }),
  fc.record({ type: type('newPeer') }),
);

const serverMessage: fc.Arbitrary<ServerMessage> = fc.oneof(
  peerMessage,
  fc.record({ type: type('welcome'), peerId: text }),
  status.map((fields) => ({ type: 'peerStatusChanged' as const, ...fields })),
  fc.record({ type: type('startSession'), peerId: text, sessionId: text, offer: nullable }),
  fc.record({ type: type('sessionStarted'), peerId: text, sessionId: text }),
  fc.record({ type: type('endSession'), sessionId: text }),
  fc.record({ type: type('endSessionV1_1'), sessionId: text, error: nullable }),
  fc.record({ type: type('list'), producers: peers }),
  fc.record({ type: type('listConsumers'), consumers: peers }),
  fc.record({ type: type('error'), details: text }),
);

describe('round trip', () => {
  it('gives every client message back unchanged', () => {
    fc.assert(
      fc.property(clientMessage, (message) => {
        expect(parseClientMessage(encodeClientMessage(message))).toEqual({ ok: true, message });
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it('gives every server message back unchanged', () => {
    fc.assert(
      fc.property(serverMessage, (message) => {
        expect(parseServerMessage(encodeServerMessage(message))).toEqual({ ok: true, message });
      }),
      { seed: 2, numRuns: 500 },
    );
  });
});

describe('what is written', () => {
  it.each<[ServerMessage, string]>([
    [{ type: 'welcome', peerId: 'p' }, '{"type":"welcome","peerId":"p"}'],
    [
      { type: 'peerStatusChanged', roles: ['producer', 'listener'], meta: null, peerId: 'p' },
      '{"type":"peerStatusChanged","roles":["producer","listener"],"meta":null,"peerId":"p"}',
    ],
    [{ type: 'peerStatusChanged', roles: [], meta: undefined }, '{"type":"peerStatusChanged","roles":[],"meta":null}'],
    [
      { type: 'startSession', peerId: 'k', sessionId: 's', offer: null },
      '{"type":"startSession","peerId":"k","sessionId":"s","offer":null}',
    ],
    [{ type: 'sessionStarted', peerId: 'p', sessionId: 's' }, '{"type":"sessionStarted","peerId":"p","sessionId":"s"}'],
    [{ type: 'endSession', sessionId: 's' }, '{"type":"endSession","sessionId":"s"}'],
    [{ type: 'endSessionV1_1', sessionId: 's', error: null }, '{"type":"endSessionV1_1","sessionId":"s","error":null}'],
    [
      {
        type: 'list',
        producers: [
          { id: 'p', meta: { name: 'cam' } },
          { id: 'q', meta: undefined },
        ],
      },
      '{"type":"list","producers":[{"id":"p","meta":{"name":"cam"}},{"id":"q","meta":null}]}',
    ],
    [{ type: 'listConsumers', consumers: [] }, '{"type":"listConsumers","consumers":[]}'],
    [{ type: 'error', details: 'no' }, '{"type":"error","details":"no"}'],
  ])('server %j', (message, expected) => {
    expect(encodeServerMessage(message)).toBe(expected);
  });

  it.each<[ClientMessage, string]>([
    [{ type: 'setProtocolVersion', version: 'v1_1' }, '{"type":"setProtocolVersion","version":"v1_1"}'],
    [{ type: 'setPeerStatus', roles: ['producer'], meta: null }, '{"type":"setPeerStatus","roles":["producer"],"meta":null}'],
    [{ type: 'startSession', peerId: 'p', offer: null }, '{"type":"startSession","peerId":"p","offer":null}'],
    [{ type: 'endSessionV1_1', sessionId: 's', error: 'x' }, '{"type":"endSessionV1_1","sessionId":"s","error":"x"}'],
    [
      { type: 'peer', sessionId: 's', sdp: { type: 'offer', sdp: 'v=0\r\n' } },
      '{"type":"peer","sessionId":"s","sdp":{"type":"offer","sdp":"v=0\\r\\n"}}',
    ],
    [
      { type: 'peer', sessionId: 's', ice: { candidate: '', sdpMLineIndex: 0 } },
      '{"type":"peer","sessionId":"s","ice":{"candidate":"","sdpMLineIndex":0}}',
    ],
  ])('client %j', (message, expected) => {
    expect(encodeClientMessage(message)).toBe(expected);
  });
});

describe('what is accepted', () => {
  it.each<[string, ClientMessage]>([
    ['{"roles":[],"type":"setPeerStatus"}', { type: 'setPeerStatus', roles: [], meta: null }],
    ['{"type":"setPeerStatus","roles":[],"peerId":null,"x":1}', { type: 'setPeerStatus', roles: [], meta: null }],
    ['{"type":"startSession","peerId":"p"}', { type: 'startSession', peerId: 'p', offer: null }],
    ['{"type":"endSessionV1_1","sessionId":"s"}', { type: 'endSessionV1_1', sessionId: 's', error: null }],
    [
      '{"type":"peer","sessionId":"s","ice":{"candidate":"","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"ab"}}',
      { type: 'peer', sessionId: 's', ice: { candidate: '', sdpMLineIndex: 0 } },
    ],
    [
      '{"type":"peer","sessionId":"s","sdp":{"type":"answer","sdp":"a"},"ice":{"candidate":"c","sdpMLineIndex":0}}',
      { type: 'peer', sessionId: 's', sdp: { type: 'answer', sdp: 'a' } },
    ],
    [
      '{"type":"peer","ice":{"candidate":"c","sdpMLineIndex":1},"sessionId":"s","sdp":{"type":"answer","sdp":"a"}}',
      { type: 'peer', sessionId: 's', ice: { candidate: 'c', sdpMLineIndex: 1 } },
    ],
    [
      '{"type":"setPeerStatus","roles":[],"meta":{"type":"a","b":[{"type":"c"}],"t\\"":"\\ud83d\\ude00"}}',
      { type: 'setPeerStatus', roles: [], meta: { type: 'a', b: [{ type: 'c' }], 't"': '😀' } },
    ],
  ])('%s', (line, message) => {
    expect(parseClientMessage(line)).toEqual({ ok: true, message });
  });
});

describe('what is dropped, with a reason in one sentence', () => {
  const nested = `{"type":"setPeerStatus","roles":[],"meta":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
  it.each([
    ['', /not valid JSON/],
    ['{"type":"list"', /not valid JSON/],
    ['null', /not a JSON object/],
    ['[]', /not a JSON object/],
    ['["list"]', /not a JSON object/],
    ['{}', /no "type"/],
    ['{"type":7}', /no "type"/],
    ['{"type":"welcome","peerId":"p"}', /unknown/],
    ['{"type":"hasOwnProperty"}', /unknown/],
    ['{"type":"__proto__"}', /unknown/],
    ['{"type":"list","type":"list"}', /more than one "type"/],
    ['{"type":"list","a":{"b":[1,2]},"t\\u0079pe":"list"}', /more than one "type"/],
    ['{"type":"setProtocolVersion","version":"1.1"}', /"version"/],
    ['{"type":"setProtocolVersion","version":"V1_1"}', /"version"/],
    ['{"type":"setPeerStatus"}', /"roles"/],
    ['{"type":"setPeerStatus","roles":["viewer"]}', /"roles\.0"/],
    ['{"type":"startSession","peerId":"p","offer":{"type":"offer","sdp":""}}', /"offer"/],
    ['{"type":"startSession"}', /"peerId"/],
    ['{"type":"peer","sessionId":"s"}', /neither/],
    ['{"type":"peer","sdp":{"type":"offer","sdp":""}}', /"sessionId"/],
    ['{"type":"peer","sessionId":"s","sdp":null,"ice":{"candidate":"","sdpMLineIndex":0}}', /"sdp"/],
    ['{"type":"peer","sessionId":"s","sdp":{"type":"pranswer","sdp":""}}', /"sdp\.type"/],
    ['{"type":"peer","sessionId":"s","sdp":{"type":"rollback","sdp":""}}', /"sdp\.type"/],
    ['{"type":"peer","sessionId":"s","ice":{"candidate":""}}', /"ice\.sdpMLineIndex"/],
    ['{"type":"peer","sessionId":"s","ice":{"candidate":"","sdpMLineIndex":null}}', /"ice\.sdpMLineIndex"/],
    ['{"type":"peer","sessionId":"s","ice":{"candidate":"","sdpMLineIndex":-1}}', /"ice\.sdpMLineIndex"/],
    ['{"type":"peer","sessionId":"s","ice":{"candidate":"","sdpMLineIndex":1.5}}', /"ice\.sdpMLineIndex"/],
    ['{"type":"peer","sessionId":"s","ice":{"candidate":"","sdpMLineIndex":4294967296}}', /"ice\.sdpMLineIndex"/],
    ['{"type":"peer","sessionId":"s","ice":{"candidate":null,"sdpMLineIndex":0}}', /"ice\.candidate"/],
    ['{"type":"startSession","peerId":"\\ud800"}', /Unicode/],
    [nested, /nests deeper/],
  ])('%.90s', (line, reason) => {
    const result = parseClientMessage(line);
    expect(result).toEqual({ ok: false, reason: expect.stringMatching(reason) });
    expect(result).toEqual({ ok: false, reason: expect.stringMatching(/^The .*\.$/) });
  });

  it('never throws, whatever the text', () => {
    const mutated = fc.tuple(clientMessage, fc.nat(), fc.string({ maxLength: 3 })).map(([message, at, insert]) => {
      const line = encodeClientMessage(message);
      const cut = at % line.length;
      return line.slice(0, cut) + insert + line.slice(cut + 1);
    });
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), mutated), (line) => {
        for (const result of [parseClientMessage(line), parseServerMessage(line)])
          if (!result.ok) expect(result.reason).toMatch(/\.$/);
      }),
      { seed: 3, numRuns: 2000 },
    );
  });

  it('takes a meta of the greatest depth and no deeper', () => {
    const status = (depth: number): string =>
      `{"type":"setPeerStatus","roles":[],"meta":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    expect(parseClientMessage(status(MAX_META_DEPTH)).ok).toBe(true);
    expect(parseClientMessage(status(MAX_META_DEPTH + 1)).ok).toBe(false);
  });
});

it('reads plain descriptions and candidates just as the schema does', () => {
  const odd = fc.constantFrom(null, 0, -1, 1.5, 2 ** 32, '', 'x', [], {}, true);
  const sdp = fc.oneof(
    odd,
    fc.record({ type: fc.constantFrom('offer', 'answer', 'rollback', 1), sdp: odd }, { requiredKeys: [] }),
  );
  const ice = fc.oneof(
    odd,
    fc.record({ candidate: odd, sdpMLineIndex: fc.oneof(odd, fc.nat()), sdpMid: fc.string() }, { requiredKeys: [] }),
  );
  const message = fc.record(
    { type: fc.constant('peer'), sessionId: fc.oneof(odd, fc.string()), sdp, ice },
    { requiredKeys: ['type'] },
  );
  fc.assert(
    fc.property(message, (value) => {
      const plain = JSON.stringify(value);
      // An escape in a key that is ignored sends it past the short way.
      const bySchema = `${plain.slice(0, -1)},"ignored":"\\u0041"}`;
      expect(parseClientMessage(plain)).toEqual(parseClientMessage(bySchema));
    }),
    { seed: 3, numRuns: 5000 },
  );
});
