/**
 * `@tswebrtc/protocol`: the messages of the GStreamer WebRTC signalling protocol, for browsers and Node alike. This package
 * is under everything and knows nothing: no socket, no clock, no Node module.
 */
export { encodeClientMessage, encodeServerMessage } from './encode.ts';
export { iceServersRefreshDelay } from './ice-servers.ts';
export { MAX_META_DEPTH } from './json-text.ts';
export {
  type ClientMessage,
  type ClientMessageOf,
  clientSchemas,
  type IceServer,
  iceCandidateSchema,
  iceServerSchema,
  metaSchema,
  type Peer,
  type PeerIceCandidate,
  type PeerIceMessage,
  type PeerMessage,
  type PeerRole,
  type PeerSdpMessage,
  type PeerSessionDescription,
  type ProtocolVersion,
  peerIceSchema,
  peerRoleSchema,
  peerSchema,
  peerSdpSchema,
  protocolVersionSchema,
  type ServerMessage,
  type ServerMessageOf,
  serverSchemas,
  sessionDescriptionSchema,
} from './messages.ts';
export { type ParseResult, parseClientMessage, parseServerMessage } from './parse.ts';
