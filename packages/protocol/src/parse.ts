/**
 * Text to message. Nothing a peer can send makes these functions throw: whatever is not a message comes back as a reason in
 * one sentence, for a log or an error (reference §1.7: such text is dropped and the connection kept).
 */
import type * as z from 'zod/mini';
import { hasDuplicateTopLevelKey, hasLoneSurrogate, isDeeperThan, MAX_META_DEPTH } from './json-text.ts';
import {
  type ClientMessage,
  clientSchemas,
  type PeerMessage,
  peerIceSchema,
  peerSdpSchema,
  type ServerMessage,
  serverSchemas,
} from './messages.ts';

/** A message, or why the text is none: one sentence without any of the text's content, so that it may be logged. */
export type ParseResult<Message> =
  | { readonly ok: true; readonly message: Message }
  | { readonly ok: false; readonly reason: string };

/** Reads what a client sent. Never throws. */
export function parseClientMessage(text: string): ParseResult<ClientMessage> {
  return parseMessage<ClientMessage>(text, clientSchemas);
}

/** Reads what the server sent. Never throws. */
export function parseServerMessage(text: string): ParseResult<ServerMessage> {
  return parseMessage<ServerMessage>(text, serverSchemas);
}

type Schemas = Readonly<Record<string, z.ZodMiniType>>;

function parseMessage<Message>(text: string, schemas: Schemas): ParseResult<Message> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refuse('The text is not valid JSON.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse('The message is not a JSON object.');
  const { type } = value as { type?: unknown };
  if (typeof type !== 'string') return refuse('The message has no "type" text.');
  if (type === 'peer' && !text.includes('\\u')) {
    const plain = plainPeerMessage(value);
    if (plain && !hasDuplicateTopLevelKey(text, 'type')) return { ok: true, message: plain as Message };
  }
  const schema = type === 'peer' ? peerSchemaOf(value) : Object.hasOwn(schemas, type) ? schemas[type] : undefined;
  if (!schema)
    return refuse(
      type === 'peer' ? 'The "peer" message carries neither "sdp" nor "ice".' : 'The "type" of the message is unknown.',
    );
  const result = schema.safeParse(value);
  if (!result.success) return refuse(`The "${type}" message has no valid ${faultyKey(result.error)}.`);
  const message = result.data as Message & { meta?: unknown };
  if (tooDeep(message)) return refuse(`The "meta" of the "${type}" message nests deeper than ${MAX_META_DEPTH} levels.`);
  if (hasLoneSurrogate(text, message)) return refuse(`The "${type}" message holds text that is not valid Unicode.`);
  if (hasDuplicateTopLevelKey(text, 'type')) return refuse('The message has more than one "type".');
  return { ok: true, message };
}

/** Of `sdp` and `ice` the one that comes first in the text counts; a JSON object keeps the order of its keys. */
function peerSchemaOf(value: object): z.ZodMiniType | undefined {
  for (const key of Object.keys(value)) {
    if (key === 'sdp') return peerSdpSchema;
    if (key === 'ice') return peerIceSchema;
  }
  return undefined;
}

/**
 * Descriptions and candidates as they nearly all are, told without the schema, which takes ten times as long: they are nine tenths
 * of what a server reads. Undefined for everything that is not plainly right, about which the schema decides.
 */
function plainPeerMessage(value: object): PeerMessage | undefined {
  const { sessionId, sdp, ice } = value as { sessionId?: unknown; sdp?: unknown; ice?: unknown };
  if (typeof sessionId !== 'string') return undefined;
  if (typeof ice === 'object' && ice !== null && sdp === undefined) {
    const { candidate, sdpMLineIndex: index } = ice as { candidate?: unknown; sdpMLineIndex?: unknown };
    if (typeof candidate !== 'string' || typeof index !== 'number' || index >>> 0 !== index) return undefined;
    return { type: 'peer', sessionId, ice: { candidate, sdpMLineIndex: index } };
  }
  if (typeof sdp === 'object' && sdp !== null && ice === undefined) {
    const { type, sdp: text } = sdp as { type?: unknown; sdp?: unknown };
    if ((type !== 'offer' && type !== 'answer') || typeof text !== 'string') return undefined;
    return { type: 'peer', sessionId, sdp: { type, sdp: text } };
  }
  return undefined;
}

function tooDeep(message: unknown): boolean {
  const { meta, producers, consumers } = message as Record<string, unknown>;
  if (meta !== undefined) return isDeeperThan(meta, MAX_META_DEPTH);
  const peers = producers ?? consumers;
  return Array.isArray(peers) && peers.some((peer: { meta: unknown }) => isDeeperThan(peer.meta, MAX_META_DEPTH));
}

function faultyKey(error: { readonly issues: readonly { readonly path: readonly PropertyKey[] }[] }): string {
  const path = error.issues[0]?.path.map(String).join('.');
  return path ? `"${path}"` : 'shape';
}

function refuse(reason: string): { ok: false; reason: string } {
  return { ok: false, reason };
}
