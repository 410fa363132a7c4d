/**
 * Every message of the signalling protocol of the GStreamer WebRTC family, declared once: the schemas below are what the
 * server, the signaller and the browser library parse with, and the types are derived from them.
 *
 * One JSON object per WebSocket text frame, its kind in `type` (reference §1.1 client to server, §1.2 server to client).
 * Keys that are not named here are ignored when read and never written. Fields that may be null or absent on the wire are
 * always present, as null, in a parsed message, with the exception of `peerId` of a peer status, which stays absent.
 */
import * as z from 'zod/mini';

const nullableText = z._default(z.nullable(z.string()), null);

/** What a peer is in the eyes of the others. `producer` and `consumer` exclude each other. */
export const peerRoleSchema = z.enum(['producer', 'consumer', 'listener']);
export type PeerRole = z.infer<typeof peerRoleSchema>;

/** `v1_1` peers are told why a session ended. A peer that never chooses is at `v1_0`. */
export const protocolVersionSchema = z.enum(['v1_0', 'v1_1']);
export type ProtocolVersion = z.infer<typeof protocolVersionSchema>;

/** Any JSON value; null when the peer describes itself by nothing. */
export const metaSchema = z._default(z.unknown(), null);

/** An entry of `list` and `listConsumers`. */
export const peerSchema = z.object({ id: z.string(), meta: metaSchema });
export type Peer = z.infer<typeof peerSchema>;

export const sessionDescriptionSchema = z.object({ type: z.enum(['offer', 'answer']), sdp: z.string() });
export type PeerSessionDescription = z.infer<typeof sessionDescriptionSchema>;

/**
 * An ICE candidate. The media section is named by its index alone: `sdpMid` and `usernameFragment`, which browsers add, do
 * not belong to the protocol and are dropped. An empty `candidate` says that no more will come.
 */
export const iceCandidateSchema = z.object({ candidate: z.string(), sdpMLineIndex: z.uint32() });
export type PeerIceCandidate = z.infer<typeof iceCandidateSchema>;

export const peerSdpSchema = z.object({
  type: z.literal('peer'),
  sessionId: z.string(),
  sdp: sessionDescriptionSchema,
});
export const peerIceSchema = z.object({ type: z.literal('peer'), sessionId: z.string(), ice: iceCandidateSchema });
export type PeerSdpMessage = z.infer<typeof peerSdpSchema>;
export type PeerIceMessage = z.infer<typeof peerIceSchema>;
/** A description or a candidate on its way to the other party of a session; the same in both directions. */
export type PeerMessage = PeerSdpMessage | PeerIceMessage;

/** A server that helps with ICE, in the shape of the W3C's `RTCIceServer`. */
export const iceServerSchema = z.object({
  urls: z.array(z.string()),
  username: z.optional(z.string()),
  credential: z.optional(z.string()),
});
export type IceServer = z.infer<typeof iceServerSchema>;

const endSessionSchema = z.object({ type: z.literal('endSession'), sessionId: z.string() });
const endSessionV11Schema = z.object({ type: z.literal('endSessionV1_1'), sessionId: z.string(), error: nullableText });
const peerIdSchema = z.pipe(
  z.optional(z.nullable(z.string())),
  z.transform((id) => id ?? undefined),
);

/** Schemas of what clients send, by `type`; `peer` is in `peerSdpSchema` and `peerIceSchema`. */
export const clientSchemas = {
  setProtocolVersion: z.object({ type: z.literal('setProtocolVersion'), version: protocolVersionSchema }),
  setPeerStatus: z.object({
    type: z.literal('setPeerStatus'),
    roles: z.array(peerRoleSchema),
    meta: metaSchema,
    peerId: z.optional(peerIdSchema),
  }),
  /** `peerId` is whom the session is wanted with. */
  startSession: z.object({ type: z.literal('startSession'), peerId: z.string(), offer: nullableText }),
  endSession: endSessionSchema,
  endSessionV1_1: endSessionV11Schema,
  list: z.object({ type: z.literal('list') }),
  listConsumers: z.object({ type: z.literal('listConsumers') }),
  /** Asks for STUN and TURN servers. An addition to the reference's protocol: its server drops it without an answer. */
  iceServers: z.object({ type: z.literal('iceServers') }),
  /** Known, but the server's own business: a server ignores it from the network (see the server's hub). */
  newPeer: z.object({ type: z.literal('newPeer') }),
} as const;

/** Schemas of what the server sends, by `type`; `peer` is in `peerSdpSchema` and `peerIceSchema`. */
export const serverSchemas = {
  welcome: z.object({ type: z.literal('welcome'), peerId: z.string() }),
  peerStatusChanged: z.object({
    type: z.literal('peerStatusChanged'),
    roles: z.array(peerRoleSchema),
    meta: metaSchema,
    peerId: z.optional(peerIdSchema),
  }),
  /** To the producer; `peerId` is the consumer. */
  startSession: z.object({
    type: z.literal('startSession'),
    peerId: z.string(),
    sessionId: z.string(),
    offer: nullableText,
  }),
  /** To the consumer; `peerId` is the producer. */
  sessionStarted: z.object({ type: z.literal('sessionStarted'), peerId: z.string(), sessionId: z.string() }),
  endSession: endSessionSchema,
  endSessionV1_1: endSessionV11Schema,
  list: z.object({ type: z.literal('list'), producers: z.array(peerSchema) }),
  listConsumers: z.object({ type: z.literal('listConsumers'), consumers: z.array(peerSchema) }),
  /** Only to who asked for it. `ttl` says for how many seconds the credentials are good; null where they do not expire. */
  iceServers: z.object({ type: z.literal('iceServers'), iceServers: z.array(iceServerSchema), ttl: z.nullable(z.number()) }),
  /** `details` is a sentence for people. */
  error: z.object({ type: z.literal('error'), details: z.string() }),
} as const;

type MessageOf<S> = { [K in keyof S]: S[K] extends z.ZodMiniType ? z.infer<S[K]> : never }[keyof S];

/** What a client sends. */
export type ClientMessage = MessageOf<typeof clientSchemas> | PeerMessage;
/** What the server sends. */
export type ServerMessage = MessageOf<typeof serverSchemas> | PeerMessage;

/** The client message of one `type`. */
export type ClientMessageOf<T extends ClientMessage['type']> = Extract<ClientMessage, { type: T }>;
/** The server message of one `type`. */
export type ServerMessageOf<T extends ServerMessage['type']> = Extract<ServerMessage, { type: T }>;
