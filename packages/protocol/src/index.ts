/**
 * `@tswebrtc/protocol`: the messages of the GStreamer WebRTC signalling protocol and of the data channels between a consumer and
 * its producer, for browsers and Node alike. This package is under everything and knows nothing: no socket, no clock, no Node module.
 */
export { encodeControlRequest, encodeControlResponse, encodeInfo, encodeNavigation } from './control/encode.ts';
export {
  CONTROL_CHANNEL_LABEL,
  type ControlId,
  type ControlProducerMessage,
  type ControlRequest,
  type ControlRequestMessage,
  type ControlResponseMessage,
  controlRequestSchema,
  controlResponseSchema,
  type InfoMessage,
  infoSchema,
  NAVIGATION_CHANNEL_LABEL,
  type NavigationMessage,
  type TimeCode,
  timeCodeSchema,
} from './control/messages.ts';
export {
  modifiersOf,
  NAVIGATION_MODIFIERS,
  type NavigationEvent,
  type NavigationModifier,
  navigationEventSchema,
} from './control/navigation.ts';
export { type ControlParseResult, parseControlProducerMessage, parseControlRequest, parseNavigation } from './control/parse.ts';
export { type ControlStructure, structureFault } from './control/structure.ts';
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
