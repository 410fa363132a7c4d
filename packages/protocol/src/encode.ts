/**
 * Message to text, with exactly the keys of the protocol, in the order the reference writes them, and its choice between
 * null and absent (reference §1.2): `meta`, `offer` and `error` are written as null, an unset `peerId` is left out.
 */
import type { ClientMessage, Peer, PeerMessage, ServerMessage } from './messages.ts';

/** Writes what a client sends. Throws `TypeError` when `meta` is no JSON value (a cycle, a bigint). */
export function encodeClientMessage(message: ClientMessage): string {
  return JSON.stringify(clientShape(message));
}

/** Writes what the server sends. Throws `TypeError` when a `meta` is no JSON value (a cycle, a bigint). */
export function encodeServerMessage(message: ServerMessage): string {
  return JSON.stringify(serverShape(message));
}

function clientShape(message: ClientMessage): object {
  const { type } = message;
  switch (type) {
    case 'setProtocolVersion':
      return { type, version: message.version };
    case 'setPeerStatus':
      return { type, roles: message.roles, meta: message.meta ?? null, peerId: message.peerId };
    case 'startSession':
      return { type, peerId: message.peerId, offer: message.offer ?? null };
    case 'endSession':
      return { type, sessionId: message.sessionId };
    case 'endSessionV1_1':
      return { type, sessionId: message.sessionId, error: message.error ?? null };
    case 'peer':
      return peerShape(message);
    case 'list':
    case 'listConsumers':
    case 'iceServers':
    case 'newPeer':
      return { type };
    default:
      return unknownType(type);
  }
}

function serverShape(message: ServerMessage): object {
  const { type } = message;
  switch (type) {
    case 'welcome':
      return { type, peerId: message.peerId };
    case 'peerStatusChanged':
      return { type, roles: message.roles, meta: message.meta ?? null, peerId: message.peerId };
    case 'startSession':
      return { type, peerId: message.peerId, sessionId: message.sessionId, offer: message.offer ?? null };
    case 'sessionStarted':
      return { type, peerId: message.peerId, sessionId: message.sessionId };
    case 'endSession':
      return { type, sessionId: message.sessionId };
    case 'endSessionV1_1':
      return { type, sessionId: message.sessionId, error: message.error ?? null };
    case 'peer':
      return peerShape(message);
    case 'list':
      return { type, producers: message.producers.map(listed) };
    case 'listConsumers':
      return { type, consumers: message.consumers.map(listed) };
    case 'iceServers':
      return { type, iceServers: message.iceServers, ttl: message.ttl };
    case 'error':
      return { type, details: message.details };
    default:
      return unknownType(type);
  }
}

function peerShape(message: PeerMessage): object {
  const { type, sessionId } = message;
  if ('sdp' in message) return { type, sessionId, sdp: { type: message.sdp.type, sdp: message.sdp.sdp } };
  const { candidate, sdpMLineIndex } = message.ice;
  return { type, sessionId, ice: { candidate, sdpMLineIndex } };
}

function listed(peer: Peer): object {
  return { id: peer.id, meta: peer.meta ?? null };
}

function unknownType(type: never): never {
  throw new TypeError(`"${String(type)}" is not a type of message of this direction; see the types of this package.`);
}
