/** Whatever can happen at a hub, in any order, for tests of its properties. */
import type { ClientMessage } from '@tswebrtc/protocol';
import fc from 'fast-check';

export const names = ['a', 'b', 'c', 'd'];
const peer = fc.constantFrom(...names);
const sessionId = fc.integer({ min: 1, max: 12 }).map((n) => `s${n}`);
const roles = fc.subarray(['producer', 'consumer', 'listener'] as const);
const version = fc.constantFrom('v1_0' as const, 'v1_1' as const);
const description = fc.record({ type: fc.constantFrom('offer' as const, 'answer' as const), sdp: fc.constant('v=0') });
const message: fc.Arbitrary<ClientMessage> = fc.oneof(
  fc.record({ type: fc.constant('setProtocolVersion' as const), version }),
  fc.record({ type: fc.constant('setPeerStatus' as const), roles: roles.map((list) => [...list]), meta: fc.constant(null) }),
  fc.record({ type: fc.constant('startSession' as const), peerId: peer, offer: fc.constant(null) }),
  fc.record({ type: fc.constant('endSession' as const), sessionId }),
  fc.record({ type: fc.constant('endSessionV1_1' as const), sessionId, error: fc.constantFrom(null, 'x') }),
  fc.record({ type: fc.constant('peer' as const), sessionId, sdp: description }),
  fc.constant({ type: 'newPeer' as const }),
);
export const event = fc.oneof(
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('connect' as const), peer }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('disconnect' as const), peer }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('message' as const), peer, message }) },
);
